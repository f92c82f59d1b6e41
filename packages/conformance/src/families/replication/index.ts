import type { Family, Op } from '../../play/family.ts';
import { PRODUCE_OPS } from '../produce/operations.ts';
import { GROUP_CLAUSES } from './group-clauses.ts';
import { NAME_SERVER_PROGRAMS } from './name-server-programs.ts';
import { RECORD_CLAUSES } from './record-clauses.ts';

/** Replicas of a broker, and what NameServers know of them: chapter 25 of the specification, and of chapters 08 and 09. */
export const replication: Family = {
  name: 'replication',
  clauses: [...RECORD_CLAUSES, ...GROUP_CLAUSES],
  programs: NAME_SERVER_PROGRAMS,
  ops: { die: PRODUCE_OPS.die as Op },
};
