import { assert, type QanatError } from '../errors.ts';
import type { CommitLog, Settle } from './log/commit-log.ts';

/** Numbers of one kind that a term has; when they are used up, a new term is logged. */
const NUMBERS_PER_TERM = 2 ** 20;
/** So many of one kind are drawn when a term is about to be used up. */
const NUMBERS_BEFORE_RENEWAL = NUMBERS_PER_TERM - 2 ** 16;

/**
 * The broker's term and the numbers that are drawn in it. Producer ids and lease epochs are `term × 2^20 + n`: since the term
 * grows at every start and is logged, none comes twice (spec, chapter of terms).
 */
export class Term {
  /**
   * Where the broker may not begin a term by itself (spec, chapter of replication): called once in a term, when few numbers of a
   * kind are left.
   */
  onNearlyUsedUp: (() => void) | undefined;
  readonly #log: CommitLog;
  #current = 0;
  /** The record of the present term is in the log for ever. */
  #logged = false;
  #waiting: Settle[] = [];
  #producers = 0;
  #epochs = 0;

  constructor(log: CommitLog) {
    this.#log = log;
  }

  get current(): number {
    return this.#current;
  }

  /** Numbers drawn in the present term, for the snapshot. */
  get counters(): { readonly producers: number; readonly epochs: number } {
    return { producers: this.#producers, epochs: this.#epochs };
  }

  /** A term was seen in the log. */
  saw(term: number): void {
    if (term > this.#current) this.#current = term;
  }

  /**
   * Begins a term, the next one where no other is said. `done` comes when it is logged; with an error, `begin` may be called
   * again.
   */
  begin(done: Settle, term: number = this.#current + 1): void {
    this.#current = term;
    this.#producers = 0;
    this.#epochs = 0;
    this.#log.term = this.#current;
    this.#record(done);
  }

  /** Draws a lease epoch. Its effect stands in the log behind the record of its term. */
  nextEpoch(): number {
    this.#watch(this.#epochs);
    return this.#current * NUMBERS_PER_TERM + this.#epochs++;
  }

  /** Draws a producer id, when the term's record is durable: nothing else of the id may ever come into the log. */
  nextProducerId(done: (error: QanatError | undefined, id: number) => void): void {
    this.#watch(this.#producers);
    const id = this.#current * NUMBERS_PER_TERM + this.#producers++;
    if (this.#logged) done(undefined, id);
    else this.#record((error) => done(error, id));
  }

  #watch(drawn: number): void {
    if (drawn === NUMBERS_BEFORE_RENEWAL) this.onNearlyUsedUp?.();
    if (drawn < NUMBERS_PER_TERM) return;
    assert(this.onNearlyUsedUp === undefined, 'the numbers of a term are used up before the next one is on record');
    this.begin(() => {});
  }

  #record(done: Settle): void {
    this.#logged = false;
    this.#waiting.push(done);
    if (this.#waiting.length > 1) return;
    const term = this.#current;
    this.#log.appendState({ termStarted: { term, storeId: this.#log.storeId } }, (error) => this.#recorded(term, error));
  }

  #recorded(term: number, error: QanatError | undefined): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    if (error === undefined && term !== this.#current) {
      for (const done of waiting) this.#record(done);
      return;
    }
    this.#logged = error === undefined;
    for (const done of waiting) done(error);
  }
}
