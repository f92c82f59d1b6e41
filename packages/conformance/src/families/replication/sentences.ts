import type { Clause } from '../../clause/clause.ts';
import type { FrameSeen, View } from '../../history/view.ts';

type Place = FrameSeen | number;

interface Sentence {
  readonly at: Place;
  /** Undefined where the rule held. */
  readonly wrong: string | undefined;
  readonly field: string | undefined;
}

/** What an analysis found of each clause. */
export class Sentences {
  readonly #said = new Map<string, Sentence[]>();

  of(id: string): readonly Sentence[] {
    return this.#said.get(id) ?? [];
  }

  pass(id: string, at: Place): void {
    this.#add(id, { at, wrong: undefined, field: undefined });
  }

  fail(id: string, at: Place, wrong: string, field?: string): void {
    this.#add(id, { at, wrong, field });
  }

  that(id: string, at: Place, holds: boolean, wrong: () => string, field?: string): void {
    this.#add(id, { at, wrong: holds ? undefined : wrong(), field });
  }

  #add(id: string, sentence: Sentence): void {
    const all = this.#said.get(id) ?? [];
    all.push(sentence);
    this.#said.set(id, all);
  }
}

/** Clauses that one analysis of a history speaks of; it is made once for all of them. */
export function clausesBy(
  analyse: (view: View) => Sentences,
  ids: readonly string[],
  more: Omit<Clause, 'id' | 'check'>,
): readonly Clause[] {
  const made = new WeakMap<View, Sentences>();
  return ids.map((id) => ({
    ...more,
    id,
    check: (view, judge) => {
      const found = made.get(view) ?? analyse(view);
      made.set(view, found);
      for (const { at, wrong, field } of found.of(id)) {
        if (wrong === undefined) judge.pass(at);
        else judge.fail(at, wrong, field);
      }
    },
  }));
}
