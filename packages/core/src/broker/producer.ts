import type { ServerSession } from '../connection/server-session.ts';
import type { ProducerStateInit } from '../wire/gen/messages.ts';
import { LIMITS } from '../wire/gen/registry.ts';
import { SequenceWindow } from './sequence-window.ts';

/** Former holders that hear PRODUCER_FENCED; older ones hear UNKNOWN_PRODUCER. */
const FORMER_HOLDERS_MAX = 4;

/** A producer id: who holds it, and what it has sent. */
export class Producer {
  readonly id: number;
  /** Makes the id durable; undefined for none. */
  name: string | undefined;
  /** Of the principal whose name it is; empty where nobody is asked. */
  principal = '';
  /** Who made it, or took it over first after a restart: nobody else does (QNT-ATZ-010). Empty where that is not known. */
  owner = '';
  /** As the log has it. */
  epoch = 0;
  /** With what is staged: what a batch must have. */
  stagedEpoch = 0;
  /** The connection that holds the id. */
  session: ServerSession | undefined;
  /** Connections that held it before, and are still there. */
  former: ServerSession[] = [];
  /** Of its newest batch, or of its birth; wall clock. */
  lastUsedMs: number;
  /** When it was used last; monotonic. */
  usedMs: number;
  // Neighbours in the order of use.
  newer: Producer | undefined;
  older: Producer | undefined;
  readonly #windows = new Map<number, SequenceWindow>();

  constructor(id: number, lastUsedMs: number, usedMs: number) {
    this.id = id;
    this.lastUsedMs = lastUsedMs;
    this.usedMs = usedMs;
  }

  window(topicId: number, queue: number): SequenceWindow {
    const key = topicId * LIMITS.QUEUES_PER_TOPIC_MAX + queue;
    let window = this.#windows.get(key);
    if (window === undefined) {
      window = new SequenceWindow();
      this.#windows.set(key, window);
    }
    return window;
  }

  windows(): Iterable<SequenceWindow> {
    return this.#windows.values();
  }

  /** A batch is on its way: the id must not be forgotten. */
  get busy(): boolean {
    for (const window of this.#windows.values()) if (window.busy) return true;
    return false;
  }

  bind(session: ServerSession): void {
    if (this.session === session) return;
    if (this.session !== undefined) {
      this.former.push(this.session);
      if (this.former.length > FORMER_HOLDERS_MAX) this.former.shift();
    }
    this.former = this.former.filter((former) => former !== session);
    this.session = session;
  }

  unbind(session: ServerSession): void {
    if (this.session === session) this.session = undefined;
    this.former = this.former.filter((former) => former !== session);
  }

  /** A new epoch counts its sequences from zero. */
  beginEpoch(epoch: number): void {
    this.epoch = epoch;
    if (epoch > this.stagedEpoch) this.stagedEpoch = epoch;
    this.#windows.clear();
  }

  /** Windows of topics that are gone are dropped on the way. */
  snapshot(hasTopic: (topicId: number) => boolean): ProducerStateInit {
    for (const key of this.#windows.keys())
      if (!hasTopic(Math.floor(key / LIMITS.QUEUES_PER_TOPIC_MAX))) this.#windows.delete(key);
    const queues = Array.from(this.#windows, ([key, window]) => ({
      topicId: Math.floor(key / LIMITS.QUEUES_PER_TOPIC_MAX),
      queue: key % LIMITS.QUEUES_PER_TOPIC_MAX,
      nextSequence: window.nextSequence,
      batches: window.batches(),
    }));
    const used = queues.filter(({ batches }) => batches.length > 0);
    return { producerId: this.id, epoch: this.epoch, lastUsedMs: this.lastUsedMs, queues: used };
  }
}
