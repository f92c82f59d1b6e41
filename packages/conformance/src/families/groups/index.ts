import type { Family } from '../../play/family.ts';
import { GENERATED } from './generated.ts';
import { GIVING_CLAUSES } from './giving-clauses.ts';
import { LEASE_CLAUSES } from './lease-clauses.ts';
import { MEMBER_CLAUSES } from './member-clauses.ts';
import { GROUP_OPS } from './ops.ts';
import { PROGRAMS } from './programs.ts';
import { RESTART_CLAUSES } from './restart-clauses.ts';
import { SUBSCRIPTION_CLAUSES } from './subscription-clauses.ts';
import { TARGET_CLAUSES } from './target-clauses.ts';

/** How brokers divide their queues among the members of groups, and hand them over. */
export const groups: Family = {
  name: 'groups',
  clauses: [
    ...MEMBER_CLAUSES,
    ...SUBSCRIPTION_CLAUSES,
    ...TARGET_CLAUSES,
    ...LEASE_CLAUSES,
    ...GIVING_CLAUSES,
    ...RESTART_CLAUSES,
  ],
  programs: PROGRAMS,
  generated: { broker: GENERATED },
  ops: GROUP_OPS,
};
