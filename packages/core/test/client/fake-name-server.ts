import type { Request } from '../../src/connection/server-session.ts';
import { wireNumberOf } from '../../src/errors.ts';
import type { Random } from '../../src/random.ts';
import type { BrokerRouteInit, HelloOkInit, RouteInit, RoutesInit } from '../../src/wire/gen/messages.ts';
import { FakeServer, nameServerIdentity } from './world.ts';

export class FakeNameServer extends FakeServer {
  /** Queues by broker, by topic. */
  readonly topics = new Map<string, Record<string, number>>();
  readonly brokers = new Map<string, BrokerRouteInit>();
  ready = true;
  queries = 0;
  asked: string[] = [];

  constructor(address: string, random: Random) {
    super(address, address, random);
  }

  identity(): HelloOkInit {
    return nameServerIdentity(this.name);
  }

  broker(name: string, address: string, more: Partial<BrokerRouteInit> = {}): void {
    this.brokers.set(name, { broker: name, endpoints: [{ listener: 'default', scheme: 'qanat', address }], ...more });
  }

  onRequest(request: Request): void {
    const query = (request as Request<'ROUTE_QUERY'>).header;
    this.queries++;
    this.asked.push(...query.topics);
    (request as Request<'ROUTE_QUERY'>).respond(this.routes(query.all ? [...this.topics.keys()] : query.topics));
  }

  /** Tells every connection what is known of the topics now. */
  push(...topics: string[]): void {
    for (const session of this.sessions.all()) session.push('ROUTE_UPDATE', this.routes(topics));
  }

  goAway(): void {
    for (const session of this.sessions.all())
      session.push('GOAWAY', { code: wireNumberOf('SHUTTING_DOWN'), message: 'bye', graceMs: 1000 });
  }

  routes(topics: readonly string[]): RoutesInit {
    const routes = topics.map((topic): RouteInit => {
      const shares = this.topics.get(topic);
      if (shares === undefined) return { topic, code: wireNumberOf(this.ready ? 'TOPIC_NOT_FOUND' : 'NOT_READY') };
      return { topic, shares: Object.entries(shares).map(([broker, queues]) => ({ broker, queues })) };
    });
    return { routes, brokers: [...this.brokers.values()] };
  }
}
