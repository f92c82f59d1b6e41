/** A turn in which readers began, and how many of them have not ended. */
export interface BegunTurn {
  readonly turn: number;
  readers: number;
}

/**
 * Says until when bytes that readers were given may still be in use. Time is counted in turns of the engine: what was given
 * away in a turn has been sent, or copied, when the next one begins; a reader that needs several turns keeps what it got
 * meanwhile.
 */
export class Loans {
  #turn = 1;
  /** The oldest first; readers that have ended stay until the turn ends. */
  #begun: BegunTurn[] = [];
  #ended: BegunTurn[] = [];

  get turn(): number {
    return this.#turn;
  }

  /** A reader begins. @returns what to call `end` with. */
  begin(): BegunTurn {
    let begun = this.#begun.at(-1);
    if (begun?.turn !== this.#turn) {
      begun = { turn: this.#turn, readers: 0 };
      this.#begun.push(begun);
    }
    begun.readers++;
    return begun;
  }

  /** The reader gives what it has away in this turn, and keeps nothing. */
  end(begun: BegunTurn): void {
    this.#ended.push(begun);
  }

  /** What was given away before has been used. */
  nextTurn(): void {
    this.#turn++;
    if (this.#ended.length === 0) return;
    for (const begun of this.#ended) begun.readers--;
    this.#ended = [];
    this.#begun = this.#begun.filter(({ readers }) => readers > 0);
  }

  /** Whether bytes that were given out in `turn` may still be in use. */
  isOut(turn: number): boolean {
    const oldest = this.#begun[0]?.turn ?? this.#turn;
    return turn >= oldest;
  }
}
