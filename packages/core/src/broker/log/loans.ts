/**
 * Says until when bytes that readers were given may still be in use. Time is counted in turns of the engine: what was given
 * away in
 * a turn has been sent, or copied, when the next one begins; a reader that needs several turns keeps what it got meanwhile.
 */
export class Loans {
  #turn = 1;
  /** How many readers began in which turn, the oldest first; those that have ended stay until the turn ends. */
  readonly #readers = new Map<number, number>();
  #ended: number[] = [];

  get turn(): number {
    return this.#turn;
  }

  /** A reader begins. @returns what to call `end` with. */
  begin(): number {
    this.#readers.set(this.#turn, (this.#readers.get(this.#turn) ?? 0) + 1);
    return this.#turn;
  }

  /** The reader gives what it has away in this turn, and keeps nothing. */
  end(begun: number): void {
    this.#ended.push(begun);
  }

  /** What was given away before has been used. */
  nextTurn(): void {
    this.#turn++;
    for (const begun of this.#ended) {
      const left = (this.#readers.get(begun) as number) - 1;
      if (left === 0) this.#readers.delete(begun);
      else this.#readers.set(begun, left);
    }
    if (this.#ended.length > 0) this.#ended = [];
  }

  /** Whether bytes that were given out in `turn` may still be in use. */
  isOut(turn: number): boolean {
    if (turn >= this.#turn) return true;
    const { value: oldest } = this.#readers.keys().next();
    return oldest !== undefined && turn >= oldest;
  }
}
