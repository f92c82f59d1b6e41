import type { Family } from '../../play/family.ts';
import { BATCH_CLAUSES } from './batch-clauses.ts';
import { BATCH_PROGRAMS } from './batch-programs.ts';
import { DURABILITY_CLAUSES } from './durability-clauses.ts';
import { DURABILITY_PROGRAMS } from './durability-programs.ts';
import { STEPS } from './generated.ts';
import { LOG_CLAUSES } from './log-clauses.ts';
import { PRODUCE_OPS } from './operations.ts';
import { PRODUCER_CLAUSES } from './producer-clauses.ts';
import { PRODUCER_PROGRAMS } from './producer-programs.ts';
import { SEND_CLAUSES } from './send-clauses.ts';
import { SEQUENCE_CLAUSES } from './sequence-clauses.ts';
import { SEQUENCE_PROGRAMS } from './sequence-programs.ts';

/**
 * How messages are stored once, in order, and what an acknowledgement means: chapters 10, 11 and 16, as far as they bind
 * brokers.
 */
export const produce: Family = {
  name: 'produce',
  clauses: [...SEND_CLAUSES, ...SEQUENCE_CLAUSES, ...PRODUCER_CLAUSES, ...BATCH_CLAUSES, ...DURABILITY_CLAUSES, ...LOG_CLAUSES],
  programs: [...BATCH_PROGRAMS, ...SEQUENCE_PROGRAMS, ...PRODUCER_PROGRAMS, ...DURABILITY_PROGRAMS],
  generated: { broker: { alone: true, steps: STEPS } },
  ops: PRODUCE_OPS,
};
