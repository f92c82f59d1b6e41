import type { Traffic } from '../connection/traffic.ts';

/** What an operator may want to know of a broker at this moment. Counters count from its start. */
export interface BrokerFigures {
  /** It has recovered and is not about to stop. */
  readonly ready: boolean;
  readonly term: number;
  /** NameServers that have its registration. */
  readonly nameServers: number;
  readonly topics: number;
  readonly groups: number;
  /** Producer ids that it remembers. */
  readonly producers: number;
  readonly connections: number;
  /** PULL requests that wait for messages. */
  readonly polls: number;
  /** Bytes that wait to be stored. */
  readonly stagedBytes: number;
  /** The position behind the newest entry of the log: bytes written in its whole life. */
  readonly logEnd: number;
  /** Free space is under the reserve: messages are refused. */
  readonly diskFull: boolean;
  /** Files of the log that were found damaged since the start. */
  readonly damagedSegments: number;
  /** Keys of keyed state, over all queues. */
  readonly stateEntries: number;
  /** What they take, counted as STATE_QUEUE_BYTES_MAX is. */
  readonly stateBytes: number;
  /** Messages of the batches that were handed out to readers. */
  readonly messagesOut: number;
  readonly traffic: Traffic;
  /** Of a replica; undefined where the broker is alone. */
  readonly replication: ReplicationFigures | undefined;
}

/** What a replica is and how far it has come; positions are bytes from the beginning of the log. */
export interface ReplicationFigures {
  readonly replica: number;
  readonly role: 'master' | 'slave';
  /** For people: what it does now. */
  readonly state: string;
  readonly stored: number;
  readonly committed: number;
  /** Of a master: its in-sync set, itself included; 0 at a slave. */
  readonly inSync: number;
  readonly minInSync: number;
  /** Of a master: bytes that the slowest slave which is heard lags behind; of a slave: bytes that it lags behind its master. */
  readonly lagBytes: number;
}

/** What a topic holds at a broker, over its queues there. */
export interface TopicFigures {
  readonly topic: string;
  readonly queues: number;
  /** Messages stored in the life of the topic. */
  readonly stored: number;
  /** Messages that can be read. */
  readonly kept: number;
}

/** A group as one broker sees it. */
export interface GroupFigures {
  readonly group: string;
  readonly members: number;
  /** Messages stored and not committed, over the queues with a committed offset. */
  readonly lag: number;
}
