import type { Family } from '../../play/family.ts';
import { BATCH_CLAUSES } from './batch-clauses.ts';
import { GENERATED } from './generated.ts';
import { IDENTITY_CLAUSES } from './identity-clauses.ts';
import { NUMBER_CLAUSES } from './number-clauses.ts';
import { PRODUCER_OPS } from './operations.ts';
import { OUTCOME_CLAUSES } from './outcome-clauses.ts';
import { PLACING_CLAUSES } from './placing-clauses.ts';
import { BATCH_PROGRAMS, IDENTITY_PROGRAMS, OUTCOME_PROGRAMS, PLACING_PROGRAMS } from './programs.ts';
import { RECEIPT_CLAUSES } from './receipt-clauses.ts';

/** What producers do: where messages go, how batches are built, numbered and repeated, and what callers are told. */
export const producer: Family = {
  name: 'producer',
  clauses: [...PLACING_CLAUSES, ...BATCH_CLAUSES, ...OUTCOME_CLAUSES, ...IDENTITY_CLAUSES, ...NUMBER_CLAUSES, ...RECEIPT_CLAUSES],
  programs: [...PLACING_PROGRAMS, ...BATCH_PROGRAMS, ...OUTCOME_PROGRAMS, ...IDENTITY_PROGRAMS],
  generated: { producer: GENERATED },
  ops: PRODUCER_OPS,
};
