import type { ServerSession } from '../connection/server-session.ts';
import type { Silence, Timer } from '../timers.ts';
import type { Endpoint } from '../wire/gen/messages.ts';

/** Life of a broker as one NameServer sees it (spec, chapter of broker registration). A broker that is removed is forgotten. */
export type BrokerState = 'live' | 'away';

/** What one NameServer knows of one broker. */
export interface BrokerEntry {
  readonly name: string;
  cluster: string;
  /** Hexadecimal. */
  storeId: string;
  storeIdBytes: Uint8Array;
  term: number;
  revision: number;
  endpoints: readonly Endpoint[];
  createsTopics: boolean;
  /** Queues by topic. */
  topics: ReadonlyMap<string, number>;
  state: BrokerState;
  readonly silence: Silence;
  /** The connection on which it was heard last; undefined once that is gone. */
  session: ServerSession | undefined;
  /** Ends the present state: silence while live, the place in the route while away. */
  timer: Timer | undefined;
}

export const hex = (bytes: Uint8Array): string => Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
