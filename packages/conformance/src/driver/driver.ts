import type { SocketBinding } from '../ground/ground.ts';
import type { CallError } from '../history/event.ts';
import type { Json, JsonObject } from '../json.ts';

/** What an implementation can be. */
export type Role = 'nameserver' | 'broker' | 'producer' | 'consumer' | 'codec' | 'bridge';

/** What a subject can do beyond its role; a clause may need some of it. */
export type Ability =
  /** Takes `policy`: what handlers do with messages. */
  | 'policy'
  /** Takes `abandon`: the process of a client dies. */
  | 'abandon'
  /** Tells `assigned`, `revoked`, `idle`, `error` and the like. */
  | 'events'
  /** Sends several messages as one batch. */
  | 'batch'
  /** Starts consumers with `mode: 'broadcasting'`. */
  | 'broadcasting'
  /** Takes the options `deadLetterTopic` and `maxAttempts` of consumers. */
  | 'dead-letter'
  /** SIGKILL or the like, and a start on the same data. */
  | 'kill'
  /** A planned stop, and a start on the same data. */
  | 'stop'
  /** Stands still and goes on: SIGSTOP, SIGCONT. */
  | 'pause'
  /** Registers at NameServers of the kit. */
  | 'register'
  /** Starts with other settings: limits, intervals. */
  | 'settings'
  /** Loses what is not synced. */
  | 'powerloss'
  /** Tells `disconnected`, with `error` where the end of the connection was no clean one. */
  | 'disconnected'
  /** Of a codec: answers pure functions of the specification as well. */
  | 'functions'
  /** A server asks who its clients are: takes `users` of `start`, and `users`. */
  | 'users'
  /** Logs in, a broker at its NameServers: takes `credentials` of `start`. */
  | 'credentials'
  /** Of a bridge: tells the NameServer of its cluster with its address, and the topic that it maps everything to. */
  | 'cluster'
  /** Of a broker: takes `replication` of `start`, and is one replica of its group. */
  | 'replication';

/** What a driver says of itself and its subject. */
export interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly language?: string;
  readonly url?: string;
  readonly roles: readonly Role[];
  readonly abilities: readonly Ability[];
  /** What it can be reached over, or can reach servers over. Left out: TCP. */
  readonly transports?: readonly SocketBinding[];
  /**
   * Of a broker, where its settings do not say otherwise: whether what it acknowledged survives a power cut. Left out: not
   * known.
   */
  readonly flush?: 'sync' | 'async';
}

/** What a subject can be run over, what it prefers first. */
export const transportsOf = ({ transports = ['tcp'] }: Manifest): readonly SocketBinding[] => transports;

/** The code of calls that a driver did not answer because it broke its protocol or died. */
export const DRIVER_ENDED = 'DRIVER';

export type CallDone = (error: CallError | undefined, ok: Json) => void;

/**
 * Whoever starts and asks a subject: a process that speaks lines of JSON, or code in this one. Calls may be answered in any
 * order.
 */
export interface Driver {
  readonly manifest: Manifest;
  call(op: string, args: JsonObject, done: CallDone): void;
  /** Takes what the subject tells by itself: deliveries, assignments. */
  onTold(listener: (event: string, client: string, args: Json) => void): void;
  /** Ends everything that this driver has started. */
  close(): Promise<void>;
}
