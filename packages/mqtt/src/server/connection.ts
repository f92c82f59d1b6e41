import type { ProtocolVersion } from '../codec/packet.ts';
import type { Peer } from '../ports.ts';
import type { InboundAliases, OutboundAliases } from './aliases.ts';
import type { Gathered } from './gathered.ts';

/** `new`: CONNECT is awaited. `connecting`: it is being answered, and nothing behind it is looked at yet. */
export type Phase = 'new' | 'connecting' | 'online' | 'closed';

/** Why a socket is not read: bits, so that it is read again when the last reason is gone. */
export const HOLD = {
  /** CONNECT is being answered. */
  CONNECTING: 1,
  /** The cluster takes no more. */
  CLUSTER: 2,
  /** The client does not read, and what answers it has piled up. */
  UNREAD: 4,
  /** Too much of it waits for the cluster. */
  REQUESTS: 8,
  /** It had its turn: what else came is handled in the next one. */
  TURN: 16,
} as const;

/** One socket. What only busy ones need is made when it is needed first. */
export class Connection {
  readonly id: number;
  readonly peer: Peer;
  phase: Phase = 'new';
  /** Of CONNECT; until then 4, by which nothing is sent. */
  version: ProtocolVersion = 4;
  clientId = '';
  /** While it is online, for `sessionOf`: it is the session that knows its connection. */
  session: object | undefined;
  /** When it was accepted, or last sent anything. */
  heardMs: number;
  /** 0: none. One and a half times the Keep Alive [MQTT-3.1.2-22]. */
  silenceMaxMs = 0;
  /** Which slot of the wheel has it. */
  slot = -1;
  /** Bits of HOLD. */
  holds = 0;
  /** It does not read: what may be lost is not sent to it, and what may not waits in the log. */
  blocked = false;
  /** Of answers that were given to the socket all the same. */
  unreadBytes = 0;
  /** Filters of SUBSCRIBE and UNSUBSCRIBE that were handled since it last waited for its turn. */
  filters = 0;
  /** What came and is no whole packet yet, or waits for its turn. */
  rest: Gathered | undefined;
  /** What the client takes, 0xFFFFFFFF when it did not say. */
  packetBytesMax = 0xffff_ffff;
  aliasesIn: InboundAliases | undefined;
  aliasesOut: OutboundAliases | undefined;

  // What waits to be sent until the end of the input: one stretch of memory, after others where they are not adjacent.
  memory: Buffer | undefined;
  from = 0;
  to = 0;
  parts: Uint8Array[] | undefined;
  corkedBytes = 0;
  corked = false;

  constructor(id: number, peer: Peer, nowMs: number) {
    this.id = id;
    this.peer = peer;
    this.heardMs = nowMs;
  }

  get open(): boolean {
    return this.phase !== 'closed';
  }
}
