import type { Producer } from '../../src/client/producer/producer.ts';
import type {
  BatchReceipt,
  ProducerOptions,
  Receipt,
  SendBatchOptions,
  SendOptions,
} from '../../src/client/producer/producer-options.ts';
import type { QanatError } from '../../src/errors.ts';
import { Random } from '../../src/random.ts';
import type { RecordInit } from '../../src/wire/record.ts';
import { FakeBroker } from './fake-broker.ts';
import { FakeNameServer } from './fake-name-server.ts';
import { World } from './world.ts';

export const record = (text: string, more: Partial<RecordInit> = {}): RecordInit => ({
  body: Uint8Array.from(text, (character) => character.charCodeAt(0)),
  ...more,
});

export interface Result {
  readonly text: string;
  error: QanatError | undefined;
  receipt: Receipt | undefined;
  done: number;
}

/** A NameServer, brokers `a`, `b`, …, the topic `orders` with `queues` queues at each, and one producer. */
export class Cluster {
  readonly world: World;
  readonly nameServer: FakeNameServer;
  readonly brokers: FakeBroker[] = [];
  readonly producer: Producer;

  constructor(options: { brokers?: number; queues?: number; producer?: ProducerOptions; seed?: number } = {}) {
    const random = new Random(options.seed ?? 3);
    this.world = new World({ nameServers: ['ns:7600'], seed: options.seed ?? 3 });
    this.nameServer = this.world.add(new FakeNameServer('ns:7600', random));
    const shares: Record<string, number> = {};
    for (let i = 0; i < (options.brokers ?? 1); i++) {
      const name = String.fromCharCode(97 + i);
      const broker = this.world.add(new FakeBroker(name, `${name}:7610`, random));
      broker.later = (ms, run) => this.world.later(ms, run);
      this.nameServer.broker(name, broker.address);
      this.brokers.push(broker);
      shares[name] = options.queues ?? 1;
    }
    this.nameServer.topics.set('orders', shares);
    this.producer = this.world.call((client) => client.producer(options.producer));
  }

  get a(): FakeBroker {
    return this.brokers[0] as FakeBroker;
  }

  get b(): FakeBroker {
    return this.brokers[1] as FakeBroker;
  }

  /** A slave of broker `name`, with its number, that the NameServer tells of. It has the logs of its master. */
  addSlave(name: string, replica: number): FakeBroker {
    const slave = this.world.add(new FakeBroker(name, `${name}${replica}:7620`, new Random(11)));
    slave.replica = replica;
    slave.slave = true;
    slave.later = (ms, run) => this.world.later(ms, run);
    const route = this.nameServer.brokers.get(name);
    this.nameServer.brokers.set(name, {
      ...route,
      slaves: [...(route?.slaves ?? []), { replica, endpoints: [{ scheme: 'qanat', address: slave.address }] }],
    });
    return slave;
  }

  /** Replica `slave` is master from now on, in a term of its own; the NameServer tells so where it is `told`. */
  promote(slave: FakeBroker, told = true): void {
    slave.slave = false;
    const { name, replica, address } = slave;
    const route = this.nameServer.brokers.get(name);
    const slaves = (route?.slaves ?? []).filter((one) => one.replica !== replica);
    this.nameServer.broker(name, address, { replica, term: (route?.term ?? 0) + 1, slaves });
    if (told) this.world.call(() => this.nameServer.push('orders'));
  }

  send(text: string, more: Partial<RecordInit> = {}, options: SendOptions = {}, topic = 'orders'): Result {
    const result: Result = { text, error: undefined, receipt: undefined, done: 0 };
    this.world.call(() => this.sendIn(result, more, options, topic));
    return result;
  }

  /** Several sends of one moment. */
  sendAll(
    texts: readonly string[],
    more: (text: string) => Partial<RecordInit> = () => ({}),
    options: SendOptions = {},
  ): Result[] {
    return this.world.call(() =>
      texts.map((text) => {
        const result: Result = { text, error: undefined, receipt: undefined, done: 0 };
        this.sendIn(result, more(text), options, 'orders');
        return result;
      }),
    );
  }

  sendIn(result: Result, more: Partial<RecordInit>, options: SendOptions, topic: string): void {
    this.producer.send(topic, record(result.text, more), options, (error, receipt) => {
      result.error = error;
      result.receipt = receipt;
      result.done++;
    });
  }

  sendBatch(
    records: readonly RecordInit[],
    options: SendBatchOptions = {},
  ): { error?: QanatError | undefined; receipts?: readonly BatchReceipt[] } {
    const result: { error?: QanatError | undefined; receipts?: readonly BatchReceipt[] } = {};
    this.world.call(() =>
      this.producer.sendBatch('orders', records, options, (error, receipts) => {
        result.error = error;
        result.receipts = receipts;
      }),
    );
    return result;
  }
}
