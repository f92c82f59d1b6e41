import { FAMILIES } from '../families/index.ts';
import type { SelfTestOutcome } from './outcome.ts';

type Kind = 'pass' | 'fail' | 'inconclusive';

const KINDS = ['pass', 'fail', 'inconclusive'] as const satisfies readonly Kind[];

/** Which clauses were seen to pass, to fail and to be inconclusive: one that never does one of them checks nothing. */
export class Tally {
  readonly #seen: Readonly<Record<Kind, Set<string>>> = { pass: new Set(), fail: new Set(), inconclusive: new Set() };

  add({ kind, seen, ok, clause }: SelfTestOutcome): void {
    // A red clause of the control group is a mistake of the kit, and no sign that it can see one.
    const counted = kind === 'control' ? KINDS.filter((one) => one !== 'fail') : KINDS;
    for (const one of counted) for (const id of seen?.[one] ?? []) this.#seen[one].add(id);
    if (ok && clause !== undefined) this.#seen.fail.add(clause);
  }

  /** A clause that killed a mutant of the engines. */
  addKill(clause: string): void {
    this.#seen.fail.add(clause);
  }

  summary(): { readonly clauses: number; readonly seen: Readonly<Record<Kind, number>>; readonly never: readonly string[] } {
    const ids = [...new Set(FAMILIES.flatMap(({ clauses }) => clauses.map(({ id }) => id)))].sort();
    const countOf = (kind: Kind): number => ids.filter((id) => this.#seen[kind].has(id)).length;
    return {
      clauses: ids.length,
      seen: { pass: countOf('pass'), fail: countOf('fail'), inconclusive: countOf('inconclusive') },
      never: KINDS.flatMap((kind) => ids.filter((id) => !this.#seen[kind].has(id)).map((id) => `${id} never ${kind}`)),
    };
  }
}
