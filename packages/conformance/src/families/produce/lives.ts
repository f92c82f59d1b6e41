import type { View } from '../../history/view.ts';
import { isObject } from '../../json.ts';

/** How a subject's life ended. */
export interface Death {
  /** Its place in the history. */
  readonly index: number;
  readonly how: 'kill' | 'stop' | 'powerloss';
  /** What was acknowledged may be gone from the end on: the power was cut, and the subject does not flush *sync* for sure. */
  readonly mayLose: boolean;
}

type How = Death['how'];

/** The lives of a subject. Everything of a connection belongs to one of them. */
export class Lives {
  readonly deaths: readonly Death[];
  readonly #starts: readonly number[];

  constructor(view: View) {
    const deaths: Death[] = [];
    const starts: number[] = [];
    let how: How = 'stop';
    let mayLose = false;
    let isDead = false;
    view.events.forEach((event, index) => {
      if (event.kind === 'note' && event.note === 'powerloss') {
        how = 'powerloss';
        mayLose = !isObject(event.args) || event.args.flush !== 'sync';
      }
      if (event.kind !== 'subject') return;
      const { what } = event;
      const ends = what === 'killed' || what === 'stopped' || what === 'ended';
      // A planned stop that nobody waited for shows by the next start only.
      if ((ends || what === 'started') && !isDead) {
        deaths.push({ index, how: what === 'killed' && how !== 'powerloss' ? 'kill' : how, mayLose });
        how = 'stop';
        mayLose = false;
      }
      if (ends) isDead = true;
      if (what !== 'started') return;
      isDead = false;
      starts.push(index);
    });
    this.deaths = deaths;
    this.#starts = starts;
  }

  /** Counts the starts: what comes in two lives has two numbers. */
  lifeAt(index: number): number {
    let life = 0;
    while (life < this.#starts.length && (this.#starts[life] as number) < index) life++;
    return life;
  }

  /** Where each later life begins. */
  get starts(): readonly number[] {
    return this.#starts;
  }

  between(from: number, to: number): readonly Death[] {
    return this.deaths.filter(({ index }) => index > from && index < to);
  }

  /** Between the two, what was acknowledged may have been lost. */
  mayLose(from: number, to: number): boolean {
    return this.between(from, to).some((death) => death.mayLose);
  }
}
