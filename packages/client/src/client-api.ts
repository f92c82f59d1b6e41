import type {
  BrokerGroup,
  BrokerInfo,
  ClientEvent,
  FetchResult,
  GroupDescription,
  GroupOverview,
  Message,
  QueueId,
  ResetStep,
  StateChange,
  StateChanged,
  StateScanOptions,
  StateScanResult,
  StateValue,
  TopicDescription,
  TopicSummary,
} from '@qanat/core';
import type {
  BatchReceipt,
  BroadcastingConsumerOptions,
  CallOptions,
  CloseOptions,
  FetchOptions,
  MessageInit,
  ProducerOptions,
  PullOptions,
  PushConsumerOptions,
  Receipt,
  RunOptions,
  SendBatchOptions,
  SendOptions,
  StartFrom,
  StateWatchOptions,
} from './types.ts';

/** A connection to a cluster; made by `connect`. */
export interface QanatClient extends AsyncDisposable {
  readonly admin: Admin;
  producer(options?: ProducerOptions): Producer;
  /** A member of a group: its queues are assigned by the brokers. */
  pushConsumer(options: PushConsumerOptions): PushConsumer;
  /** Gets every message of its topics, alone; keeps no position at the brokers. */
  broadcastingConsumer(options: BroadcastingConsumerOptions): PushConsumer;
  /** Reads without a group, from where the caller says. */
  pullConsumer(): PullConsumer;
  /** What the queues of a topic keep beside messages: values by key, changed all or none. Brokers of version 1.2 have it. */
  keyedState(topic: string): KeyedState;
  /** What happens to the client, from now on; ends when the client closes. */
  events(): AsyncIterableIterator<ClientEvent>;
  /** @returns what stops it. */
  onEvent(listener: (event: ClientEvent) => void): () => void;
  /** Closes consumers and producers, then the connections. Always ends. Idempotent. */
  close(options?: CloseOptions): Promise<void>;
}

export interface Producer extends AsyncDisposable {
  /**
   * Sends one message, and resolves when it is acknowledged as `ack` says. Retries are safe: the broker knows the batch again.
   *
   * @throws QanatError; `outcome` tells what is known: `rejected` and `not-sent` have no effect for ever, `unknown` may have one.
   */
  send(topic: string, message: MessageInit, options?: SendOptions): Promise<Receipt>;
  /**
   * Sends messages as one batch, or as few as their sizes, or the queues of their keys, make necessary: one promise for all, a
   * receipt for each stored batch. Messages without keys go to one queue. @throws as `send`.
   */
  sendBatch(topic: string, messages: readonly MessageInit[], options?: SendBatchOptions): Promise<readonly BatchReceipt[]>;
  /** Resolves when everything accepted so far has settled. */
  flush(): Promise<void>;
  close(options?: CloseOptions): Promise<void>;
}

/** A message handler. To resolve is to acknowledge; to throw is to get the message again after a back-off. */
export type MessageHandler = (message: Message) => void | Promise<void>;
/** A handler of messages of one queue, in order. To throw is to get all of them again. */
export type BatchHandler = (messages: readonly Message[]) => void | Promise<void>;

export interface PushConsumer extends AsyncDisposable, AsyncIterable<Message> {
  /** Instance id, drawn at random. */
  readonly memberId: string;
  /**
   * Consumes until `close`, `signal`, or an error that cannot be mended (SUBSCRIPTION_CONFLICT and the like), which it throws.
   * Either `run`, `runBatch` or `for await`, once.
   */
  run(handler: MessageHandler, options?: RunOptions): Promise<void>;
  /** As `run`, with up to `recordsMax` (default 512) messages of one queue at a time. */
  runBatch(handler: BatchHandler, options?: RunOptions & { readonly recordsMax?: number }): Promise<void>;
  /** `for await`: asking for the next message acknowledges the one before; `break` closes the consumer. */
  [Symbol.asyncIterator](): AsyncIterator<Message>;
  pause(): void;
  resume(): void;
  /** Lets started handlers end, commits, leaves the group. Always ends. Idempotent. */
  close(options?: CloseOptions): Promise<void>;
}

export interface PullConsumer {
  /** All messages of a topic, queues interleaved; `break` ends the reading. */
  read(topic: string, options?: PullOptions): AsyncIterableIterator<Message>;
  /**
   * Reads one queue from an offset on, with one PULL: what is there now, or the first that comes within `waitMs`.
   * @throws QanatError OFFSET_OUT_OF_RANGE (below the oldest or above the high watermark), TOPIC_NOT_FOUND, QUEUE_NOT_FOUND, or
   * why the broker could not be asked in `timeoutMs` (default 10,000).
   */
  fetch(queue: QueueId, offset: number, options?: FetchOptions): Promise<FetchResult>;
}

/** The keyed state of a topic's queues. Calls wait for brokers that are away, up to `timeoutMs` (default 10,000). */
export interface KeyedState {
  /** The queue that a text belongs to, by the rule for keys of messages. @throws QanatError TOPIC_NOT_FOUND, TIMEOUT. */
  queueOf(text: string, options?: CallOptions): Promise<QueueId>;
  /** All queues of the topic, by broker, then number. @throws QanatError TOPIC_NOT_FOUND, TIMEOUT. */
  queues(options?: CallOptions): Promise<readonly QueueId[]>;
  /**
   * Makes all changes of one queue or none, at most 1,024 at once with 2 MiB. Resolves, when they are as durable as a committed
   * message, with the version that all these keys have now: versions of a queue only grow, and none comes again. Values are
   * copied at once.
   *
   * @throws QanatError VERSION_CONFLICT: a key has another version than its change expects, and nothing was changed;
   * LIMIT_EXCEEDED: the queue would keep too much. With outcome `unknown` the changes may be made: get the keys, and see.
   */
  write(queue: QueueId, changes: readonly StateChange[], options?: CallOptions): Promise<number>;
  /** What the keys have, in their order; undefined for one that is not there. */
  get(queue: QueueId, keys: readonly string[], options?: CallOptions): Promise<readonly (StateValue | undefined)[]>;
  /** Entries in the order of the UTF-8 bytes of their keys: as many as fit one answer (2 MiB), at most `limit`. */
  scan(queue: QueueId, scan: StateScanOptions, options?: CallOptions): Promise<StateScanResult>;
  /**
   * What changes from now on, removals included, each key as its last change left it. Goes on through reconnects and restarts.
   * Ends behind `reset`: the changes since that version are no longer known, so scan again and watch from there. To miss nothing,
   * watch from the version of the first page of a scan.
   * @throws QanatError what does not pass: TOPIC_NOT_FOUND, FORBIDDEN, CLOSED.
   */
  watch(queue: QueueId, options: StateWatchOptions): AsyncIterableIterator<StateChanges>;
}

/** A step of a watch. */
export type StateChanges =
  | {
      readonly kind: 'changes';
      /** At least one. */
      readonly entries: readonly StateChanged[];
      /** All changes up to here are told. */
      readonly version: number;
    }
  | { readonly kind: 'reset' };

export interface Admin {
  /** Creates a topic at every broker of the cluster, or at those named. */
  createTopic(
    topic: string,
    options?: CallOptions & { readonly queues?: number; readonly brokers?: readonly string[] },
  ): Promise<'created' | 'existed'>;
  /** Adds queues: `queues` is their new number at each broker. */
  alterTopic(topic: string, options: CallOptions & { readonly queues: number }): Promise<void>;
  removeTopic(topic: string, options?: CallOptions): Promise<void>;
  listTopics(options?: CallOptions): Promise<readonly TopicSummary[]>;
  describeTopic(topic: string, options?: CallOptions): Promise<TopicDescription>;
  listBrokers(options?: CallOptions): Promise<readonly BrokerInfo[]>;
  /** A broker group, and how each of its replicas fares. @throws QanatError NO_BROKER. */
  describeBroker(broker: string, options?: CallOptions): Promise<BrokerGroup>;
  /** The same of all. */
  describeBrokers(options?: CallOptions): Promise<readonly BrokerGroup[]>;
  /**
   * Makes a slave the master of its broker group; stop the old master first. @returns its term.
   * @param options `acceptLoss`: although it may lack what is committed, which is lost then.
   * @throws QanatError REPLICA_BEHIND: it is not known to have everything that is committed; NO_BROKER.
   */
  promote(broker: string, replica: number, options?: CallOptions & { readonly acceptLoss?: boolean }): Promise<number>;
  /** Makes the master of a broker group a slave: it takes nothing more, until one of the replicas is promoted. */
  demote(broker: string, options?: CallOptions): Promise<void>;
  listGroups(options?: CallOptions): Promise<readonly GroupOverview[]>;
  describeGroup(group: string, options?: CallOptions): Promise<GroupDescription>;
  /**
   * Moves a group's committed offsets: to a place, the first message stored at or after a time, an offset, or by so many messages
   * (`moveBy`, below 0 back). With `dryRun` it only tells what it would do.
   */
  resetGroup(
    group: string,
    to: StartFrom | { readonly offset: number } | { readonly moveBy: number },
    options?: CallOptions & { readonly topic?: string; readonly dryRun?: boolean },
  ): Promise<readonly ResetStep[]>;
}
