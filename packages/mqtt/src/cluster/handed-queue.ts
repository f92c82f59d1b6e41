import type { Clock, QueueId } from '@qanat/core';
import { RETRY_MS, STATE_PAGE } from './limits.ts';
import type { KeyedState, StateWrite } from './log-client.ts';
import { isConflict } from './session-entries.ts';
import { handedFenceKey, handedKey, handedOffset, handedPrefix, queueName } from './state-keys.ts';
import { readAll } from './state-mirror.ts';
import { StoredWriter } from './stored-bytes.ts';
import { pause } from './waiting.ts';

/** Nothing is said in the entries but that they are there. */
const VALUE = new StoredWriter(1).end();

/** A message of a shared subscription that becomes a session's: it is written with the exchange that begins. */
export interface Handing {
  readonly queue: HandedQueue;
  readonly offset: number;
}

/** The fence in one state queue, as this bridge has written it for the last time. */
interface Fence {
  readonly queue: QueueId;
  version: number;
}

/**
 * The messages of one data queue that a shared subscription has handed to sessions with QoS 2 and its group's offset has not
 * passed: nobody else may get them [MQTT-4.8.2-5], whoever has the queue. Each has an entry beside its exchange, in the state
 * queue of the session.
 *
 * Each write replaces a fence that stands there, too. Whoever begins with the data queue writes the fences of all state queues and
 * then reads the entries: so it knows all of them, and what the member before still writes is refused.
 */
export class HandedQueue {
  readonly #state: KeyedState;
  readonly #clock: Clock;
  readonly #group: string;
  readonly #queue: string;
  readonly #fences = new Map<string, Fence>();
  /** The state queue of each entry, by the offset of the message. */
  readonly #entries = new Map<number, QueueId>();
  #beginning: Promise<void> | undefined;
  #isKnown = false;
  #isOver = false;

  /** @param queue name of the data queue. */
  constructor(state: KeyedState, clock: Clock, group: string, queue: string) {
    this.#state = state;
    this.#clock = clock;
    this.#group = group;
    this.#queue = queue;
  }

  /** It has been read: `has` tells. */
  get isKnown(): boolean {
    return this.#isKnown;
  }

  /** Another member has the data queue, or it is left: nothing is written for it any more. */
  get isOver(): boolean {
    return this.#isOver;
  }

  get size(): number {
    return this.#entries.size;
  }

  has(offset: number): boolean {
    return this.#entries.has(offset);
  }

  end(): void {
    this.#isOver = true;
  }

  /** Finds out what was handed before, however long that takes: until then nothing may be given. */
  begin(onTrouble: (error: unknown) => void): Promise<void> {
    this.#beginning ??= this.#find(onTrouble);
    return this.#beginning;
  }

  async #find(onTrouble: (error: unknown) => void): Promise<void> {
    while (!this.#isOver && !this.#isKnown) {
      try {
        const queues = await this.#state.queues();
        await Promise.all(queues.map((queue) => this.#beginAt(queue)));
        this.#isKnown = true;
      } catch (error) {
        onTrouble(error);
        await pause(this.#clock, RETRY_MS);
      }
    }
  }

  async #beginAt(queue: QueueId): Promise<void> {
    if (this.#fences.has(queueName(queue))) return;
    const version = await this.#state.write(queue, [{ key: this.#fenceKey, value: VALUE }]);
    for (const { key } of await readAll(this.#state, queue, handedPrefix(this.#group, this.#queue))) {
      const offset = handedOffset(key);
      if (offset !== undefined) this.#entries.set(offset, queue);
    }
    this.#fences.set(queueName(queue), { queue, version });
  }

  /** What every write of handings in a state queue has beside it; undefined: it cannot be done (any more). */
  fence(queue: QueueId): (StateWrite & { readonly expectedVersion: number }) | undefined {
    const fence = this.#fences.get(queueName(queue));
    if (fence === undefined || this.#isOver) return undefined;
    return { key: this.#fenceKey, value: VALUE, expectedVersion: fence.version };
  }

  /** The fence was replaced. */
  fenced(queue: QueueId, version: number): void {
    const fence = this.#fences.get(queueName(queue));
    if (fence !== undefined) fence.version = version;
  }

  entry(offset: number): StateWrite {
    return { key: handedKey(this.#group, this.#queue, offset), value: VALUE };
  }

  /** The entry was written. */
  handed(queue: QueueId, offset: number): void {
    this.#entries.set(offset, queue);
  }

  /** The session has ended before it was sent the message: another one may have it. @throws QanatError. */
  async takeBack(offset: number): Promise<void> {
    const queue = this.#entries.get(offset);
    if (queue !== undefined) await this.#remove(queue, [offset]);
  }

  /** The group's offset stands at `committed`: what lies below comes never again. @throws QanatError. */
  async passed(committed: number): Promise<void> {
    const passed = new Map<QueueId, number[]>();
    for (const [offset, queue] of this.#entries) {
      if (offset >= committed) continue;
      const offsets = passed.get(queue) ?? [];
      if (offsets.push(offset) === 1) passed.set(queue, offsets);
    }
    await Promise.all([...passed].map(([queue, offsets]) => this.#remove(queue, offsets)));
  }

  /** Nobody is to find anything of it, where nobody goes on with it. @throws QanatError. */
  async clear(): Promise<void> {
    for (const { queue, version } of this.#fences.values()) {
      try {
        await this.#state.write(queue, [{ key: this.#fenceKey, value: undefined, expectedVersion: version }]);
      } catch (error) {
        if (!isConflict(error)) throw error;
      }
    }
  }

  async #remove(queue: QueueId, offsets: readonly number[]): Promise<void> {
    for (let at = 0; at < offsets.length; at += STATE_PAGE) {
      const page = offsets.slice(at, at + STATE_PAGE);
      await this.#state.write(
        queue,
        page.map((offset) => ({ ...this.entry(offset), value: undefined })),
      );
      for (const offset of page) this.#entries.delete(offset);
    }
  }

  get #fenceKey(): string {
    return handedFenceKey(this.#group, this.#queue);
  }
}
