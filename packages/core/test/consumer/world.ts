import { type ClientEvent, Consumer, type ConsumerOptions, type Delivery, type QanatError } from '@qanat/core';
import { FakeBroker } from './fake-broker.ts';
import { FakeHost } from './fake-host.ts';

export const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);

/** What a handler saw and did. */
export class World {
  readonly host = new FakeHost();
  readonly brokers = new Map<string, FakeBroker>();
  readonly deliveries: Delivery[] = [];
  /** Each message handed out: `queue:offset`. */
  readonly seen: string[] = [];
  readonly events: ClientEvent[] = [];
  ended: { readonly error: QanatError | undefined } | undefined;
  /** What the handler does at once; by default it handles everything. */
  onDelivery: (delivery: Delivery) => void = (delivery) => delivery.done();

  broker(name = 'b1'): FakeBroker {
    let broker = this.brokers.get(name);
    if (broker === undefined) {
      broker = new FakeBroker(this.host, name);
      this.brokers.set(name, broker);
    }
    return broker;
  }

  consumer(options: Partial<ConsumerOptions> = {}): Consumer {
    const clustering = (options.mode ?? 'clustering') === 'clustering';
    const base: ConsumerOptions = {
      mode: 'clustering',
      subscriptions: [{ topic: 't' }],
      instanceId: 'm1',
      ...(clustering ? { group: 'g' } : {}),
    };
    return new Consumer(
      this.host,
      3,
      { ...base, ...options },
      {
        onDelivery: (delivery) => {
          this.deliveries.push(delivery);
          for (const message of delivery.messages) this.seen.push(`${message.queue}:${message.offset}`);
          this.onDelivery(delivery);
        },
        onEvent: (event) => this.events.push(event),
        onEnd: (error) => {
          this.ended = { error };
        },
      },
    );
  }

  /** A clustering consumer that holds queue 0 … `queues`-1 of topic `t` at broker b1. */
  joined(options: Partial<ConsumerOptions> = {}, queues = 1): { readonly consumer: Consumer; readonly broker: FakeBroker } {
    const broker = this.broker();
    for (let queue = 0; queue < queues; queue++) broker.queue('t', queue);
    broker.leases = Array.from({ length: queues }, (_, queue) => broker.lease('t', queue, 100 + queue));
    this.host.route('t', [{ broker: 'b1', queues }]);
    const consumer = this.consumer(options);
    this.host.connect('b1');
    this.host.advance(20);
    return { consumer, broker };
  }

  /** The offsets handed out of a queue, in order. */
  offsets(queue: number): number[] {
    return this.seen.filter((item) => item.startsWith(`${queue}:`)).map((item) => Number(item.slice(item.indexOf(':') + 1)));
  }

  /** The events of a kind. */
  of<K extends ClientEvent['kind']>(kind: K): Extract<ClientEvent, { kind: K }>[] {
    return this.events.filter((event) => event.kind === kind) as never;
  }
}

export const range = (from: number, to: number): number[] => Array.from({ length: to - from }, (_, i) => from + i);
