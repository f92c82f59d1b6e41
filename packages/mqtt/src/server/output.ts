import { encodePacket } from '../codec/encode.ts';
import { ACK_BYTES, PONG_BYTES, publishLength, writeAck, writePong, writePublish } from '../codec/encode-publish.ts';
import { MqttError } from '../codec/mqtt-error.ts';
import type { ProtocolVersion, Publish, ServerPacket } from '../codec/packet.ts';
import type { Sockets } from '../ports.ts';
import { type Connection, HOLD } from './connection.ts';
import { CORK_BYTES_MAX, UNREAD_ANSWER_BYTES_MAX } from './limits.ts';

const SLAB_BYTES = 65_536;
/** A packet from here on has memory of its own. */
const LARGE_BYTES = 16_384;
/** What is shorter is copied when it is sent: a socket that waits must not hold a whole slab for a few bytes. */
const COPIED_BELOW_BYTES = 4_096;

/** Encoded bytes in memory that nobody writes again. */
export interface Stretch {
  readonly memory: Buffer;
  readonly from: number;
  readonly to: number;
}

function sayable<Result>(write: () => Result): Result | undefined {
  try {
    return write();
  } catch (error) {
    if (error instanceof MqttError) return undefined;
    throw error;
  }
}

/**
 * What is sent: written one behind the other into common memory, and given to each socket once per input. What one socket is sent
 * within an input lies in one stretch of it then, most of the time, and a PUBLISH for many is written once.
 */
export class Output {
  readonly #sockets: Sockets;
  #corked: Connection[] = [];
  #slab = Buffer.allocUnsafeSlow(SLAB_BYTES);
  #at = 0;
  /** The copy that was made last. */
  #copy: (Stretch & { readonly bytes: Uint8Array }) | undefined;

  constructor(sockets: Sockets) {
    this.#sockets = sockets;
  }

  /** Something waits for `flush`. */
  get waits(): boolean {
    return this.#corked.length > 0;
  }

  /** An acknowledgement with reason 0. */
  ack(connection: Connection, type: 'PUBACK' | 'PUBREC' | 'PUBREL' | 'PUBCOMP', packetId: number): void {
    if (this.#at + ACK_BYTES > SLAB_BYTES) this.#newSlab();
    const from = this.#at;
    this.#at = writeAck(this.#slab, from, type, packetId);
    this.#append(connection, this.#slab, from, this.#at);
  }

  /** A PINGRESP. Who sends nothing but pings gets these without end, so each must cost little. */
  pong(connection: Connection): void {
    if (this.#at + PONG_BYTES > SLAB_BYTES) this.#newSlab();
    const from = this.#at;
    this.#at = writePong(this.#slab, from);
    this.#append(connection, this.#slab, from, this.#at);
  }

  /** @returns false, and nothing is sent: the packet is larger than the client takes [MQTT-3.1.2-24]. */
  packet(connection: Connection, packet: ServerPacket): boolean {
    const bytes = encodePacket(packet, connection.version);
    if (bytes.length > connection.packetBytesMax) return false;
    const memory = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
    this.#append(connection, memory, 0, memory.length);
    return true;
  }

  /** As `packet`; `unsayable`: it has what MQTT cannot say, by limits that somebody set. */
  packetIfSayable(connection: Connection, packet: ServerPacket): 'sent' | 'too-large' | 'unsayable' {
    const sent = sayable(() => this.packet(connection, packet));
    return sent === undefined ? 'unsayable' : sent ? 'sent' : 'too-large';
  }

  /** @returns undefined: MQTT cannot say it, since a text is too long. Other clients of the cluster know no such limit. */
  publish(publish: Publish, version: ProtocolVersion): Stretch | undefined {
    // Without a closure for each message, as `sayable` would need one.
    try {
      return this.#write(publish, version);
    } catch (error) {
      if (error instanceof MqttError) return undefined;
      throw error;
    }
  }

  /** Bytes of the packet; undefined: MQTT cannot say it. */
  lengthOf(publish: Publish, version: ProtocolVersion): number | undefined {
    return sayable(() => publishLength(publish, version));
  }

  #write(publish: Publish, version: ProtocolVersion): Stretch {
    const length = publishLength(publish, version);
    if (length >= LARGE_BYTES) {
      const memory = Buffer.allocUnsafeSlow(length);
      return { memory, from: 0, to: writePublish(memory, 0, publish, version) };
    }
    if (this.#at + length > SLAB_BYTES) this.#newSlab();
    const from = this.#at;
    this.#at = writePublish(this.#slab, from, publish, version);
    return { memory: this.#slab, from, to: this.#at };
  }

  stretch(connection: Connection, { memory, from, to }: Stretch): void {
    this.#append(connection, memory, from, to);
  }

  #append(connection: Connection, memory: Buffer, from: number, to: number): void {
    if (!connection.open) return;
    if (connection.memory === memory && connection.to === from) {
      connection.to = to;
    } else {
      if (connection.memory !== undefined) this.#setAside(connection, connection.memory);
      connection.memory = memory;
      connection.from = from;
      connection.to = to;
    }
    if (!connection.corked) this.#corked.push(connection);
    connection.corked = true;
    connection.corkedBytes += to - from;
    if (connection.corkedBytes >= CORK_BYTES_MAX) this.send(connection);
  }

  #setAside(connection: Connection, memory: Buffer): void {
    connection.parts ??= [];
    connection.parts.push(memory.subarray(connection.from, connection.to));
  }

  #newSlab(): void {
    this.#slab = Buffer.allocUnsafeSlow(SLAB_BYTES);
    this.#at = 0;
  }

  /** Gives every socket what was written for it. */
  flush(): void {
    if (this.#corked.length === 0) return;
    const corked = this.#corked;
    this.#corked = [];
    for (const connection of corked) {
      connection.corked = false;
      this.send(connection);
    }
  }

  /** Gives one socket what was written for it. */
  send(connection: Connection): void {
    const { memory, corkedBytes } = connection;
    if (memory === undefined) return;
    const bytes = this.#joined(connection, memory);
    connection.memory = undefined;
    connection.parts = undefined;
    connection.corkedBytes = 0;
    if (corkedBytes > 0 && !this.#sockets.send(connection.id, bytes)) this.#block(connection, corkedBytes);
  }

  /**
   * A client that does not read is read further for a while: it may be one that first wants to get rid of what it has to say. So
   * it is answered further, but not without end.
   */
  #block(connection: Connection, sentBytes: number): void {
    if (connection.blocked) connection.unreadBytes += sentBytes;
    connection.blocked = true;
    if (connection.unreadBytes >= UNREAD_ANSWER_BYTES_MAX) this.hold(connection, HOLD.UNREAD);
  }

  /** The socket has sent what waited. */
  unblock(connection: Connection): void {
    connection.blocked = false;
    connection.unreadBytes = 0;
    this.release(connection, HOLD.UNREAD);
  }

  #joined({ parts, from, to, corkedBytes }: Connection, memory: Buffer): Uint8Array {
    if (parts === undefined) return this.#whole(memory, from, to);
    const last = memory.subarray(from, to);
    const joined = Buffer.allocUnsafeSlow(corkedBytes);
    let at = 0;
    for (const part of parts) {
      joined.set(part, at);
      at += part.length;
    }
    joined.set(last, at);
    return joined;
  }

  #whole(memory: Buffer, from: number, to: number): Uint8Array {
    if (to - from >= COPIED_BELOW_BYTES) return memory.subarray(from, to);
    const copy = this.#copy;
    // What goes to many is copied once for all of them.
    if (copy?.memory === memory && copy.from === from && copy.to === to) return copy.bytes;
    const bytes = new Uint8Array(memory.subarray(from, to));
    this.#copy = { memory, from, to, bytes };
    return bytes;
  }

  /** Stops to read a socket, for one more reason. */
  hold(connection: Connection, reason: number): void {
    if (connection.holds === 0 && connection.open) this.#sockets.pause(connection.id);
    connection.holds |= reason;
  }

  /** Goes on to read a socket when this was the last reason. */
  release(connection: Connection, reason: number): void {
    if ((connection.holds & reason) === 0) return;
    connection.holds &= ~reason;
    if (connection.holds === 0 && connection.open) this.#sockets.resume(connection.id);
  }
}
