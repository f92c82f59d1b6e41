import type { Message, PushConsumer, QueueId } from '@qanat/client';
import type { Clock } from '@qanat/core';
import type { StoredPublication } from '../ports.ts';
import { RETRY_MS } from './limits.ts';
import type { LogClient } from './log-client.ts';
import type { QueueTable } from './queue-table.ts';
import { queueName } from './state-keys.ts';
import { type ReadMessage, storedMessage } from './stored-publication.ts';
import { pause } from './waiting.ts';

export interface TailsOptions {
  readonly client: LogClient;
  readonly clock: Clock;
  readonly topics: readonly string[];
  readonly queues: QueueTable;
  readonly read: ReadMessage;
  /** Where to begin in a queue whose end nobody tells, since its broker is away; undefined: not known either. */
  readonly fallback: (queue: number) => number | undefined;
  /** Nobody wants what comes, but for what is retained. Asked for each batch. */
  readonly isQuiet: () => boolean;
  /** Whether a message may be one that is retained. */
  readonly retains: (message: Message) => boolean;
  /**
   * What was stored in a span of a queue: each span begins where the one before ended.
   * @param quiet these are the retained ones alone.
   */
  readonly onBatch: (queue: number, from: number, to: number, messages: readonly StoredPublication[], quiet: boolean) => void;
  readonly onTrouble: (error: unknown) => void;
}

/**
 * Reads every queue of the mapped topics from its end, for as long as the bridge lives: through restarts of brokers, and with the
 * queues that are added.
 */
export class Tails {
  readonly #options: TailsOptions;
  readonly #positions = new Map<number, number>();
  readonly #starts = new Map<number, number>();
  /** As long as it holds. */
  #cursor: ReadonlyMap<string, number> | undefined;
  readonly #waiting = new Set<{ readonly queue: number; readonly offset: number; readonly reached: () => void }>();
  #consumer: PushConsumer | undefined;
  #closed = false;

  constructor(options: TailsOptions) {
    this.#options = options;
  }

  /** Behind the last message of a queue that was given to `onBatch`. A queue that appeared later begins at 0. */
  position(queue: number): number {
    return this.#positions.get(queue) ?? 0;
  }

  /** Where this bridge began in a queue: at 0 in one that appeared later. */
  beginOf(queue: number): number {
    return this.#starts.get(queue) ?? 0;
  }

  /** All positions, as they are now. */
  positions(): Map<number, number> {
    return new Map(this.#positions);
  }

  /** The same by the names of queues. Many sessions keep it: those that begin at one time keep the same one. */
  cursor(): ReadonlyMap<string, number> {
    this.#cursor ??= new Map([...this.#positions].map(([number, offset]) => [this.#options.queues.nameOf(number), offset]));
    return this.#cursor;
  }

  /**
   * Resolves when everything below an offset has been given to `onBatch`.
   * @param ended when it has, nobody waits any more, however long the queue's broker is away.
   */
  reached(queue: number, offset: number, ended: AbortSignal): Promise<void> {
    if (this.position(queue) >= offset) return Promise.resolve();
    return new Promise((resolve) => {
      const leave = (): void => void this.#waiting.delete(waiting);
      const reached = (): void => {
        leave();
        ended.removeEventListener('abort', leave);
        resolve();
      };
      const waiting = { queue, offset, reached };
      this.#waiting.add(waiting);
      ended.addEventListener('abort', leave);
    });
  }

  /** Finds the ends of all queues, and begins to read. Waits until they are known: what was stored before is not told as new. */
  async start(): Promise<void> {
    for (const topic of this.#options.topics) await this.#findEnds(topic);
    for (const [queue, position] of this.#positions) this.#starts.set(queue, position);
    if (!this.#closed) void this.#run();
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#consumer?.close({ drain: false });
  }

  async #findEnds(topic: string): Promise<void> {
    const { client, clock, queues, fallback, onTrouble } = this.#options;
    while (!this.#closed) {
      try {
        const description = await client.admin.describeTopic(topic);
        let missing = description.queues.length === 0;
        for (const queue of description.queues) {
          const number = queues.numberOf(queue);
          const end = queue.away ? fallback(number) : queue.highWatermark;
          if (end === undefined) missing = true;
          else this.#positions.set(number, end);
          this.#cursor = undefined;
        }
        if (!missing) return;
      } catch (error) {
        onTrouble(error);
      }
      await pause(clock, RETRY_MS);
    }
  }

  async #run(): Promise<void> {
    const { client, clock, topics, onTrouble } = this.#options;
    while (!this.#closed) {
      const load = async (): Promise<ReadonlyMap<string, number>> => this.#offsets();
      const consumer = client.broadcastingConsumer({ topics, from: 'last', store: { load, save: async () => {} } });
      this.#consumer = consumer;
      try {
        await consumer.runBatch((messages) => this.#take(messages));
      } catch (error) {
        onTrouble(error);
        if (!this.#closed) await pause(clock, RETRY_MS);
      }
    }
  }

  #offsets(): Map<string, number> {
    const { queues } = this.#options;
    return new Map([...this.#positions].map(([number, offset]) => [queueName(queues.idOf(number)), offset]));
  }

  #take(messages: readonly Message[]): void {
    const first = messages[0];
    const last = messages.at(-1);
    if (first === undefined || last === undefined || this.#closed) return;
    const { topic, broker, queue } = first;
    const number = this.#options.queues.numberOf({ topic, broker, queue } satisfies QueueId);
    const from = this.position(number);
    const quiet = this.#options.isQuiet();
    const publications = this.#publications(messages, number, from, quiet);
    this.#positions.set(number, Math.max(from, last.offset + 1));
    this.#cursor = undefined;
    if (last.offset >= from) this.#options.onBatch(number, from, last.offset + 1, publications, quiet);
    if (this.#waiting.size > 0) this.#tell();
  }

  #publications(messages: readonly Message[], queue: number, from: number, quiet: boolean): StoredPublication[] {
    const { read, retains } = this.#options;
    const publications: StoredPublication[] = [];
    for (const message of messages) {
      if (message.offset < from || (quiet && !retains(message))) continue;
      const publication = storedMessage(read, message, queue);
      if (publication !== undefined) publications.push(publication);
    }
    return publications;
  }

  #tell(): void {
    for (const { queue, offset, reached } of [...this.#waiting]) if (this.position(queue) >= offset) reached();
  }
}
