import { type Clause, judgeThat } from '../../clause/clause.ts';
import { VECTOR_CASES } from '../../clause/gen/vectors.ts';
import { askedIn } from './asked.ts';
import { CHECKED_BY_BROKERS } from './vector-questions.ts';

/** The grammars, whose vectors are texts without ids. */
const OF_TEXTS = ['QNT-NAM-001', 'QNT-NAM-004', 'QNT-NAM-007', 'QNT-NAM-008', 'QNT-NAM-009'];
/** Files that are about functions, of which a codec need not have any. */
const OF_FUNCTIONS = ['errors', 'rendezvous', 'allocate-averagely', 'allocate-circle', 'allocate-sticky'];

const idsOf = (files: readonly string[]): readonly string[] => files.flatMap((file) => VECTOR_CASES[file]?.clauses ?? []);

const NEED_FUNCTIONS: ReadonlySet<string> = new Set([...OF_TEXTS, ...idsOf(OF_FUNCTIONS), ...CHECKED_BY_BROKERS]);

const clauseOf = (id: string): Clause => ({
  id,
  roles: ['codec'],
  ...(NEED_FUNCTIONS.has(id) ? { needs: ['functions'] } : {}),
  check: (view, judge) => {
    for (const { index, clauses, exact, wrong, inexact } of askedIn(view)) {
      const isMeant = clauses.includes(id);
      // Of what means something else nobody can say whether it is written as it should be.
      if (!isMeant && !(exact.includes(id) && wrong === undefined)) continue;
      const error = isMeant ? wrong : inexact;
      judgeThat(judge, index, error === undefined, () => error ?? '');
    }
  },
});

/** A clause for each id that the vectors for codecs name. */
export const CODEC_CLAUSES: readonly Clause[] = [...new Set([...idsOf(Object.keys(VECTOR_CASES)), ...OF_TEXTS])]
  .sort()
  .map(clauseOf);
