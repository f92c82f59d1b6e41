import type { Peer, Sockets } from '@qanat/mqtt';
import type { ByteStream, StreamOwner } from '@qanat/transports/streams';
import type { DeviceEngine } from './device-engine.ts';

/** Where the sockets of devices lead: the engine, once there is one, and the time of each call. */
export interface DeviceEntrance {
  enter(run: (engine: DeviceEngine, nowMs: number) => void): void;
  /** The user whom a verified certificate stands for. */
  userOfCertificate(names: readonly string[] | undefined): string | undefined;
}

/** The sockets of devices by numbers, for the engine; and the engine for the sockets. */
export class DeviceSockets implements Sockets, StreamOwner {
  readonly #entrance: DeviceEntrance;
  readonly #connectionsMax: number;
  readonly #streams = new Map<number, ByteStream>();
  #last = 0;
  /** Connections that were dropped since there were too many. */
  dropped = 0;
  /** Called when the last stream is over, once it is set. */
  onEmpty: (() => void) | undefined;

  /** @param connectionsMax beyond it a connection is dropped at once: a process that runs out of files serves nobody. */
  constructor(entrance: DeviceEntrance, connectionsMax: number) {
    this.#entrance = entrance;
    this.#connectionsMax = connectionsMax;
  }

  get size(): number {
    return this.#streams.size;
  }

  accepted(stream: ByteStream): void {
    if (this.#streams.size >= this.#connectionsMax) {
      this.dropped++;
      stream.abort();
      return;
    }
    const number = ++this.#last;
    stream.number = number;
    this.#streams.set(number, stream);
    this.#entrance.enter((engine, nowMs) => engine.accepted(number, this.#peerOf(stream), nowMs));
  }

  received(stream: ByteStream, bytes: Uint8Array): void {
    this.#entrance.enter((engine, nowMs) => engine.received(stream.number, bytes, nowMs));
  }

  drained(stream: ByteStream): void {
    this.#entrance.enter((engine, nowMs) => engine.drained(stream.number, nowMs));
  }

  closed(stream: ByteStream): void {
    if (!this.#streams.delete(stream.number)) return;
    this.#entrance.enter((engine, nowMs) => engine.closed(stream.number, nowMs));
    if (this.#streams.size === 0) this.onEmpty?.();
  }

  send(connection: number, bytes: Uint8Array): boolean {
    return this.#streams.get(connection)?.send(bytes) ?? true;
  }

  close(connection: number): void {
    this.#streams.get(connection)?.close();
  }

  abort(connection: number): void {
    this.#streams.get(connection)?.abort();
  }

  pause(connection: number): void {
    this.#streams.get(connection)?.setReading(false);
  }

  resume(connection: number): void {
    this.#streams.get(connection)?.setReading(true);
  }

  /** Drops all that are left. */
  abortAll(): void {
    for (const stream of this.#streams.values()) stream.abort();
  }

  #peerOf({ remote, secure, certificateNames }: ByteStream): Peer {
    const certificate = this.#entrance.userOfCertificate(certificateNames);
    return { address: remote, secure, ...(certificate === undefined ? {} : { certificate }) };
  }
}
