import { decodePacket } from '../codec/decode.ts';
import { MqttError } from '../codec/mqtt-error.ts';
import type { ClientPacket } from '../codec/packet.ts';
import { packetEnd } from '../codec/packet-end.ts';
import { REASON } from '../codec/reason-codes.ts';
import { type Connection, HOLD } from './connection.ts';
import type { Endings } from './endings.ts';
import { Gathered } from './gathered.ts';
import { FILTERS_PER_TURN_MAX } from './limits.ts';
import type { ServerContext } from './server-context.ts';

/** It had its turn. */
const isHeld = ({ filters }: Connection): boolean => filters >= FILTERS_PER_TURN_MAX;

/** Cuts what sockets bring into packets. */
export class Receiving {
  readonly #context: ServerContext;
  readonly #endings: Endings;
  readonly #handle: (connection: Connection, packet: ClientPacket) => void;

  constructor(context: ServerContext, endings: Endings, handle: (connection: Connection, packet: ClientPacket) => void) {
    this.#context = context;
    this.#endings = endings;
    this.#handle = handle;
  }

  /** @param bytes not written again by whoever gave them: packets may be kept as parts of them. */
  received(connection: Connection, bytes: Uint8Array): void {
    const { rest } = connection;
    if (rest === undefined) return this.#cut(connection, bytes);
    rest.add(bytes);
    this.goOn(connection);
  }

  /** Looks at what was gathered: more has come, CONNECT was answered, or it is its turn. */
  goOn(connection: Connection): void {
    const { rest } = connection;
    if (rest === undefined || isHeld(connection)) return;
    if (connection.phase === 'connecting') return this.#boundGathered(connection, rest.bytes.length);
    const bytes = rest.bytes;
    if (this.#endOf(connection, bytes, 0) === undefined) return;
    connection.rest = undefined;
    this.#cut(connection, bytes);
  }

  /** What follows a CONNECT that is being answered, which may take a while; sockets are not read meanwhile. */
  #boundGathered(connection: Connection, length: number): void {
    if (length > 2 * this.#context.limits.packetBytesMax) this.#endings.disconnect(connection, REASON.QUOTA_EXCEEDED);
  }

  #cut(connection: Connection, bytes: Uint8Array): void {
    let at = 0;
    while (at < bytes.length && connection.open && connection.phase !== 'connecting' && !isHeld(connection)) {
      const end = this.#endOf(connection, bytes, at);
      if (end === undefined) break;
      this.#take(connection, bytes, at, end);
      at = end;
    }
    if (connection.open && at < bytes.length) connection.rest = new Gathered(bytes.subarray(at));
  }

  /** @returns undefined: the packet is not whole, or the connection has ended. */
  #endOf(connection: Connection, bytes: Uint8Array, at: number): number | undefined {
    const { packetBytesMax, connectBytesMax } = this.#context.limits;
    const most = connection.phase === 'new' ? connectBytesMax : packetBytesMax;
    try {
      const end = packetEnd(bytes, at, bytes.length, most);
      return end === undefined || end > bytes.length ? undefined : end;
    } catch (error) {
      this.#fail(connection, error);
      return undefined;
    }
  }

  #take(connection: Connection, bytes: Uint8Array, at: number, end: number): void {
    try {
      const packet = decodePacket(bytes, at, end, connection.phase === 'new' ? undefined : connection.version);
      connection.heardMs = connection.phase === 'online' ? this.#context.nowMs : connection.heardMs;
      this.#handle(connection, packet);
    } catch (error) {
      this.#fail(connection, error);
    }
  }

  /**
   * A SUBSCRIBE or UNSUBSCRIBE was handled. Few bytes ask for much: beyond FILTERS_PER_TURN_MAX filters the rest of what came is
   * handled after others had their turn.
   */
  spend(connection: Connection, filters: number): void {
    connection.filters += filters;
    if (!isHeld(connection)) return;
    this.#context.output.hold(connection, HOLD.TURN);
    this.#context.putOff(() => {
      connection.filters = 0;
      if (connection.open) this.goOn(connection);
      // Read on only when all that was read is handled.
      if (!isHeld(connection)) this.#context.output.release(connection, HOLD.TURN);
    });
  }

  /** [MQTT-4.13.1-1]. Of a CONNECT that names a version, the answer is in that version, or the nearest that there is. */
  #fail(connection: Connection, error: unknown): void {
    if (!(error instanceof MqttError)) throw error;
    const { reasonCode, message, version } = error;
    if (connection.phase === 'new' && version !== undefined) {
      connection.version = version >= 5 ? 5 : 4;
      connection.phase = 'connecting';
    }
    this.#endings.protocolError(connection, reasonCode, message);
  }
}
