import { LIMITS } from '../wire/gen/registry.ts';
import { UNREAD_BYTES_TOTAL_MAX } from './unread-answers.ts';

/** The minor version that this implementation speaks (spec, chapter of connections). */
export const MINOR_VERSION = 3;

/** One address leaves room for others, whatever CONNECTIONS_MAX is by default; many clients may stand behind one address. */
export const CONNECTIONS_PER_ADDRESS_MAX = 16_384;

export interface ServerSessionOptions {
  readonly helloDeadlineMs: number;
  /** From HELLO to the end of the authentication, where there is one. */
  readonly authDeadlineMs: number;
  readonly idleMs: number;
  readonly frameBytesMax: number;
  readonly inFlightMax: number;
  /** Bytes that are sent to a peer that does not read, from when it is known that it does not. */
  readonly pendingBytesMax: number;
  /** The highest minor version that is spoken. Default MINOR_VERSION; a lower one is for tests of peers. */
  readonly minor: number;
  /** Of all peers that do not read, together. */
  readonly unreadBytesTotalMax: number;
  /** Connections of one address. */
  readonly connectionsPerAddressMax: number;
}

export const DEFAULT_SESSION_OPTIONS: ServerSessionOptions = {
  helloDeadlineMs: LIMITS.HELLO_DEADLINE_MS,
  authDeadlineMs: LIMITS.AUTH_DEADLINE_MS,
  idleMs: LIMITS.IDLE_MS,
  frameBytesMax: LIMITS.FRAME_BYTES_MAX,
  inFlightMax: LIMITS.IN_FLIGHT_REQUESTS_MAX,
  pendingBytesMax: LIMITS.PENDING_RESPONSE_BYTES_MAX,
  minor: MINOR_VERSION,
  unreadBytesTotalMax: UNREAD_BYTES_TOTAL_MAX,
  connectionsPerAddressMax: CONNECTIONS_PER_ADDRESS_MAX,
};
