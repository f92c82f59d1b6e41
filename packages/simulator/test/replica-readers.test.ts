// Goal: a consumer goes on at a slave when its master is gone, and back at a master, and nothing comes twice or is missed; a
// producer goes on at the slave that was promoted, and nothing is stored twice.
// Method: the engines that ship, a broker group of two on virtual time, and a master that is killed under load.
import { Admin, Client, type ClientEvent, Consumer, Producer, type QanatError } from '@qanat/core';
import { VirtualCluster, VirtualNode } from '@qanat/simulator';
import { nodePlatform } from '@qanat/transports/node';
import { describe, expect, it } from 'vitest';

const TOPIC = 'orders';
const MASTER = 'broker-a';
/** From a kill until a consumer reads at a slave. */
const DETECTION_MS = 6_000;
/** A handler's time: the consumer is behind when the master is killed. */
const HANDLER_MS = 25;
const text = { encode: new TextEncoder(), decode: new TextDecoder() };

class Run {
  readonly cluster: VirtualCluster;
  readonly sent: string[] = [];
  readonly acked: string[] = [];
  readonly received: string[] = [];
  readonly events: ClientEvent[] = [];
  readonly client: VirtualNode<Client>;
  #sending = true;

  constructor(seed: number) {
    this.cluster = new VirtualCluster({ platform: nodePlatform, seed, brokers: 1, slaves: 1 });
    this.cluster.start();
    this.client = this.#connect();
    this.ask((admin, done) => admin.createTopic(TOPIC, { queues: 2 }, 10_000, done));
    this.#consume();
    this.#produce();
  }

  get nowMs(): number {
    return this.cluster.clock.nowMs();
  }

  within<T>(run: (client: Client) => T): T {
    return this.client.call((client, nowMs) => {
      client.enter(nowMs);
      return run(client);
    });
  }

  ask<T>(call: (admin: Admin, done: (error: QanatError | undefined, result: T) => void) => void): T {
    let answer: { readonly error: QanatError | undefined; readonly result: T } | undefined;
    this.within((client) => call(new Admin(client), (error, result) => (answer = { error, result })));
    this.cluster.runUntil(() => answer !== undefined, 30_000);
    const { error, result } = answer as NonNullable<typeof answer>;
    if (error !== undefined) throw error;
    return result;
  }

  /** Everything is sent, settled and handled. */
  rest(): void {
    this.#sending = false;
    this.cluster.runUntil(() => this.acked.length === this.sent.length, 60_000);
    this.cluster.runUntil(() => this.received.length >= this.acked.length, 120_000);
    this.cluster.run(5_000);
  }

  #connect(): VirtualNode<Client> {
    const { hosts, clock } = this.cluster;
    const options = { nameServers: hosts.nameServerAddresses, schemes: ['mem'], label: 'app' };
    const onEvent = (event: ClientEvent): void => void this.events.push(event);
    const engine = new Client({ platform: nodePlatform, random: hosts.newRandom(), ...options, onEvent });
    const node = new VirtualNode(engine, { name: 'app', clock, transport: hosts.network.transport('app') });
    node.start();
    return node;
  }

  #consume(): void {
    const handler = {
      onDelivery: (delivery: Parameters<ConstructorParameters<typeof Consumer>[3]['onDelivery']>[0]) => {
        this.received.push(text.decode.decode(delivery.message.body));
        this.cluster.clock.at(this.nowMs + HANDLER_MS, () => this.within(() => delivery.done()));
      },
      onEvent: () => {},
      onEnd: () => {},
    };
    const options = { mode: 'clustering', group: 'g', subscriptions: [{ topic: TOPIC }], from: 'first' } as const;
    this.within((client) => client.attach(new Consumer(client, 1, { ...options, ordered: true, concurrency: 2 }, handler)));
  }

  #produce(): void {
    const producer = this.within((client) => new Producer(client));
    const send = (): void => {
      if (!this.#sending) return;
      const name = `m${this.sent.length}`;
      this.sent.push(name);
      this.within(() =>
        producer.send(
          TOPIC,
          { body: text.encode.encode(name), key: `k${this.sent.length % 5}` },
          { timeoutMs: 120_000 },
          (error) => {
            if (error === undefined) this.acked.push(name);
          },
        ),
      );
      this.cluster.clock.at(this.nowMs + 8, send);
    };
    send();
  }
}

const SEEDS = Array.from({ length: Number(process.env.QANAT_SEEDS ?? 4) }, (_, i) => i + 1);

const twiceOf = (names: readonly string[]): string[] => names.filter((name, i) => names.indexOf(name) !== i);
const readingOf = ({ events }: Run): unknown => events.flatMap((event) => (event.kind === 'reading' ? [event.from] : []));

/** Runs under load, kills the master, and lets the consumer drain what the slave knows. */
function killed(seed: number): Run {
  const run = new Run(seed);
  run.cluster.run(4_000 + seed * 37);
  run.cluster.hosts.killBroker(MASTER);
  const before = run.received.length;
  run.cluster.runUntil(() => run.events.some(({ kind }) => kind === 'reading'), DETECTION_MS);
  run.cluster.run(20_000);
  expect(run.received.length).toBeGreaterThan(before + 10);
  return run;
}

describe('a consumer whose master is killed', () => {
  it('drains what the slave has within the time of detection, and commits to the master that is back: nothing comes twice [QNT-RPL-080] [QNT-RPL-085]', () => {
    for (const seed of SEEDS) {
      const run = killed(seed);
      // What was acknowledged to the producer is committed, but the slave may not have heard so of the very last.
      expect(run.acked.length - run.received.length).toBeLessThan(20);
      run.cluster.hosts.startBroker(MASTER);
      run.rest();
      expect({ seed, twice: twiceOf(run.received), reading: readingOf(run) }).toEqual({
        seed,
        twice: [],
        reading: ['slave', 'master'],
      });
      expect(new Set(run.received)).toEqual(new Set(run.sent));
      const { queues } = run.ask<{ queues: readonly { lag: number }[] }>((admin, done) => admin.describeGroup('g', 10_000, done));
      expect(queues.map(({ lag }) => lag)).toEqual([0, 0]);
    }
  }, 120_000);
});

describe('a producer whose master is killed', () => {
  it('goes on at the slave that is promoted: all is stored once, and read once [QNT-RPL-081] [QNT-RPL-087]', () => {
    for (const seed of SEEDS) {
      const run = killed(seed);
      expect(run.ask<number>((admin, done) => admin.promote(MASTER, 1, {}, 30_000, done))).toBeGreaterThan(1);
      run.rest();
      expect({ seed, twice: twiceOf(run.received), reading: readingOf(run) }).toEqual({
        seed,
        twice: [],
        reading: ['slave', 'master'],
      });
      expect(new Set(run.received)).toEqual(new Set(run.sent));
      const { queues } = run.ask<{ queues: readonly { highWatermark: number }[] }>((admin, done) =>
        admin.describeTopic(TOPIC, 10_000, done),
      );
      expect(queues.reduce((sum, { highWatermark }) => sum + highWatermark, 0)).toBe(run.sent.length);
    }
  }, 120_000);
});
