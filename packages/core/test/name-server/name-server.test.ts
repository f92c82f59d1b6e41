// Goal: a NameServer knows who is there, tells who watches, and forgets at the instants that the specification names.
import { LIMITS, NameServer, Random, type RegisterBrokerInit, type Routes, wireNumberOf } from '@qanat/core';
import { VirtualClock, VirtualNetwork, VirtualNode } from '@qanat/simulator';
import { describe, expect, it } from 'vitest';
import { SessionClient } from '../session-client.ts';

const STORE_A = new Uint8Array(16).fill(1);
const STORE_B = new Uint8Array(16).fill(2);
const registration = (more: RegisterBrokerInit = {}): RegisterBrokerInit => ({
  broker: 'broker-a',
  storeId: STORE_A,
  term: 1,
  revision: 1,
  endpoints: [{ scheme: 'mem', address: 'a:7610' }],
  topics: [{ topic: 'orders', queues: 4 }],
  ...more,
});

function world(warmupMs = 0) {
  const clock = new VirtualClock();
  const network = new VirtualNetwork(clock);
  const engine = new NameServer({ name: 'ns', software: 'test', random: new Random(1), warmupMs });
  const node = new VirtualNode(engine, { name: 'ns', clock, transport: network.transport('ns') });
  node.start();
  node.listen('ns:7600', () => {});
  clock.run(1);
  let clients = 0;
  const client = (): SessionClient => new SessionClient(clock, network, `host-${++clients}`, 'ns:7600');
  const beat = (from: SessionClient, revision = 1): boolean =>
    from.request('BROKER_HEARTBEAT', { broker: 'broker-a', storeId: STORE_A, term: 1, revision }).response.header.register;
  const away = (from: SessionClient): boolean | undefined =>
    from.request('ROUTE_QUERY', { topics: ['orders'] }).response.header.brokers.find((b) => b.broker === 'broker-a')?.away;
  return { clock, network, client, beat, away };
}

describe('broker registration (spec, chapter of broker registration)', () => {
  it('puts a broker and its topics into the routes', () => {
    const { client } = world();
    const broker = client();
    const { response } = broker.request('REGISTER_BROKER', registration());
    expect(response.header).toEqual({ heartbeatMs: LIMITS.BROKER_HEARTBEAT_MS, expiryMs: LIMITS.BROKER_EXPIRY_MS });
    const routes = client().request('ROUTE_QUERY', { topics: ['orders'] }).response.header;
    expect(routes.routes).toEqual([{ topic: 'orders', code: 0, shares: [{ broker: 'broker-a', queues: 4 }] }]);
    expect(routes.brokers[0]).toMatchObject({ broker: 'broker-a', away: false, term: 1 });
  });

  it('takes a registration of 10,000 topics in frames joined by MORE, and gives it back so [QNT-REG-013, QNT-FRM-011, QNT-FRM-012]', () => {
    const { client } = world();
    const topics = Array.from({ length: 10_000 }, (_, i) => ({ topic: `topic-${String(i).padStart(5, '0')}`, queues: 4 }));
    const frames = Array.from({ length: 10 }, (_, i) => registration({ topics: topics.slice(i * 1_000, (i + 1) * 1_000) }));
    expect(client().request('REGISTER_BROKER', frames).error).toBeUndefined();
    const { headers } = client().request('ROUTE_QUERY', { all: true }).response;
    expect(headers.length).toBeGreaterThan(1);
    expect(headers.flatMap((page) => page.routes).map((r) => r.topic)).toEqual(topics.map((t) => t.topic));
  });

  it('marks a silent broker away after BROKER_EXPIRY_MS and not before, and takes it back by a heartbeat [QNT-REG-023]', () => {
    const { clock, client, beat, away } = world();
    const [broker, observer] = [client(), client()];
    broker.request('REGISTER_BROKER', registration());
    const heardMs = clock.nowMs();
    clock.run(heardMs + LIMITS.BROKER_EXPIRY_MS - 50);
    expect(away(observer)).toBe(false);
    clock.run(heardMs + LIMITS.BROKER_EXPIRY_MS + 1);
    expect(away(observer)).toBe(true);
    expect(beat(broker)).toBe(false);
    expect(away(observer)).toBe(false);
  });

  it('marks a broker away BROKER_LOST_MS after its connection broke, unless it was heard again', () => {
    const { clock, client, beat, away } = world();
    const [broker, observer] = [client(), client()];
    broker.request('REGISTER_BROKER', registration());
    broker.call(() => broker.engine.session.close());
    clock.run(clock.nowMs() + LIMITS.BROKER_LOST_MS - 50);
    expect(away(observer)).toBe(false);
    const again = client();
    beat(again);
    clock.run(clock.nowMs() + LIMITS.BROKER_LOST_MS);
    expect(away(observer)).toBe(false);
    again.call(() => again.engine.session.close());
    clock.run(clock.nowMs() + LIMITS.BROKER_LOST_MS + 1);
    expect(away(observer)).toBe(true);
  });

  it('keeps the place of a vanished broker for BROKER_AWAY_MS, then forgets it [QNT-REG-023]', () => {
    const { clock, client, away } = world();
    const [broker, observer] = [client(), client()];
    broker.request('REGISTER_BROKER', registration());
    broker.request('UNREGISTER_BROKER', { broker: 'broker-a', storeId: STORE_A });
    expect(away(observer)).toBe(true);
    clock.run(clock.nowMs() + LIMITS.BROKER_AWAY_MS - 100);
    expect(away(observer)).toBe(true);
    clock.run(clock.nowMs() + 200);
    expect(away(observer)).toBeUndefined();
    expect(observer.request('ROUTE_QUERY', { topics: ['orders'] }).response.header.routes[0]?.code).toBe(
      wireNumberOf('TOPIC_NOT_FOUND'),
    );
  });

  it('refuses a name that a live broker with another store holds, and gives it once that one is away [QNT-REG-014, QNT-REG-015]', () => {
    const { clock, client } = world();
    client().request('REGISTER_BROKER', registration());
    const other = client();
    expect(other.request('REGISTER_BROKER', registration({ storeId: STORE_B })).error?.code).toBe('NAME_IN_USE');
    clock.run(clock.nowMs() + LIMITS.BROKER_EXPIRY_MS + 1);
    expect(other.request('REGISTER_BROKER', registration({ storeId: STORE_B })).error).toBeUndefined();
  });

  it('refuses a lower term of the same store [QNT-REG-016]', () => {
    const { client } = world();
    client().request('REGISTER_BROKER', registration({ term: 3 }));
    expect(client().request('REGISTER_BROKER', registration({ term: 2 })).error?.code).toBe('TERM_FENCED');
  });

  it('says of a missing broker name that it is missing, not that it is no name [QNT-REG-017]', () => {
    const { client } = world();
    expect(client().request('REGISTER_BROKER', registration({ broker: '' })).error?.code).toBe('INVALID_ARGUMENT');
    expect(client().request('REGISTER_BROKER', registration({ broker: '-' })).error?.code).toBe('INVALID_NAME');
  });

  it('asks for a registration that it does not have [QNT-REG-019]', () => {
    const { client, beat } = world();
    const broker = client();
    expect(beat(broker)).toBe(true);
    broker.request('REGISTER_BROKER', registration());
    expect(beat(broker)).toBe(false);
    expect(beat(broker, 2)).toBe(true);
  });

  it('does not expire healthy brokers after it was away itself [QNT-KAL-007]', () => {
    const { clock, client, beat, away } = world();
    const [broker, observer] = [client(), client()];
    broker.request('REGISTER_BROKER', registration());
    clock.pause(8_000);
    expect(beat(broker)).toBe(false);
    expect(away(observer)).toBe(false);
  });

  it('gives a broker BROKER_LOST_MS to come back whose connection was lost while it was away itself [QNT-KAL-007]', () => {
    const { clock, client, away } = world();
    const [other, broker, observer] = [client(), client(), client()];
    other.request('REGISTER_BROKER', registration({ broker: 'broker-b', storeId: STORE_B }));
    clock.run(clock.nowMs() + LIMITS.BROKER_EXPIRY_MS - 100);
    broker.request('REGISTER_BROKER', registration());
    clock.pause(2 * LIMITS.BROKER_EXPIRY_MS);
    broker.call(() => broker.engine.session.close());
    clock.run(clock.nowMs() + LIMITS.BROKER_LOST_MS - 50);
    expect(away(observer)).toBe(false);
    clock.run(clock.nowMs() + 100);
    expect(away(observer)).toBe(true);
  });

  it('gives it a second where its own deadline is all that says that time passed [QNT-KAL-007]', () => {
    const { clock, client, away } = world();
    const [broker, observer] = [client(), client()];
    broker.request('REGISTER_BROKER', registration());
    clock.pause(2 * LIMITS.BROKER_EXPIRY_MS);
    broker.call(() => broker.engine.session.close());
    clock.run(clock.nowMs() + 950);
    expect(away(observer)).toBe(false);
    clock.run(clock.nowMs() + 100);
    expect(away(observer)).toBe(true);
  });
});

describe('route query and push (spec, chapter of routes)', () => {
  it('says NOT_READY in its first moments and TOPIC_NOT_FOUND after [QNT-RTE-004]', () => {
    const { clock, client } = world(5_000);
    const observer = client();
    const code = (): number | undefined =>
      observer.request('ROUTE_QUERY', { topics: ['nobody'] }).response.header.routes[0]?.code;
    expect(code()).toBe(wireNumberOf('NOT_READY'));
    clock.run(clock.nowMs() + 5_000);
    expect(code()).toBe(wireNumberOf('TOPIC_NOT_FOUND'));
  });

  it('lists the brokers that create topics beside a topic that is not found [QNT-RTE-003]', () => {
    const { client } = world();
    client().request('REGISTER_BROKER', registration({ createsTopics: true }));
    const routes = client().request('ROUTE_QUERY', { topics: ['new'] }).response.header;
    expect(routes.brokers.map((b) => b.broker)).toEqual(['broker-a']);
  });

  it('pushes what changed to who watches it, once, and nothing to others [QNT-RTE-008, QNT-RTE-012, QNT-RTE-013]', () => {
    const { clock, client } = world();
    const [broker, watcher, other] = [client(), client(), client()];
    watcher.request('ROUTE_QUERY', { topics: ['orders', 'later'], watch: true });
    other.request('ROUTE_QUERY', { topics: ['orders'] });
    broker.request('REGISTER_BROKER', registration());
    broker.request('REGISTER_BROKER', registration({ revision: 2 }));
    broker.request(
      'REGISTER_BROKER',
      registration({
        revision: 3,
        topics: [
          { topic: 'orders', queues: 8 },
          { topic: 'later', queues: 1 },
        ],
      }),
    );
    clock.run(clock.nowMs() + 100);
    const pushed = watcher.engine.pushes.map(({ headers }) =>
      (headers as Routes[]).flatMap((page) => page.routes.map((r) => `${r.topic} ${r.shares[0]?.queues}`)),
    );
    expect(pushed).toEqual([['orders 4'], ['orders 8', 'later 1']]);
    expect(other.engine.pushes).toEqual([]);
  });

  it('pushes that a broker went over to another cluster [QNT-RTE-008]', () => {
    const { clock, client } = world();
    const [broker, watcher] = [client(), client()];
    broker.request('REGISTER_BROKER', registration());
    watcher.request('ROUTE_QUERY', { topics: ['orders'], watch: true });
    broker.request('REGISTER_BROKER', registration({ revision: 2, cluster: 'other' }));
    clock.run(clock.nowMs() + 100);
    const pushed = watcher.engine.pushes.flatMap(({ headers }) => (headers as Routes[]).flatMap(({ brokers }) => brokers));
    expect(pushed.map(({ cluster }) => cluster)).toEqual(['other']);
  });

  it('refuses more watched topics than WATCHED_TOPICS_MAX, and takes as many [QNT-RTE-010]', () => {
    const { client } = world();
    const watcher = client();
    const names = (from: number, count: number): string[] => Array.from({ length: count }, (_, i) => `t${from + i}`);
    for (let from = 0; from < LIMITS.WATCHED_TOPICS_MAX; from += 4_000) {
      expect(watcher.request('ROUTE_QUERY', { topics: names(from, 4_000), watch: true }).error).toBeUndefined();
    }
    expect(watcher.request('ROUTE_QUERY', { topics: ['one-more'], watch: true }).error?.code).toBe('LIMIT_EXCEEDED');
  });
});

describe('stop of a server (spec, chapter of connections)', () => {
  it('answers frames of other roles WRONG_BROKER [QNT-FRM-027]', () => {
    const { client } = world();
    expect(client().request('TOPIC_LIST', {}).error?.code).toBe('WRONG_BROKER');
  });
});
