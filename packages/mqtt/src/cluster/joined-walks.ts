import { FilterTree } from '../filters/filter-tree.ts';
import type { SessionSubscription, StoredPublication } from '../ports.ts';
import { JOINED_SPAN_MAX } from './limits.ts';
import type { LogReader } from './log-reader.ts';
import { isKept, keeps } from './selector.ts';

/** Who wants to know what a span of a queue has for a session. */
export interface Walker {
  readonly clientId: string;
  readonly subscriptions: readonly SessionSubscription[];
  readonly from: number;
  readonly to: number;
  /** A message that the session has to get; the same one may be told more than once. */
  readonly found: (message: StoredPublication) => void;
  /** Whether the rest need not be told. */
  readonly enough: (message: StoredPublication) => boolean;
}

interface Waiting {
  readonly walker: Walker;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Looks through queues for many sessions at once: when a bridge has died, its devices come back together, and all of them have
 * missed about the same. Those who come while a span is read are served by the next walk.
 */
export class JoinedWalks {
  readonly #reader: LogReader;
  /** By queue; there while a walk is under way. */
  readonly #waiting = new Map<number, Waiting[]>();

  constructor(reader: LogReader) {
    this.#reader = reader;
  }

  /** Resolves when the span has been looked through. @throws QanatError where the log cannot be read. */
  look(queue: number, walker: Walker): Promise<void> {
    if (walker.from >= walker.to) return Promise.resolve();
    // Others need not wait for one who was away for long.
    if (walker.to - walker.from > JOINED_SPAN_MAX) return this.#walk(queue, [walker]);
    return new Promise((resolve, reject) => {
      const waiting = this.#waiting.get(queue);
      if (waiting !== undefined) {
        waiting.push({ walker, resolve, reject });
        return;
      }
      this.#waiting.set(queue, [{ walker, resolve, reject }]);
      void this.#serve(queue);
    });
  }

  async #serve(queue: number): Promise<void> {
    // Those of the same turn join.
    await Promise.resolve();
    for (let group = this.#take(queue); group.length > 0; group = this.#take(queue)) {
      try {
        await this.#walk(
          queue,
          group.map(({ walker }) => walker),
        );
        for (const { resolve } of group) resolve();
      } catch (error) {
        for (const { reject } of group) reject(error);
      }
    }
    this.#waiting.delete(queue);
  }

  #take(queue: number): readonly Waiting[] {
    const group = this.#waiting.get(queue) ?? [];
    this.#waiting.set(queue, []);
    return group;
  }

  async #walk(queue: number, walkers: readonly Walker[]): Promise<void> {
    const tree = new FilterTree<{ readonly walker: Walker; readonly subscription: SessionSubscription }>();
    walkers.forEach((walker, i) => {
      for (const subscription of walker.subscriptions.filter(isKept))
        tree.set(subscription.filter, String(i), { walker, subscription });
    });
    const from = Math.min(...walkers.map((walker) => walker.from));
    const to = Math.max(...walkers.map((walker) => walker.to));
    await this.#reader.walk(queue, from, to, (message) => {
      const { offset } = message;
      if (message.qos > 0)
        tree.match(message.topic, ({ walker, subscription }) => {
          if (offset < walker.from || offset >= walker.to) return;
          if (keeps(subscription, message, walker.clientId)) walker.found(message);
        });
      return !walkers.every((walker) => walker.enough(message));
    });
  }
}
