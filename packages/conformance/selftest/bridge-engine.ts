// The MQTT server of this repository over a cluster in memory, for the process that tries mutants of it.
import { MqttServer, type Peer } from '@qanat/mqtt';
import { MemoryCluster, WALL_MS } from '../../mqtt/test/statements/memory-cluster.ts';
import type { ServerEnd, StreamGround } from '../src/selftest/mqtt/stream-ground.ts';

const PEER: Peer = { address: '192.0.2.1:1', secure: false };

/** One server, and the sockets of its devices. It listens as soon as it is made. */
class Bridge {
  readonly #ground: StreamGround;
  readonly #ends = new Map<number, ServerEnd>();
  readonly #cluster: MemoryCluster;
  readonly #server: MqttServer;
  #sockets = 0;
  #cancel: () => void = () => {};

  constructor(ground: StreamGround) {
    this.#ground = ground;
    this.#cluster = new MemoryCluster(
      () => this.#server,
      () => this.#nowMs,
    );
    // As the default rule has it.
    this.#cluster.outcome = ({ topic }) => (topic.startsWith('$') ? 'topic-name-invalid' : 'success');
    this.#server = new MqttServer(
      { seed: 1 },
      {
        cluster: this.#cluster,
        sockets: {
          send: (socket, bytes) => this.#send(socket, bytes),
          close: (socket) => this.#end(socket),
          abort: (socket) => this.#end(socket),
          pause: () => {},
          resume: () => {},
        },
        gate: {
          authenticate: (_, done) => this.#cluster.later(() => done('anonymous')),
          mayPublish: () => true,
          maySubscribe: () => true,
        },
        log: () => {},
      },
    );
    this.#server.wallClock(WALL_MS);
    ground.listen((end) => this.#accepted(end));
  }

  get #nowMs(): number {
    return this.#ground.clock.nowMs();
  }

  #accepted(end: ServerEnd): void {
    const socket = ++this.#sockets;
    this.#ends.set(socket, end);
    end.onBytes = (bytes) => this.#do(() => this.#ends.has(socket) && this.#server.received(socket, bytes, this.#nowMs));
    end.onClose = () => this.#gone(socket);
    this.#do(() => this.#server.accepted(socket, PEER, this.#nowMs));
  }

  /** What was given is written over later. */
  #send(socket: number, bytes: Uint8Array): boolean {
    this.#ends.get(socket)?.write(bytes.slice());
    return true;
  }

  #end(socket: number): void {
    this.#ends.get(socket)?.end();
    this.#cluster.later(() => this.#gone(socket));
  }

  #gone(socket: number): void {
    if (this.#ends.delete(socket)) this.#do(() => this.#server.closed(socket, this.#nowMs));
  }

  /** Does something, and all that follows at once. */
  #do(what: () => unknown): void {
    what();
    this.#cluster.run();
    this.#watch();
  }

  #watch(): void {
    this.#cancel();
    const next = Math.min(this.#server.nextDeadlineMs() ?? Number.POSITIVE_INFINITY, this.#cluster.nextDeadlineMs());
    if (next === Number.POSITIVE_INFINITY) return;
    this.#cancel = this.#ground.clock.at(Math.max(next, this.#nowMs + 1), () => {
      this.#cluster.tick();
      this.#do(() => this.#server.tick(this.#nowMs));
    });
  }
}

/** What the kit asks of a subject in its own process. */
export const bridge = (ground: StreamGround): object => new Bridge(ground);
