import type { Clock, QueueId } from '@qanat/core';
import type { Publication, StoredPublication } from '../ports.ts';
import type { KeptState, StateLimits } from './kept-state.ts';
import { RETAINED_COMING_MS, RETAINED_REMOVED_MS } from './limits.ts';
import type { KeyedState } from './log-client.ts';
import type { QueueTable } from './queue-table.ts';
import { decodeRetained, encodeRetained, retainedBytes } from './retained-record.ts';
import { isConflict } from './session-entries.ts';
import { retainedKey } from './state-keys.ts';
import { TopicTree } from './topic-tree.ts';
import { Sequences } from './waiting.ts';

interface Kept {
  readonly message: StoredPublication;
  readonly version: number;
  readonly home: QueueId;
  /** Of its entry. */
  readonly bytes: number;
}

/** Whether a message replaces the one that is retained: it was stored later [MQTT-3.3.1-5]. */
export function isLater(message: StoredPublication, than: StoredPublication): boolean {
  if (message.queue === than.queue) return message.offset > than.offset;
  // Topics change their queue only when queues are added: the brokers' clocks have to do.
  return message.storeTimeMs >= than.storeTimeMs;
}

/** A message that has arrived here and is to be retained, since when. */
interface Coming {
  readonly message: StoredPublication;
  readonly sinceMs: number;
}

const isRemoval = ({ payload }: StoredPublication): boolean => payload.length === 0;

/**
 * The retained messages of the cluster, all of them in memory, as the watches of the state topic tell them. Which of two stays
 * is decided by their places in the log, not by who writes first.
 */
export class Retained {
  readonly #state: KeyedState;
  readonly #clock: Clock;
  readonly #queues: QueueTable;
  readonly #tree = new TopicTree<Kept>();
  /** Later than what is written: who subscribes now has missed their arrival. By topic. */
  readonly #coming = new Map<string, Coming>();
  readonly #comingTree = new TopicTree<StoredPublication>();
  /** Topic by key, for entries that are removed. */
  readonly #topics = new Map<string, string>();
  readonly #sequences = new Sequences();
  readonly #kept: KeptState;
  #closed = false;

  constructor(state: KeyedState, clock: Clock, queues: QueueTable, kept: KeptState) {
    this.#kept = kept;
    this.#state = state;
    this.#clock = clock;
    this.#queues = queues;
  }

  get size(): number {
    return this.#tree.size;
  }

  close(): void {
    this.#closed = true;
  }

  /** The messages that a filter selects [MQTT-3.3.1-9], but for those that have expired. */
  *match(filter: string): Generator<StoredPublication> {
    const now = this.#clock.wallMs();
    for (const message of this.#matching(filter)) {
      if (!isRemoval(message) && (message.properties?.expiresAtMs ?? now + 1) > now) yield message;
    }
  }

  *#matching(filter: string): Generator<StoredPublication> {
    yield* this.#comingTree.match(filter);
    for (const { message } of this.#tree.match(filter)) if (!this.#coming.has(message.topic)) yield message;
  }

  /**
   * A message that is to be retained has arrived, here or from another bridge: it is what new subscriptions of this bridge get
   * from now on, written or not. Their sessions were not there when it was given out.
   */
  arrived(message: StoredPublication): void {
    if (!this.takes(message)) return;
    const before = this.#coming.get(message.topic);
    if (this.has(message) || (before !== undefined && !isLater(message, before.message))) return;
    this.#coming.set(message.topic, { message, sinceMs: this.#clock.nowMs() });
    this.#comingTree.set(message.topic, message);
  }

  #came(topic: string): void {
    if (this.#coming.delete(topic)) this.#comingTree.delete(topic);
  }

  /**
   * The limit that a publication would pass if it were retained. What takes no more than what is retained for its topic passes
   * none, nor does the removal of that.
   */
  limitOf(publication: Publication): keyof StateLimits | undefined {
    return this.#kept.ofRetained(retainedBytes(publication), this.#tree.get(publication.topic)?.bytes);
  }

  /**
   * Whether a message that is stored may be retained. It may in the place of another one, whatever its size: of a topic the
   * latest one is retained, or none.
   */
  takes(message: StoredPublication): boolean {
    return this.#tree.get(message.topic) !== undefined || this.limitOf(message) === undefined;
  }

  /** Whether a message is retained already, or one that was stored later. */
  has(message: StoredPublication): boolean {
    const kept = this.#tree.get(message.topic);
    return kept !== undefined && !isLater(message, kept.message);
  }

  /**
   * Retains a message, unless a later one is retained. An empty payload removes what is retained [MQTT-3.3.1-6].
   * @throws QanatError: LIMIT_EXCEEDED, FORBIDDEN. Others are tried again.
   */
  put(message: StoredPublication): Promise<void> {
    return this.#sequences.run(message.topic, () => this.#put(message));
  }

  /** Takes a change of an entry. @throws QanatError CORRUPT_LOG. */
  changed(key: string, value: Uint8Array | undefined, version: number, home: QueueId): void {
    if (value === undefined) {
      const topic = this.#topics.get(key);
      if (topic !== undefined) this.#remove(key, topic);
      return;
    }
    const message = decodeRetained(value, this.#queues);
    const before = this.#tree.get(message.topic);
    if (before !== undefined && before.version > version) return;
    this.#topics.set(key, message.topic);
    this.#tree.set(message.topic, { message, version, home, bytes: value.length });
    this.#kept.retainedChanged(before?.bytes, value.length);
    const coming = this.#coming.get(message.topic);
    if (coming !== undefined && !isLater(coming.message, message)) this.#came(message.topic);
  }

  /** What nobody could write is not retained after all. To be called now and then. */
  forgetComing(): void {
    const nowMs = this.#clock.nowMs();
    for (const [topic, { sinceMs }] of this.#coming) if (nowMs - sinceMs > RETAINED_COMING_MS) this.#came(topic);
  }

  /**
   * Removes what nobody needs any more: the traces of removed messages, and those that have expired. @param mine of these
   * queues.
   */
  async sweep(mine: (home: QueueId) => boolean): Promise<void> {
    const now = this.#clock.wallMs();
    for (const { message, version, home } of [...this.#all()]) {
      const expired = (message.properties?.expiresAtMs ?? now + 1) <= now;
      const forgotten = isRemoval(message) && now - message.storeTimeMs > RETAINED_REMOVED_MS;
      if ((!expired && !forgotten) || !mine(home)) continue;
      try {
        await this.#state.write(home, [{ key: retainedKey(message.topic), value: undefined, expectedVersion: version }]);
      } catch (error) {
        if (!isConflict(error)) throw error;
      }
    }
  }

  *#all(): Generator<Kept> {
    for (const topic of this.#topics.values()) {
      const kept = this.#tree.get(topic);
      if (kept !== undefined) yield kept;
    }
  }

  async #put(message: StoredPublication): Promise<void> {
    const key = retainedKey(message.topic);
    const value = encodeRetained(message, this.#queues);
    const home = await this.#state.queueOf(message.topic);
    while (!this.#closed) {
      const kept = this.#tree.get(message.topic);
      if (kept !== undefined && !isLater(message, kept.message)) return;
      try {
        const version = await this.#state.write(home, [{ key, value, expectedVersion: kept?.version ?? 0 }]);
        this.changed(key, value, version, home);
        return;
      } catch (error) {
        if (!isConflict(error)) throw error;
        await this.#refresh(key, message.topic, home);
      }
    }
  }

  /** The watch has not told yet what stands there. */
  async #refresh(key: string, topic: string, home: QueueId): Promise<void> {
    const [entry] = await this.#state.get(home, [key]);
    if (entry !== undefined) this.changed(key, entry.value, entry.version, home);
    else this.#remove(key, topic);
  }

  #remove(key: string, topic: string): void {
    this.#topics.delete(key);
    this.#kept.retainedChanged(this.#tree.get(topic)?.bytes, undefined);
    this.#tree.delete(topic);
  }
}
