import type { Clock } from '@qanat/core';
import type { HistoryEvent, HistoryFact } from './events.ts';

interface Master {
  readonly term: number;
  readonly life: string;
}

/** Writes down what happens in a run, in order. */
export class History {
  readonly events: HistoryEvent[] = [];
  readonly #batches = new Map<string, Set<number>>();
  readonly #masters = new Map<string, Master>();
  readonly #clock: Pick<Clock, 'nowMs'>;

  constructor(clock: Pick<Clock, 'nowMs'>) {
    this.#clock = clock;
  }

  /** Takes the fact itself, and sets its time. */
  add(fact: HistoryFact): void {
    (fact as { atMs?: number }).atMs = this.#clock.nowMs();
    this.events.push(fact as HistoryEvent);
  }

  /** A life of a replica leads its group in this term. */
  leads(group: string, term: number, life: string): void {
    if (term > (this.#masters.get(group)?.term ?? 0)) this.#masters.set(group, { term, life });
  }

  /** The life that led a group last; undefined before there was one. */
  masterOf(group: string): string | undefined {
    return this.#masters.get(group)?.life;
  }

  /** Checksums of batches that came to a broker; it may have them in its log whenever it starts. */
  batchesOf(broker: string): Set<number> {
    let batches = this.#batches.get(broker);
    if (batches === undefined) {
      batches = new Set();
      this.#batches.set(broker, batches);
    }
    return batches;
  }
}
