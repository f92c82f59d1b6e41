import type { Message, PullConsumer } from '@qanat/client';
import { type Clock, QanatError } from '@qanat/core';
import type { Place, StoredPublication } from '../ports.ts';
import { FETCH_BYTES, FETCHES_MAX, RETRY_MS } from './limits.ts';
import type { LogClient } from './log-client.ts';
import type { QueueTable } from './queue-table.ts';
import type { RecentMessages } from './recent-messages.ts';
import { type ReadMessage, storedMessage } from './stored-publication.ts';
import { pause, Slots } from './waiting.ts';

/** Places that lie so near to each other are fetched together. */
const NEAR = 64;
/** One place is fetched with what stands in its batch. */
const PLACE_BYTES = 64 * 1024;
/** A broker that gives nothing is asked so often. */
const TRIES_MAX = 50;

/** Reads messages again: from the cache of the tails where it has them, else from the brokers. */
export class LogReader {
  /** Reads that went to a broker. */
  fetches = 0;
  readonly #client: LogClient;
  readonly #clock: Clock;
  readonly #reader: PullConsumer;
  readonly #queues: QueueTable;
  readonly #recent: RecentMessages;
  readonly #read: ReadMessage;
  readonly #slots = new Slots(FETCHES_MAX);

  constructor(client: LogClient, clock: Clock, queues: QueueTable, recent: RecentMessages, read: ReadMessage) {
    this.#client = client;
    this.#clock = clock;
    this.#reader = client.pullConsumer();
    this.#queues = queues;
    this.#recent = recent;
    this.#read = read;
  }

  /**
   * The messages at these places, in the order asked for; undefined for those that are gone, or are none for devices.
   * @throws QanatError what a broker that cannot be read says.
   */
  async read(places: readonly Place[]): Promise<readonly (StoredPublication | undefined)[]> {
    const found: (StoredPublication | undefined)[] = new Array(places.length).fill(undefined);
    const missing: number[] = [];
    places.forEach(({ queue, offset }, i) => {
      const message = this.#recent.find(queue, offset);
      if (message === 'gone') missing.push(i);
      else found[i] = message;
    });
    const runs = runsOf(places, missing);
    await Promise.all(runs.map((run) => this.#slots.run(() => this.#fetchRun(run, places, found))));
    return found;
  }

  /**
   * Visits the publications of a span in their order; visitors that return false end it. What the cache has is visited without
   * waiting.
   * @returns where it ended: `to`, or behind the last one that was visited.
   * @throws QanatError.
   */
  async walk(queue: number, from: number, to: number, visitor: (message: StoredPublication) => boolean): Promise<number> {
    let at = from;
    while (at < to) {
      const since = this.#recent.since(queue) ?? Number.POSITIVE_INFINITY;
      if (at >= since) return this.#recent.visit(queue, at, to, visitor);
      const { messages, nextOffset } = await this.#fetch(queue, at, FETCH_BYTES);
      for (const message of messages) {
        if (message.offset >= to) return to;
        const publication = message.offset < at ? undefined : storedMessage(this.#read, message, queue);
        if (publication !== undefined && !visitor(publication)) return message.offset + 1;
      }
      at = nextOffset;
    }
    return to;
  }

  /**
   * Reads from an offset that was seen once. What is no longer in the log is passed. A broker that gives nothing, and does not
   * say that it is gone, will: it has just started, or is busy.
   */
  async #fetch(queue: number, offset: number, maxBytes: number): Promise<{ messages: readonly Message[]; nextOffset: number }> {
    for (let tries = 0; ; tries++) {
      const { messages, nextOffset } = await this.#ask(queue, offset, maxBytes);
      if (nextOffset > offset) return { messages, nextOffset };
      const name = this.#queues.nameOf(queue);
      if (tries >= TRIES_MAX) throw new QanatError('NOT_READY', `${name} does not give what it has stored at ${offset}`);
      await pause(this.#clock, RETRY_MS / 10);
    }
  }

  async #ask(queue: number, offset: number, maxBytes: number): Promise<{ messages: readonly Message[]; nextOffset: number }> {
    this.fetches++;
    const id = this.#queues.idOf(queue);
    try {
      return await this.#reader.fetch(id, offset, { maxBytes, waitMs: 0 });
    } catch (error) {
      if (!QanatError.is(error, 'OFFSET_OUT_OF_RANGE')) throw error;
      const { queues } = await this.#client.admin.describeTopic(id.topic);
      const status = queues.find(({ broker, queue }) => broker === id.broker && queue === id.queue);
      if (status === undefined || status.away) throw error;
      return { messages: [], nextOffset: Math.max(offset, status.oldestOffset) };
    }
  }

  async #fetchRun(run: readonly number[], places: readonly Place[], found: (StoredPublication | undefined)[]): Promise<void> {
    const { queue } = places[run[0] as number] as Place;
    let next = 0;
    while (next < run.length) {
      const { offset } = places[run[next] as number] as Place;
      const bytes = run.length - next > 1 ? FETCH_BYTES : PLACE_BYTES;
      const { messages } = await this.#fetch(queue, offset, bytes);
      const byOffset = new Map(messages.map((message) => [message.offset, message]));
      const last = messages.at(-1)?.offset ?? -1;
      do {
        const index = run[next++] as number;
        const message = byOffset.get((places[index] as Place).offset);
        found[index] = message && storedMessage(this.#read, message, queue);
      } while (next < run.length && (places[run[next] as number] as Place).offset <= last);
    }
  }
}

/** Indexes of places, those of one queue that are near to each other together, in the order of their offsets. */
function runsOf(places: readonly Place[], indexes: readonly number[]): number[][] {
  const at = (index: number): Place => places[index] as Place;
  const sorted = [...indexes].sort((a, b) => at(a).queue - at(b).queue || at(a).offset - at(b).offset);
  const runs: number[][] = [];
  for (const index of sorted) {
    const run = runs.at(-1);
    const before = run?.at(-1);
    if (run !== undefined && before !== undefined && at(before).queue === at(index).queue) {
      if (at(index).offset - at(before).offset <= NEAR) {
        run.push(index);
        continue;
      }
    }
    runs.push([index]);
  }
  return runs;
}
