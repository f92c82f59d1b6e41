import { REASON } from '../codec/reason-codes.ts';

/** Connections in a row that ended at the sending of one publish, before it is given up. */
export const UPSTREAM_TRIES_MAX = 3;

/** Reason codes of DISCONNECT that can be about a packet. With the others the server speaks of itself, or of the connection. */
const ABOUT_PACKETS: ReadonlySet<number> = new Set([
  REASON.UNSPECIFIED_ERROR,
  REASON.MALFORMED_PACKET,
  REASON.PROTOCOL_ERROR,
  REASON.IMPLEMENTATION_SPECIFIC_ERROR,
  REASON.NOT_AUTHORIZED,
  REASON.TOPIC_NAME_INVALID,
  REASON.PACKET_TOO_LARGE,
  REASON.PAYLOAD_FORMAT_INVALID,
  REASON.RETAIN_NOT_SUPPORTED,
  REASON.QOS_NOT_SUPPORTED,
]);
/** Of a socket that the other side closed. Others are troubles of the network between. */
const CLOSED_THERE: ReadonlySet<unknown> = new Set(['ECONNRESET', 'EPIPE']);

/**
 * Finds the publish that the other broker does not take, where it says so by ending the connection, which is all that 3.1.1
 * has. Held against a publish is each connection that the other broker accepted and ended while this one was the first that it
 * had not acknowledged. Anything else between begins the count anew: a connection that ended otherwise, or none at all, as with a
 * broker that is away or restarts.
 */
export class FatalPublish {
  /** Packet identifiers of what the connection has been given and not acknowledged, in the order in which they were sent. */
  readonly #underWay = new Set<number>();
  /** Whether the end of the connection would be held against a publish. */
  #counts = false;
  #suspect: number | undefined;
  #times = 0;

  /** The other broker has accepted a connection. */
  accepted(): void {
    this.#counts = true;
    this.#underWay.clear();
  }

  sent(packetId: number): void {
    this.#underWay.add(packetId);
  }

  acknowledged(packetId: number): void {
    this.#underWay.delete(packetId);
  }

  /** The other broker has said why it ends the connection. */
  told(reasonCode: number): void {
    if (!ABOUT_PACKETS.has(reasonCode)) this.#counts = false;
  }

  /** Something failed on this side: the socket, or what waited for the other broker too long. */
  failed(error: Error): void {
    if (!('code' in error && CLOSED_THERE.has(error.code))) this.#counts = false;
  }

  /** The connection, or the attempt to have one, has ended. @returns the packet identifier of what is to be given up. */
  ended(): number | undefined {
    const [first] = this.#counts ? this.#underWay : [];
    this.#times = first !== undefined && first === this.#suspect ? this.#times + 1 : 1;
    this.#suspect = first;
    this.#counts = false;
    return this.#times >= UPSTREAM_TRIES_MAX ? first : undefined;
  }
}
