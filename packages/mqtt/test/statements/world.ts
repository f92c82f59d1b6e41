import { MqttServer, type MqttServerOptions, type Peer } from '@qanat/mqtt';
import { Device, type Line } from './device.ts';
import { MemoryCluster, WALL_MS } from './memory-cluster.ts';

const PEER: Peer = { address: '192.0.2.1:1', secure: false };

/** One MQTT server on a cluster in memory, and devices; time passes only by `advance`. */
export class World implements Line {
  nowMs = 0;
  readonly cluster: MemoryCluster;
  readonly server: MqttServer;
  /** What the gate says to a CONNECT. */
  authenticate: (username: string | undefined, password: Uint8Array | undefined) => string = () => 'anonymous';
  mayPublish: (topic: string) => boolean = () => true;
  maySubscribe: (filter: string) => boolean = () => true;
  readonly #devices = new Map<number, Device>();

  constructor(limits: MqttServerOptions['limits'] = {}) {
    this.cluster = new MemoryCluster(
      () => this.server,
      () => this.nowMs,
    );
    this.server = new MqttServer(
      { seed: 1, limits },
      {
        cluster: this.cluster,
        sockets: {
          send: (connection, bytes) => this.#sent(connection, bytes),
          close: (connection) => this.#closed(connection),
          abort: (connection) => this.#closed(connection),
          pause: () => {},
          resume: () => {},
        },
        gate: {
          authenticate: ({ username, password }, done) => this.cluster.later(() => done(this.authenticate(username, password))),
          mayPublish: (_principal, topic) => this.mayPublish(topic),
          maySubscribe: (_principal, filter) => this.maySubscribe(filter),
        },
        log: () => {},
      },
    );
    this.server.wallClock(WALL_MS);
  }

  device(version: 4 | 5 = 5): Device {
    const device = new Device(this, this.#devices.size + 1, version);
    this.#devices.set(device.number, device);
    this.server.accepted(device.number, PEER, this.nowMs);
    return device;
  }

  /** A device that is connected, its CONNACK taken. */
  connected(options: Parameters<Device['connect']>[0] = {}, version: 4 | 5 = 5): Device {
    const device = this.device(version).connect(options);
    device.all();
    return device;
  }

  /** Lets so much time pass, in steps where something is due. */
  advance(ms: number): void {
    const until = this.nowMs + ms;
    for (;;) {
      const due = Math.min(this.server.nextDeadlineMs() ?? Number.POSITIVE_INFINITY, this.cluster.nextDeadlineMs());
      this.nowMs = Math.min(until, Math.max(due, this.nowMs));
      this.server.tick(this.nowMs);
      this.cluster.tick();
      this.cluster.run();
      if (this.nowMs >= until) return;
    }
  }

  received(device: Device, bytes: Uint8Array): void {
    if (device.closed) return;
    this.server.received(device.number, bytes, this.nowMs);
    this.cluster.run();
  }

  broken(device: Device): void {
    device.closed = true;
    this.server.closed(device.number, this.nowMs);
    this.cluster.run();
  }

  #sent(connection: number, bytes: Uint8Array): boolean {
    const device = this.#devices.get(connection) as Device;
    if (!device.closed) device.receive(bytes);
    return !device.frozen;
  }

  #closed(connection: number): void {
    (this.#devices.get(connection) as Device).closed = true;
  }
}
