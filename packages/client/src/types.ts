import type { EncodedProperties, LoginOptions, QueueId, ReadFrom, StrategyName } from '@qanat/core';
import type { InProcessNetwork } from '@qanat/transports/memory';
import type { TlsFiles } from '@qanat/transports/tls';

/** What every call that waits takes. */
export interface CallOptions {
  /** Rejects the call with `signal.reason` when it fires; what was sent already is not taken back. */
  readonly signal?: AbortSignal;
  /** Whole budget of the call, retries included, ms. Default 30,000 for sends, 10,000 for administration. */
  readonly timeoutMs?: number;
}

export interface ConnectOptions {
  /** What operators see of this client; the default label of its consumers. Default `client-` and six random digits. */
  readonly label?: string;
  /** How long `connect` may take to find a NameServer that answers, ms. Default 10,000. */
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
  /** Longest time for one attempt of a request, ms. Default 3,000. */
  readonly attemptMs?: number;
  /**
   * Who this client is, for clusters that ask: `{ user, password }`, or `'certificate'` for the one that the transport shows.
   * Default: it does not say, and clusters that ask refuse it.
   */
  readonly login?: LoginOptions;
  /** Name of the brokers' listener whose addresses are used. Default: the first that can be dialled. */
  readonly listener?: string;
}

/** Of `connect`, which dials for itself. */
export interface NetworkConnectOptions extends ConnectOptions {
  /**
   * Files of PEM for the schemes `qanats` and `wss`: the CA that the servers' certificates come from (default: those that Node
   * knows), and this client's own certificate and key where servers ask for one. They are read again when they have changed.
   */
  readonly tls?: TlsFiles;
  /** For a process that runs servers too: those started with the same one are reached without sockets. Default: none. */
  readonly inProcess?: InProcessNetwork | undefined;
}

/** A message to send. */
export interface MessageInit {
  /** A string is sent as UTF-8. */
  readonly body: Uint8Array | string;
  /** For filters. */
  readonly tag?: string;
  /** Messages of one key stay in order: they go to one queue. */
  readonly key?: string;
  readonly properties?: Readonly<Record<string, string>>;
  /** In the place of `properties`, for many messages that have the same ones. */
  readonly encodedProperties?: EncodedProperties;
  /** Default: now. */
  readonly bornTimeMs?: number;
}

export interface ProducerOptions {
  /**
   * Fences whoever had this name before: of two processes with one name, for instance an old one that hangs and the one started
   * in its place, only the newer one can send; the older one's sends reject with PRODUCER_FENCED. Default: none.
   */
  readonly name?: string;
  /**
   * When a send is acknowledged: `committed` (consumers may see it), `leader` (stored by the broker), `none`. Default
   * `committed`.
   */
  readonly ack?: 'committed' | 'leader' | 'none';
  /** How long a message may wait for others although nothing is in flight, ms. Default 0. */
  readonly lingerMs?: number;
  /** A batch is sent when it has this many bytes. Default 256 KiB. */
  readonly batchBytes?: number;
  /** Bytes that may wait; `send` waits when they are used up. Default 32 MiB. */
  readonly bufferBytes?: number;
  /** Batches under way to one broker at a time. Default 5. */
  readonly inFlightBatches?: number;
  /** Deflate batches where that makes them shorter; brokers store them so, consumers inflate them. Default false. */
  readonly compress?: boolean;
  /** Shorter batches are sent as they are, bytes. Default 512. */
  readonly compressFromBytes?: number;
}

export interface SendOptions extends CallOptions {
  /** A queue of the caller's choice; default: by key, or round robin. */
  readonly queue?: { readonly broker: string; readonly queue: number };
  /**
   * Of `send` alone: stores the message only where the queue's keyed state has no such key, and writes the key with it (value:
   * the offset, 8 bytes, big-endian). Where it has, the receipt says `duplicate` with that offset. It holds until the key is
   * removed (`KeyedState.write`), through restarts of all. Needs a message with a key, or `queue`. 1 to 512 bytes of UTF-8.
   */
  readonly dedupId?: string;
}

export interface SendBatchOptions extends SendOptions {
  /** All messages of the batch go to the queue of this key. */
  readonly key?: string;
}

/** Where a message was stored. */
export interface Receipt extends QueueId {
  /** Undefined for ack `none`, and for a duplicate that the broker remembers no longer. */
  readonly offset: number | undefined;
  /** When the broker stored it, ms since 1970. */
  readonly storeTimeMs: number;
  /** A retry found it stored already, or its dedup id did. */
  readonly duplicate: boolean;
}

/** Where a batch was stored: offsets `baseOffset` … `baseOffset + count - 1`. */
export interface BatchReceipt extends QueueId {
  /** Undefined for ack `none`, and for a duplicate that the broker remembers no longer. */
  readonly baseOffset: number | undefined;
  readonly count: number;
  readonly storeTimeMs: number;
  readonly duplicate: boolean;
}

/** Where a consumer begins in a queue without a committed offset. A Date or number is a time of storing, ms since 1970. */
export type StartFrom = 'first' | 'last' | Date | number;

/** Topics with their filters: `'orders'`, `['orders', 'refunds']` or `{ orders: 'created || paid', refunds: '*' }`. */
export type Topics = string | readonly string[] | Readonly<Record<string, string>>;

export interface ConsumerOptions {
  readonly topics: Topics;
  /** Default `last`. */
  readonly from?: StartFrom;
  /** What operators see; members sort by it. Default: the client's label. */
  readonly label?: string;
  /** Handlers at work at once. Default 1. With more, messages of one queue may be handled out of order unless `ordered`. */
  readonly concurrency?: number;
  /** One message at a time per queue, whatever the concurrency. Default false. */
  readonly ordered?: boolean;
  /** Bytes fetched ahead over all queues. Default 8 MiB. */
  readonly prefetchBytes?: number;
  /**
   * Which replica of a broker group is read. `slave`: one that is live, where there is one, to spare the master; it may be a
   * moment behind. A zone: a replica that stands there (`qanat broker --zone`), where there is one. Commits go to the master in
   * any case. Default `master`: a slave only while the master does not answer.
   */
  readonly readFrom?: ReadFrom;
  /** A queue with so many messages not handled, and not fewer than ten seconds before, is told as `lagging`. Default 1,000. */
  readonly lagMessages?: number;
}

export interface PushConsumerOptions extends ConsumerOptions {
  /** The members of a group share the queues. */
  readonly group: string;
  /** Silence after which the member's queues go to others, ms; 1,000 to 1,800,000. Default 10,000. */
  readonly sessionMs?: number;
  /** How long started handlers may go on when a queue is taken away or the consumer closes, ms. Default 30,000. */
  readonly releaseMs?: number;
  /**
   * How the brokers divide the queues; all members say the same. `averagely`: runs of neighbouring queues. `circle`: dealt out
   * in turn. `sticky`: as many as `averagely` gives, but who has a queue keeps it where that is possible. Default `averagely`.
   */
  readonly strategy?: StrategyName;
  /** A higher number replaces the group's topics, filters and strategy: for rolling deployments. Default 0. */
  readonly subscriptionVersion?: number;
  /** Back-off before a failed delivery is tried again, ms: doubles from `first` to `max`. Default 100 to 30,000. */
  readonly retryMs?: { readonly first: number; readonly max: number };
  /**
   * Where messages go that have failed `maxAttempts` times (with `runBatch`: all of the failed delivery): copies with the
   * properties `qnt.origin` (topic/broker/queue/offset) and `qnt.attempt`. Only then is their offset passed. Default: none; what
   * fails is tried until it succeeds.
   */
  readonly deadLetterTopic?: string;
  /** Needs `deadLetterTopic`. Counted anew when a queue changes hands. Default 16. */
  readonly maxAttempts?: number;
  /** How often positions are committed, ms. Default 1,000. */
  readonly commitMs?: number;
}

/** Keeps the positions of a broadcasting consumer where the application wants them. */
export interface OffsetStore {
  load(): Promise<ReadonlyMap<string, number>>;
  /** Keys are `topic/broker/queue`. */
  save(positions: ReadonlyMap<string, number>): Promise<void>;
}

export interface BroadcastingConsumerOptions extends ConsumerOptions {
  /** Default: none, every start begins at `from`. */
  readonly store?: OffsetStore;
}

export interface PullOptions extends CallOptions {
  /** Default `first`. A map of `broker/queue` gives offsets. */
  readonly from?: StartFrom | ReadonlyMap<string, number>;
  /** `end`: stop at what is stored at the start. Default: go on for ever. */
  readonly until?: 'end';
  readonly filter?: string;
  readonly prefetchBytes?: number;
}

export interface FetchOptions extends CallOptions {
  /** Batches of so many bytes, but at least one. Default and most 4 MiB. */
  readonly maxBytes?: number;
  /** How long to wait for a message where there is none, ms; at most 30,000. Default 0: not at all. */
  readonly waitMs?: number;
}

export interface StateWatchOptions {
  /** Keys that begin with this text. */
  readonly prefix: string;
  /** Changes behind this version: that of a scan, or of the last changes. */
  readonly since: number;
  /** Ends the watch: it throws the signal's reason. */
  readonly signal?: AbortSignal;
}

export interface RunOptions {
  /** Ends the consumer as `close()` does, then `run` resolves. */
  readonly signal?: AbortSignal;
}

export interface CloseOptions {
  /** Let what was started or accepted end first. Default true. */
  readonly drain?: boolean;
}
