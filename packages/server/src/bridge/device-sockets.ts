import type { Peer, Sockets } from '@qanat/mqtt';
import type { ByteStream, StreamOwner } from '@qanat/transports/streams';
import type { DeviceEngine } from './device-engine.ts';

/** Where the sockets of devices lead: the engine, once there is one, and the time of each call. */
export interface DeviceEntrance {
  enter(run: (engine: DeviceEngine, nowMs: number) => void): void;
  /** The user whom a verified certificate stands for. */
  userOfCertificate(names: readonly string[] | undefined): string | undefined;
}

interface Device {
  readonly stream: ByteStream;
  readonly peer: Peer;
  /** The engine was told that the connection is over; its socket still is one of those that are open. */
  isOver: boolean;
}

/** The sockets of devices by numbers, for the engine; and the engine for the sockets. */
export class DeviceSockets implements Sockets, StreamOwner {
  readonly #entrance: DeviceEntrance;
  readonly #connectionsMax: number;
  readonly #devices = new Map<number, Device>();
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
    return this.#devices.size;
  }

  accepted(stream: ByteStream): void {
    if (this.#devices.size >= this.#connectionsMax) {
      this.dropped++;
      stream.abort();
      return;
    }
    const number = ++this.#last;
    stream.number = number;
    const peer = this.#peerOf(stream);
    this.#devices.set(number, { stream, peer, isOver: false });
    this.#entrance.enter((engine, nowMs) => engine.accepted(number, peer, nowMs));
  }

  received(stream: ByteStream, bytes: Uint8Array): void {
    this.#entrance.enter((engine, nowMs) => engine.received(stream.number, bytes, nowMs));
  }

  drained(stream: ByteStream): void {
    this.#entrance.enter((engine, nowMs) => engine.drained(stream.number, nowMs));
  }

  ended({ number }: ByteStream): void {
    const device = this.#devices.get(number);
    if (device === undefined || device.isOver) return;
    device.isOver = true;
    this.#entrance.enter((engine, nowMs) => engine.closed(number, nowMs));
  }

  closed(stream: ByteStream): void {
    this.ended(stream);
    if (!this.#devices.delete(stream.number)) return;
    if (this.#devices.size === 0) this.onEmpty?.();
  }

  send(connection: number, bytes: Uint8Array): boolean {
    return this.#devices.get(connection)?.stream.send(bytes) ?? true;
  }

  close(connection: number): void {
    this.#devices.get(connection)?.stream.close();
  }

  abort(connection: number): void {
    this.#devices.get(connection)?.stream.abort();
  }

  pause(connection: number): void {
    this.#devices.get(connection)?.stream.setReading(false);
  }

  resume(connection: number): void {
    this.#devices.get(connection)?.stream.setReading(true);
  }

  /** Drops those whose peer is meant; as by a failure of the network, so that their wills are published. */
  abortWhere(isMeant: (peer: Peer) => boolean): void {
    for (const { stream, peer } of this.#devices.values()) if (isMeant(peer)) stream.abort();
  }

  #peerOf({ remote, secure, certificateNames }: ByteStream): Peer {
    const certificate = this.#entrance.userOfCertificate(certificateNames);
    return { address: remote, secure, ...(certificate === undefined ? {} : { certificate }) };
  }
}
