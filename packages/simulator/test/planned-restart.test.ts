// Goal: without a fault nothing is lost and nothing is handed out twice, whatever is restarted as planned and whoever comes or
// goes.
// Method: clusters on virtual time under load. Each seed draws its own times of joins, leaves and restarts, of brokers that
// stop while others do, of handlers that are quick or slow.
import { Admin, Client, Consumer, type ConsumerHandler, type Delivery, Producer, type QanatError, Random } from '@qanat/core';
import { VirtualCluster, VirtualNode } from '@qanat/simulator';
import { nodePlatform } from '@qanat/transports/node';
import { describe, expect, it } from 'vitest';

const TOPIC = 'orders';
const LOAD_MS = 30_000;
/** One queue and slow handlers take their time. */
const REST_MS = 600_000;
const text = { encode: new TextEncoder(), decode: new TextDecoder() };

interface Member {
  readonly leave: () => void;
  closing: boolean;
}

class Run {
  readonly acked: string[] = [];
  readonly received: string[] = [];
  readonly failures: string[] = [];
  /** What brokers said of members and leases that they gave up. */
  readonly lost: string[] = [];
  restarts = 0;
  readonly #random: Random;
  readonly #cluster: VirtualCluster;
  readonly #members: Member[] = [];
  readonly #stopping = new Set<string>();
  readonly #handlerMsMax: number;
  readonly #ordered: boolean;
  #clients = 0;

  constructor(seed: number) {
    this.#random = new Random(seed);
    this.#handlerMsMax = [0, 5, 300][this.#random.below(3)] as number;
    this.#ordered = this.#random.below(2) === 0;
    this.#cluster = new VirtualCluster({
      platform: nodePlatform,
      seed,
      brokers: 1 + this.#random.below(3),
      onLog: (node, _level, event, fields) => {
        if (event === 'group.member.gone' || event === 'group.lease.taken')
          this.lost.push(`${this.#nowMs()} ${node} ${event} ${fields.label ?? ''} ${fields.why ?? ''}`);
      },
    });
    this.#cluster.start();
    this.#createTopic();
    for (let i = 0; i < 2; i++) this.#startProducer(i);
    for (let i = this.#random.below(3); i >= 0; i--) this.#join();
    for (let atMs = 2_000; atMs < LOAD_MS; atMs += 200 + this.#random.below(4_000)) this.#at(atMs, () => this.#disturb());
  }

  run(): void {
    this.#cluster.run(LOAD_MS);
    const deadlineMs = this.#nowMs() + REST_MS;
    this.#cluster.clock.runUntil(() => this.received.length >= this.acked.length && this.#nowMs() > LOAD_MS + 20_000, deadlineMs);
    this.#cluster.run(5_000);
  }

  #nowMs(): number {
    return this.#cluster.clock.nowMs();
  }

  #at(atMs: number, run: () => void): void {
    this.#cluster.clock.at(atMs, run);
  }

  #client(): VirtualNode<Client> {
    const { hosts, clock } = this.#cluster;
    const name = `client-${++this.#clients}`;
    const options = { nameServers: hosts.nameServerAddresses, schemes: ['mem'], label: name };
    const client = new Client({ platform: nodePlatform, random: hosts.newRandom(), ...options });
    const node = new VirtualNode(client, { name, clock, transport: hosts.network.transport(name) });
    node.start();
    return node;
  }

  #within<T>(node: VirtualNode<Client>, run: (client: Client) => T): T {
    return node.call((client, nowMs) => {
      client.enter(nowMs);
      return run(client);
    });
  }

  #createTopic(): void {
    let created = false;
    this.#within(this.#client(), (client) =>
      new Admin(client).createTopic(TOPIC, { queues: 1 + this.#random.below(4) }, 10_000, (error) => {
        if (error !== undefined) throw error;
        created = true;
      }),
    );
    this.#cluster.runUntil(() => created, 30_000);
  }

  #startProducer(id: number): void {
    const node = this.#client();
    const producer = this.#within(node, (client) => new Producer(client));
    let sent = 0;
    const send = (): void => {
      const name = `${id}/${sent++}`;
      const key = this.#random.below(2) === 0 ? {} : { key: `key-${this.#random.below(7)}` };
      this.#within(node, () =>
        producer.send(TOPIC, { body: text.encode.encode(name), ...key }, {}, (error: QanatError | undefined) => {
          if (error === undefined) this.acked.push(name);
          else this.failures.push(`${name}: ${error.code} ${error.outcome}`);
        }),
      );
      if (this.#nowMs() < LOAD_MS) this.#at(this.#nowMs() + 5 + this.#random.below(60), send);
    };
    this.#at(this.#nowMs() + 100, send);
  }

  #join(): void {
    const handler: ConsumerHandler = {
      onDelivery: (delivery) => this.#handle(node, delivery),
      onEvent: () => {},
      onEnd: () => {},
    };
    const options = { mode: 'clustering', group: 'g', subscriptions: [{ topic: TOPIC }], from: 'first' } as const;
    const node = this.#client();
    const consumer = this.#within(node, (client) => {
      const made = new Consumer(client, 1, { ...options, ordered: this.#ordered, concurrency: 8 }, handler);
      client.attach(made);
      return made;
    });
    const leave = (): void => this.#within(node, () => consumer.close({ drain: true }, () => {}));
    this.#members.push({ leave, closing: false });
  }

  #handle(node: VirtualNode<Client>, delivery: Delivery): void {
    this.received.push(text.decode.decode(delivery.message.body));
    const takesMs = this.#random.below(this.#handlerMsMax + 1);
    if (takesMs === 0) delivery.done();
    else this.#at(this.#nowMs() + takesMs, () => this.#within(node, () => delivery.done()));
  }

  #disturb(): void {
    const turn = this.#random.below(10);
    const staying = this.#members.filter(({ closing }) => !closing);
    if (turn < 3 && staying.length < 6) this.#join();
    else if (turn < 6 && staying.length > 1) {
      const member = staying[this.#random.below(staying.length)] as Member;
      member.closing = true;
      member.leave();
    } else this.#restart();
  }

  #restart(): void {
    const { hosts } = this.#cluster;
    const name = hosts.brokerNames[this.#random.below(hosts.brokerNames.length)] as string;
    if (hosts.brokers.get(name)?.ready !== true || this.#stopping.has(name)) return;
    this.restarts++;
    if (this.#random.below(2) === 0) this.#linger(name);
    this.#stopping.add(name);
    const start = (): void => {
      this.#stopping.delete(name);
      hosts.startBroker(name);
    };
    this.#at(this.#nowMs() + 10, () => hosts.stopBroker(name, () => this.#at(this.#nowMs() + this.#random.below(2_000), start)));
  }

  /** Somebody who is connected and does not read: the broker gives it the whole grace of its stop. */
  #linger(broker: string): void {
    const ignore = (): void => {};
    const handler = { onFrame: ignore, onFramesEnd: ignore, onBadBytes: ignore, onDrain: ignore, onClose: ignore };
    const address = this.#cluster.hosts.brokers.get(broker)?.address as string;
    const transport = this.#cluster.hosts.transport('stuck');
    const connection = transport.dial(address, { ...handler, onOpen: () => connection.setReading(false) });
  }
}

const SEEDS = Array.from(
  { length: Number(process.env.QANAT_SEEDS ?? 60) },
  (_, i) => i + 1 + Number(process.env.QANAT_SEED_FIRST ?? 0),
);

describe('planned restarts under load', () => {
  it('lose nothing and hand nothing out twice, whoever joins or leaves meanwhile (QNT-GRP-008, QNT-GRP-046, QNT-GRP-048, QNT-GRP-054)', () => {
    let restarts = 0;
    let messages = 0;
    for (const seed of SEEDS) {
      const run = new Run(seed);
      run.run();
      const twice = run.received.filter((name, i) => run.received.indexOf(name) !== i);
      const received = new Set(run.received);
      const missing = run.acked.filter((name) => !received.has(name));
      expect({ seed, failures: run.failures, lost: run.lost, twice, missing }).toEqual({
        seed,
        failures: [],
        lost: [],
        twice: [],
        missing: [],
      });
      expect(run.received.length).toBe(run.acked.length);
      restarts += run.restarts;
      messages += run.acked.length;
    }
    expect(restarts).toBeGreaterThan(SEEDS.length);
    expect(messages).toBeGreaterThan(SEEDS.length * 1_000);
  }, 300_000);
});
