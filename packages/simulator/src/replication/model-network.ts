import type { Random } from '@qanat/core';

/** How often what happens to a message; of 1. */
export interface NetworkFaults {
  readonly lost: number;
  readonly twice: number;
}

interface Message {
  readonly from: number;
  readonly to: number;
  readonly deliver: () => void;
}

/** Messages under way, in no order; some are lost, some come twice, and cuts swallow what passes them. */
export class ModelNetwork {
  faults: NetworkFaults;
  readonly #random: Random;
  #messages: Message[] = [];
  readonly #cuts = new Set<string>();

  constructor(random: Random, faults: NetworkFaults) {
    this.#random = random;
    this.faults = faults;
  }

  get size(): number {
    return this.#messages.length;
  }

  send(from: number, to: number, deliver: () => void): void {
    if (this.#random.fraction() < this.faults.lost || this.#cuts.has(`${from} ${to}`)) return;
    this.#messages.push({ from, to, deliver });
    if (this.#random.fraction() < this.faults.twice) this.#messages.push({ from, to, deliver });
  }

  /** Delivers one message. */
  step(): void {
    const i = this.#random.below(this.#messages.length);
    const message = this.#messages[i];
    if (message === undefined) return;
    this.#messages[i] = this.#messages.at(-1) as Message;
    this.#messages.pop();
    if (!this.#cuts.has(`${message.from} ${message.to}`)) message.deliver();
  }

  cut(from: number, to: number): void {
    this.#cuts.add(`${from} ${to}`);
  }

  /** No cuts and no faults any more. */
  heal(): void {
    this.#cuts.clear();
    this.faults = { lost: 0, twice: 0 };
  }

  join(): void {
    this.#cuts.clear();
  }
}
