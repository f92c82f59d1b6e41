import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { MqttServer } from '@qanat/mqtt';
import { MemoryCluster, WALL_MS } from '../statements/memory-cluster.ts';

/** Another MQTT server, on a log in memory and behind real sockets. Its clock stands still. */
export class OtherServer implements AsyncDisposable {
  readonly cluster: MemoryCluster = new MemoryCluster(
    () => this.#mqtt,
    () => 0,
  );
  readonly #sockets = new Map<number, Socket>();
  readonly #listener: Server = createServer((socket) => this.#accepted(socket));
  readonly #mqtt: MqttServer = new MqttServer(
    { seed: 1 },
    {
      cluster: this.cluster,
      sockets: {
        send: (connection, bytes) => this.#sockets.get(connection)?.write(bytes) ?? true,
        close: (connection) => void this.#sockets.get(connection)?.end(),
        abort: (connection) => void this.#sockets.get(connection)?.destroy(),
        pause: () => {},
        resume: () => {},
      },
      gate: {
        authenticate: (_credentials, done) => this.cluster.later(() => done('anybody')),
        mayPublish: () => true,
        maySubscribe: () => true,
      },
      log: () => {},
    },
  );

  /** @returns its address. */
  async start(): Promise<string> {
    this.#mqtt.wallClock(WALL_MS);
    this.#listener.listen(0, '127.0.0.1');
    await once(this.#listener, 'listening');
    return `mqtt://127.0.0.1:${(this.#listener.address() as AddressInfo).port}`;
  }

  #accepted(socket: Socket): void {
    const connection = this.#sockets.size + 1;
    this.#sockets.set(connection, socket);
    this.#mqtt.accepted(connection, { address: 'loopback', secure: false }, 0);
    socket.on('data', (bytes) => {
      this.#mqtt.received(connection, new Uint8Array(bytes), 0);
      this.cluster.run();
    });
    socket.on('error', () => {});
    socket.on('close', () => {
      this.#mqtt.closed(connection, 0);
      this.cluster.run();
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets.values()) socket.destroy();
    this.#listener.close();
    await once(this.#listener, 'close');
  }
}
