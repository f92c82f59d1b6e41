import type { Family, Op } from '../../play/family.ts';
import { PRODUCE_OPS } from '../produce/operations.ts';
import { KEYED_STATE_CLAUSES } from './analysis.ts';
import { DEDUP_PROGRAMS } from './dedup-programs.ts';
import { generated } from './generated.ts';
import { STATE_PROGRAMS } from './programs.ts';
import { RESTART_PROGRAMS } from './restart-programs.ts';

/** What a queue keeps beside its messages, and sends that are stored once: chapter 23 of the specification. */
export const keyedState: Family = {
  name: 'keyed-state',
  clauses: KEYED_STATE_CLAUSES,
  programs: [...STATE_PROGRAMS, ...RESTART_PROGRAMS, ...DEDUP_PROGRAMS],
  generated: { broker: generated },
  ops: { die: PRODUCE_OPS.die as Op },
};
