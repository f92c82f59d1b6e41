/** `topic/broker/queue`: names one queue of the cluster. */
export type QueueKey = string;

export const queueKeyOf = (topic: string, broker: string, queue: number): QueueKey => `${topic}/${broker}/${queue}`;
export const brokerOf = (queue: QueueKey): string => queue.split('/')[1] as string;
export const topicOf = (queue: QueueKey): string => queue.split('/')[0] as string;

export type NodeRole = 'nameServer' | 'broker' | 'client';
export type SendOutcome = 'ok' | 'rejected' | 'unknown';

/** Opens a history: what the checkers may expect of the run. */
export interface RunEvent {
  readonly kind: 'run';
  readonly seed: number;
  readonly flush: 'sync' | 'async';
  /** Brokers have slaves: what power takes from one replica others have. */
  readonly replicated?: boolean;
  /** Old messages leave the logs of brokers with slaves: a slave that comes too late begins its log anew. */
  readonly beginsAnew?: boolean;
}

/** A fault begins, ends, or happens at once (`at`). After the first one a run is no longer free of faults. */
export interface FaultEvent {
  readonly kind: 'fault';
  readonly phase: 'begin' | 'end' | 'at';
  /** `pause`, `cut`, `kill`, `powerCut`, `syncFails`, `diskFull`, `clockStep`, … */
  readonly fault: string;
  /** The node or nodes that it strikes. */
  readonly nodes?: readonly string[];
}

/** Life of a node. `killed`: the process is gone, its page cache stays. `powerCut`: what was not synced is gone. */
export interface NodeEvent {
  readonly kind: 'node';
  readonly node: string;
  readonly role: NodeRole;
  readonly state: 'started' | 'ready' | 'stopping' | 'stopped' | 'killed' | 'powerCut' | 'failed';
  /** Why it failed. */
  readonly code?: string;
}

// ---- what applications see ----

export interface SendInvoked {
  readonly kind: 'sendInvoked';
  readonly value: string;
  readonly producer: string;
  /** Counts up with every send of the producer. */
  readonly number: number;
  readonly topic: string;
  readonly key: string | undefined;
  readonly tag: string | undefined;
  readonly ack: 'committed' | 'leader' | 'none';
  /** It travels in a batch whose queue was picked by something else than the message's own key. */
  readonly placed: boolean;
}

export interface SendCompleted {
  readonly kind: 'sendCompleted';
  readonly value: string;
  readonly outcome: SendOutcome;
  readonly queue?: QueueKey;
  /** Unknown for duplicates that a broker no longer remembers, and for ack `none`. */
  readonly offset?: number | undefined;
  readonly code?: string;
  /** When this attempt began, where one send has several. */
  readonly fromMs?: number;
}

export interface GroupDeclared {
  readonly kind: 'group';
  readonly group: string;
  /** `broadcasting`: each member is a group of its own, named `group/member`. */
  readonly mode: 'clustering' | 'broadcasting';
  readonly from: 'first' | 'last';
  /** Tags of each topic; undefined: everything. */
  readonly filters: Readonly<Record<string, readonly string[] | undefined>>;
  /** Deliveries of a queue come one after the other. */
  readonly ordered: boolean;
  /** It reads what there is at its start, and leaves. */
  readonly untilEnd?: boolean;
}

export interface MemberEvent {
  readonly kind: 'member';
  readonly group: string;
  readonly member: string;
  readonly state: 'joined' | 'leaving' | 'left' | 'killed' | 'refused';
  readonly code?: string;
}

export interface AssignmentEvent {
  readonly kind: 'assigned' | 'revoked';
  readonly group: string;
  readonly member: string;
  readonly queues: readonly QueueKey[];
}

/** A handler is given a message, as the client decoded it. */
export interface Delivered {
  readonly kind: 'delivered';
  readonly group: string;
  readonly member: string;
  readonly queue: QueueKey;
  readonly offset: number;
  readonly attempt: number;
  /** As the body says; undefined: the body is not whole. */
  readonly value: string | undefined;
  readonly topic: string | undefined;
  readonly key: string | undefined;
  readonly tag: string | undefined;
}

/** A handler is done. `ok` false: it failed, and the message will come again. */
export interface Handled {
  readonly kind: 'handled';
  readonly group: string;
  readonly member: string;
  readonly queue: QueueKey;
  readonly offset: number;
  readonly ok: boolean;
}

/** What a consumer told of trouble that is its broker's or its own defect. */
export interface ClientTrouble {
  readonly kind: 'trouble';
  readonly node: string;
  readonly what: 'undecodable' | 'error';
  readonly code: string;
}

/** At the end a fresh reader reads every queue from the oldest message to the high watermark. */
export interface Drained {
  readonly kind: 'drained';
  readonly queue: QueueKey;
  readonly offset: number;
  readonly value: string | undefined;
  readonly topic: string | undefined;
  readonly key: string | undefined;
  readonly tag: string | undefined;
}

/** A queue was read to its end: from `oldest` up to `highWatermark`. */
export interface QueueDrained {
  readonly kind: 'queueDrained';
  readonly queue: QueueKey;
  readonly oldest: number;
  readonly highWatermark: number;
}

/** After the faults: everything came to rest in `tookMs`, or what did not. */
export interface Settled {
  readonly kind: 'settled';
  readonly tookMs: number;
  readonly problems: readonly string[];
}

// ---- what engines get and give, read from their frames ----

/** A broker answers a SEND with OK. */
export interface Stored {
  readonly kind: 'stored';
  /** The host. */
  readonly node: string;
  readonly queue: QueueKey;
  readonly base: number | undefined;
  readonly count: number;
  readonly producerId: number;
  readonly sequence: number;
  readonly checksum: number;
  readonly duplicate: boolean;
  /** A sync that covers the batch had ended. */
  readonly synced: boolean;
}

/** A broker refuses a SEND. */
export interface SendRefused {
  readonly kind: 'sendRefused';
  readonly queue: QueueKey;
  readonly producerId: number;
  readonly sequence: number;
  readonly code: string;
}

export interface PolledQueue {
  readonly queue: QueueKey;
  readonly offset: number;
  readonly epoch: number;
  readonly filtered: boolean;
}

/** A broker is given a PULL. */
export interface Polled {
  readonly kind: 'polled';
  readonly poll: string;
  readonly node: string;
  readonly connection: number;
  readonly group: string;
  readonly member: string;
  readonly waitMs: number;
  readonly queues: readonly PolledQueue[];
}

export interface ReadBatch {
  readonly base: number;
  readonly count: number;
  readonly checksum: number;
  /** A sync that covers the batch had ended, or it was in the log when the broker started. */
  readonly synced: boolean;
}

/** What a PULL's answer says of one queue. */
export interface ReadQueue {
  readonly queue: QueueKey;
  readonly code: string;
  readonly from: number;
  readonly epoch: number;
  readonly next: number;
  readonly highWatermark: number;
  readonly oldest: number;
  readonly batches: readonly ReadBatch[];
}

/** A broker answers a PULL. */
export interface Read {
  readonly kind: 'read';
  readonly poll: string;
  readonly group: string;
  readonly member: string;
  readonly queues: readonly ReadQueue[];
  /** A slave tells it, or a master that has not heard of the newer one. */
  readonly stale: boolean;
}

export interface ToldLease {
  readonly queue: QueueKey;
  readonly epoch: number;
  readonly start: number;
  readonly releasing: boolean;
}

/** A broker tells a member all that it holds there. */
export interface LeasesTold {
  readonly kind: 'leases';
  readonly broker: string;
  readonly group: string;
  readonly member: string;
  readonly leases: readonly ToldLease[];
}

export interface CommittedOffset {
  readonly queue: QueueKey;
  readonly offset: number;
  readonly epoch: number;
  /** `OK` or why it was refused. */
  readonly code: string;
}

/**
 * A heartbeat with a subscription leaves a member, or comes to a broker that takes members: how long it was on its way makes its
 * age too low.
 */
export interface Subscribed {
  readonly kind: 'subscribed';
  readonly phase: 'sent' | 'came';
  /** The member's process, or the broker. */
  readonly node: string;
  /** Which life of which replica of the broker it came to: another one does not know the member. */
  readonly life?: string;
  readonly group: string;
  readonly member: string;
  readonly joinedAgoMs: number;
}

/** A broker answers OFFSET_COMMIT, RELEASE or LEAVE: what it took is durable. */
export interface Committed {
  readonly kind: 'committed';
  readonly via: 'commit' | 'release' | 'leave';
  readonly broker: string;
  readonly group: string;
  readonly member: string;
  readonly offsets: readonly CommittedOffset[];
}

/** A broker says what a group has committed. */
export interface Fetched {
  readonly kind: 'fetched';
  readonly group: string;
  readonly queue: QueueKey;
  /** Undefined: nothing. */
  readonly offset: number | undefined;
}

/** A reset of a group reached the broker, and was answered; in between it takes effect. */
export interface ResetEvent {
  readonly kind: 'reset';
  readonly phase: 'asked' | 'answered';
  readonly broker: string;
  readonly group: string;
  /** It may pass messages. */
  readonly forward: boolean;
}

/** A server gives a peer up: a broker a member, a NameServer a broker. */
export interface Expired {
  readonly kind: 'expired';
  readonly node: string;
  readonly group?: string;
  readonly who: string;
  /** Silence that the server bears, and time without a connection. */
  readonly allowedMs: number;
  readonly lostAllowedMs: number;
  /** When the peer was heard last, or the server was ready that knew it from its life before; undefined: neither. */
  readonly heardAtMs: number | undefined;
  /** When the connection on which it was heard last was lost; undefined: it is open. */
  readonly lostAtMs: number | undefined;
}

/** A connection at a broker. */
export interface ConnectionEvent {
  readonly kind: 'connection';
  readonly node: string;
  readonly connection: number;
  readonly state: 'closed' | 'blocked' | 'drained';
}

/** A client sends a request on a connection on which it was told GOAWAY. */
export interface AskedAfterGoAway {
  readonly kind: 'askedAfterGoAway';
  readonly node: string;
  readonly frame: string;
}

/** An application writes keyed state; its values are its own. */
export interface StateWriteInvoked {
  readonly kind: 'stateWriteInvoked';
  readonly write: number;
  readonly queue: QueueKey;
  /** `expected` is the version that the key must have; undefined: any. */
  readonly changes: readonly { readonly key: string; readonly value: string; readonly expected: number | undefined }[];
}

export interface StateWriteCompleted {
  readonly kind: 'stateWriteCompleted';
  readonly write: number;
  readonly outcome: 'ok' | 'rejected' | 'unknown';
  /** Of the write, where it is OK. */
  readonly version: number;
}

/** An application has read all keys of a queue's state at once; what it had been told before `invokedAt` it has to see. */
export interface StateRead {
  readonly kind: 'stateRead';
  readonly queue: QueueKey;
  /** Events of the history when it asked. */
  readonly invokedAt: number;
  readonly entries: readonly { readonly key: string; readonly version: number; readonly value: string }[];
}

export type HistoryFact =
  | RunEvent
  | FaultEvent
  | NodeEvent
  | SendInvoked
  | SendCompleted
  | GroupDeclared
  | MemberEvent
  | AssignmentEvent
  | Delivered
  | Handled
  | ClientTrouble
  | Drained
  | QueueDrained
  | Settled
  | Stored
  | SendRefused
  | Polled
  | Read
  | LeasesTold
  | Subscribed
  | Committed
  | Fetched
  | ResetEvent
  | Expired
  | ConnectionEvent
  | AskedAfterGoAway
  | StateWriteInvoked
  | StateWriteCompleted
  | StateRead;

/** One fact at its virtual time. Events of a history are in the order in which they happened. */
export type HistoryEvent = HistoryFact & { readonly atMs: number };

export type EventOf<Kind extends HistoryFact['kind']> = Extract<HistoryEvent, { readonly kind: Kind }>;
