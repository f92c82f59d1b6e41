import type { ServerSession } from '../connection/server-session.ts';
import type { Silence, Timer } from '../timers.ts';
import type { Endpoint } from '../wire/gen/messages.ts';

/** Life of a replica as one NameServer sees it (spec, chapter of broker registration). One that is removed is forgotten. */
export type ReplicaState = 'live' | 'away';

/** What one NameServer knows of one replica of a broker group; a broker alone is its only replica. */
export interface ReplicaEntry {
  readonly replica: number;
  term: number;
  revision: number;
  endpoints: readonly Endpoint[];
  zone: string;
  state: ReplicaState;
  readonly silence: Silence;
  /** The connection on which it was heard last; undefined once that is gone. */
  session: ServerSession | undefined;
  /** Ends the present state: silence while live, the place in the route while away. Undefined when that has passed. */
  timer: Timer | undefined;
}

/** What one NameServer knows of one broker group. */
export interface BrokerEntry {
  readonly name: string;
  cluster: string;
  /** Hexadecimal. */
  storeId: string;
  storeIdBytes: Uint8Array;
  /** The highest in which a master registered; where slaves alone did, the highest that they know. */
  term: number;
  /** Who was master in `term`; undefined where slaves alone have registered. */
  holder: number | undefined;
  createsTopics: boolean;
  /** Queues by topic. */
  topics: ReadonlyMap<string, number>;
  /** Undefined when slaves alone have registered, or when it has become a slave. */
  master: ReplicaEntry | undefined;
  /** By their numbers. */
  readonly slaves: Map<number, ReplicaEntry>;
}

export const newBrokerEntry = (name: string): BrokerEntry => ({
  name,
  cluster: '',
  storeId: '',
  storeIdBytes: new Uint8Array(0),
  term: 0,
  holder: undefined,
  createsTopics: false,
  topics: new Map(),
  master: undefined,
  slaves: new Map(),
});

/** A broker is away when its master is. */
export const isAway = ({ master }: BrokerEntry): boolean => master?.state !== 'live';

export const replicasOf = ({ master, slaves }: BrokerEntry): readonly ReplicaEntry[] =>
  master === undefined ? [...slaves.values()] : [master, ...slaves.values()];

export const findReplica = ({ master, slaves }: BrokerEntry, replica: number): ReplicaEntry | undefined =>
  master?.replica === replica ? master : slaves.get(replica);

export const hex = (bytes: Uint8Array): string => Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
