import type { QanatClient } from '@qanat/client';
import { BridgeCluster, type Gate, MqttServer, type Sockets, type TopicRules } from '@qanat/mqtt';
import type { TestCluster } from '@qanat/testing';
import { generate, type Packet, parser } from 'mqtt-packet';

const GATE: Gate = {
  authenticate: (_credentials, done) => done('anonymous'),
  mayPublish: () => true,
  maySubscribe: () => true,
};

/** As if the client's process were killed: its connections end, and nobody is told of what it has done. */
export function killClient(client: QanatClient): void {
  const { runner } = client as unknown as { readonly runner: { call(run: (engine: { close(): void }) => void): void } };
  runner.call((engine) => engine.close());
}

/** A bridge as it ships, but for its sockets: the MQTT server on the real cluster. */
export class Node {
  readonly name: string;
  readonly client: QanatClient;
  readonly server: MqttServer;
  readonly logged: string[] = [];
  readonly sockets = new Map<number, Link>();
  killed = false;
  readonly #cluster: TestCluster;
  #bridge: BridgeCluster | undefined;

  constructor(name: string, client: QanatClient, cluster: TestCluster, seed: number) {
    this.name = name;
    this.client = client;
    this.#cluster = cluster;
    const sockets: Sockets = {
      send: (id, bytes) => this.sockets.get(id)?.take(bytes) ?? true,
      close: (id) => this.sockets.get(id)?.end(),
      abort: (id) => this.sockets.get(id)?.end(),
      pause: () => {},
      resume: () => {},
    };
    const bridge = (): BridgeCluster => this.#bridge as BridgeCluster;
    this.server = new MqttServer(
      { seed },
      {
        sockets,
        gate: GATE,
        cluster: new Proxy({} as BridgeCluster, {
          get: (_target, property: keyof BridgeCluster) => (bridge()[property] as () => unknown).bind(bridge()),
        }),
        log: () => {},
        wake: () => queueMicrotask(() => this.turn()),
      },
    );
    this.server.wallClock(cluster.clock.wallMs() - cluster.nowMs());
  }

  get bridge(): BridgeCluster {
    return this.#bridge as BridgeCluster;
  }

  async start(rules: TopicRules): Promise<this> {
    const log = (_level: string, event: string, fields: object): void => {
      this.logged.push(`${event} ${JSON.stringify(fields)}`);
    };
    const options = { client: this.client, bridgeId: this.name, life: 'only', rules, clock: this.#cluster.clock, log };
    this.#bridge = await this.#cluster.until(BridgeCluster.start(options, () => this.server));
    return this;
  }

  /** What is due. */
  turn(): void {
    if (this.killed) return;
    this.server.tick(this.#cluster.nowMs());
    this.server.flush(this.#cluster.nowMs());
  }

  /** kill -9. */
  kill(): void {
    this.killed = true;
    for (const link of [...this.sockets.values()]) link.end();
    killClient(this.client);
  }
}

let links = 0;

/** One connection of a device to a node. */
export class Link {
  readonly id = ++links;
  readonly node: Node;
  readonly inbox: Packet[] = [];
  open = true;
  readonly #cluster: TestCluster;
  readonly #parser = parser({ protocolVersion: 5 } as never);

  constructor(node: Node, cluster: TestCluster) {
    this.node = node;
    this.#cluster = cluster;
    this.#parser.on('packet', (packet) => void this.inbox.push(packet));
    node.sockets.set(this.id, this);
    node.server.accepted(this.id, { address: `device:${this.id}`, secure: false }, cluster.nowMs());
  }

  take(bytes: Uint8Array): boolean {
    if (this.open) this.#parser.parse(Buffer.from(bytes));
    return true;
  }

  send(packet: Packet): void {
    if (!this.open || this.node.killed) return;
    this.node.server.received(this.id, generate(packet, { protocolVersion: 5 } as never), this.#cluster.nowMs());
  }

  /** The network breaks. */
  drop(): void {
    if (!this.open) return;
    this.end();
    if (!this.node.killed) this.node.server.closed(this.id, this.#cluster.nowMs());
  }

  /** The server has ended it. */
  end(): void {
    this.open = false;
    this.node.sockets.delete(this.id);
  }
}
