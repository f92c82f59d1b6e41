import type { Family } from '../../play/family.ts';
import { BATCH_CLAUSES } from './batch-clauses.ts';
import { DEAD_LETTER_CLAUSES } from './dead-letters.ts';
import { FILTER_CLAUSES } from './filter-clauses.ts';
import { generatedConsumer } from './generated.ts';
import { GIVEN_UP_CLAUSES } from './given-up-clauses.ts';
import { LEASE_CLAUSES } from './lease-clauses.ts';
import { LEAVE_CLAUSES } from './leave-clauses.ts';
import { LONG_POLL_CLAUSES } from './long-poll-clauses.ts';
import { MEMBER_CLAUSES } from './member-clauses.ts';
import { OFFSET_CLAUSES } from './offset-clauses.ts';
import { OPS } from './ops.ts';
import { BATCH_PROGRAMS } from './programs-batches.ts';
import { GROUP_PROGRAMS } from './programs-groups.ts';
import { OFFSET_PROGRAMS } from './programs-offsets.ts';
import { PULL_PROGRAMS } from './programs-pull.ts';
import { PULL_CLAUSES } from './pull-clauses.ts';
import { goesOn } from './whole-run.ts';

/** What a consumer does: pulling, decoding, offsets, membership, and that every message arrives. */
export const consumer: Family = {
  name: 'consumer',
  clauses: [
    ...PULL_CLAUSES,
    ...FILTER_CLAUSES,
    ...LONG_POLL_CLAUSES,
    goesOn,
    ...BATCH_CLAUSES,
    ...OFFSET_CLAUSES,
    ...DEAD_LETTER_CLAUSES,
    ...GIVEN_UP_CLAUSES,
    ...MEMBER_CLAUSES,
    ...LEASE_CLAUSES,
    ...LEAVE_CLAUSES,
  ],
  programs: [...PULL_PROGRAMS, ...BATCH_PROGRAMS, ...OFFSET_PROGRAMS, ...GROUP_PROGRAMS],
  generated: { consumer: generatedConsumer },
  ops: OPS,
};
