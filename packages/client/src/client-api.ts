import type {
  BrokerInfo,
  ClientEvent,
  GroupDescription,
  GroupOverview,
  Message,
  ResetStep,
  TopicDescription,
  TopicSummary,
} from '@qanat/core';
import type {
  BatchReceipt,
  BroadcastingConsumerOptions,
  CallOptions,
  CloseOptions,
  MessageInit,
  ProducerOptions,
  PullOptions,
  PushConsumerOptions,
  Receipt,
  RunOptions,
  SendBatchOptions,
  SendOptions,
  StartFrom,
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
}

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
