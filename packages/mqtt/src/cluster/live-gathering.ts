import type { StoredPublication } from '../ports.ts';

/** Takes what is for its session. */
export type TakeArrived = (message: StoredPublication) => void;

/** Who gathers what arrives while sessions are claimed. */
export class LiveGatherings {
  readonly #all = new Set<TakeArrived>();

  get size(): number {
    return this.#all.size;
  }

  /** @returns what ends it. */
  begin(take: TakeArrived): () => void {
    this.#all.add(take);
    return () => this.#all.delete(take);
  }

  arrived(messages: readonly StoredPublication[]): void {
    for (const take of this.#all) for (const message of messages) take(message);
  }
}
