import type { ErrorCode, QanatError } from '../../errors.ts';
import type { StrategyName } from '../consumer/options.ts';
import type { QueueId } from '../host.ts';

/** One queue of a topic, as `describeTopic` tells it. */
export interface QueueStatus extends QueueId {
  /** Its broker vanished from the route lately, or does not answer: the numbers are unknown (0). */
  readonly away: boolean;
  readonly oldestOffset: number;
  /** Offset of the next message to be stored. */
  readonly highWatermark: number;
  /** ms since 1970; undefined when nothing was ever stored. */
  readonly lastStoreTimeMs: number | undefined;
}

export interface TopicDescription {
  readonly topic: string;
  readonly queues: readonly QueueStatus[];
}

export interface TopicSummary {
  readonly topic: string;
  readonly queues: number;
  readonly brokers: readonly string[];
}

export interface GroupOverview {
  readonly group: string;
  readonly kind: 'assigned' | 'free' | 'shared';
  readonly members: number;
  /** Messages that the group has not committed yet. */
  readonly lag: number;
  /** Brokers that did not answer or are away: members and lag there are missing. */
  readonly missingBrokers: readonly string[];
}

export interface GroupMember {
  /** The instance id. */
  readonly id: string;
  readonly label: string;
  readonly address: string;
  readonly queues: readonly QueueId[];
  /** True: there are more members than queues, and this one has none. */
  readonly idle: boolean;
}

export interface GroupQueueStatus extends QueueId {
  /** Undefined: the group has no committed offset here yet. */
  readonly committed: number | undefined;
  readonly highWatermark: number;
  readonly oldestOffset: number;
  /** Messages that are still there and not committed. */
  readonly lag: number;
  /** Instance id of the holder. */
  readonly member: string | undefined;
}

export interface GroupDescription {
  readonly group: string;
  readonly kind: 'assigned' | 'free' | 'shared';
  /** Filter by topic. */
  readonly topics: Readonly<Record<string, string>>;
  /** How the brokers divide the queues. */
  readonly strategy: StrategyName;
  /** Of the record of topics, filters and strategy; the highest that a broker has. */
  readonly subscriptionVersion: number;
  readonly members: readonly GroupMember[];
  readonly queues: readonly GroupQueueStatus[];
  /** Brokers that did not answer: what they know is missing. */
  readonly missingBrokers: readonly string[];
}

export interface ResetStep extends QueueId {
  readonly from: number | undefined;
  /** The same as `from` (0 without one) where the queue was refused. */
  readonly to: number;
  /** Why the queue stays where it is: OFFSET_OUT_OF_RANGE, QUEUE_NOT_FOUND, … */
  readonly error?: ErrorCode;
}

/** A replica of a broker group, as the NameServers tell it. */
export interface ReplicaInfo {
  /** Its number in the group; 0 where a broker is alone. */
  readonly replica: number;
  readonly role: 'master' | 'slave';
  readonly addresses: readonly string[];
  readonly away: boolean;
}

/** A broker group; addresses and `away` are of its master. */
export interface BrokerInfo {
  readonly broker: string;
  readonly cluster: string;
  readonly addresses: readonly string[];
  readonly away: boolean;
  /** The master first, where there is one; then slaves by their numbers. */
  readonly replicas: readonly ReplicaInfo[];
}

/** What a replica says of itself; positions are bytes from the beginning of the log. */
export interface ReplicaDetails {
  readonly term: number;
  /** For people: what it does now. */
  readonly state: string;
  /** Code of the error that halted it; empty: it is not halted, or is older than this field. */
  readonly haltedBy: string;
  /** Masters of its group are elected, not made by an operator. */
  readonly elected: boolean;
  readonly logEnd: number;
  readonly stored: number;
  readonly committed: number;
  readonly oldest: number;
  readonly flush: 'sync' | 'async';
  /** Of a master: with fewer replicas in sync it takes no messages that are to be committed. */
  readonly minInSync: number;
  /** Of a slave: the address of the master that it copies; empty: it has none. */
  readonly following: string;
}

/** A replica and how it fares. Its role is what it says itself, where it answers. */
export interface ReplicaStatus extends ReplicaInfo {
  /** Why it does not answer; undefined: it does. */
  readonly error: QanatError | undefined;
  /** Undefined where it does not answer, and of a broker that knows no replication (before version 1.3, or alone). */
  readonly details: ReplicaDetails | undefined;
  /** Whether it is of the in-sync set: as the master says, or as it knows itself where there is none. Undefined: nobody says. */
  readonly inSync: boolean | undefined;
  /**
   * Bytes between what it has stored and the end of its master's log: as the master says, or, where there is none, as it heard
   * last itself; undefined where nobody says so.
   */
  readonly lagBytes: number | undefined;
}

export interface BrokerGroup {
  readonly broker: string;
  readonly cluster: string;
  /** The replica that says it is the master, in the highest term; undefined: none does. */
  readonly master: number | undefined;
  readonly replicas: readonly ReplicaStatus[];
}
