import type { Role } from '../driver/driver.ts';
import type { Result, VerdictName } from '../run/result.ts';

/** What became of one subject whose verdict is known beforehand. */
export interface SelfTestOutcome {
  readonly kind: 'degenerate' | 'control' | 'wire' | 'transports';
  readonly subject: string;
  readonly role: Role;
  /** That had to go red, of a change on the wire. */
  readonly clause?: string;
  readonly ok: boolean;
  /** The clauses by what was seen of them, of a subject that was judged as a whole. */
  readonly seen?: Seen;
  /** What was wrong with the kit's verdict, or the verdict. */
  readonly text: string;
  readonly seconds: number;
}

/** Ids of clauses with evidence for them, broken, and not put to the test. */
export interface Seen {
  readonly pass: readonly string[];
  readonly fail: readonly string[];
  readonly inconclusive: readonly string[];
}

export const seenIn = ({ clauses }: Result): Seen => {
  const having = (name: VerdictName): readonly string[] => clauses.filter(({ verdict }) => verdict === name).map(({ id }) => id);
  return {
    pass: having('pass'),
    fail: [...having('fail'), ...having('warning')],
    inconclusive: [...having('inconclusive'), ...having('not-run')],
  };
};

export type Told = (outcome: SelfTestOutcome) => void;
