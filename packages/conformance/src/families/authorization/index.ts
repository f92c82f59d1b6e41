import type { Family } from '../../play/family.ts';
import { BROKER_PROGRAMS } from './broker-programs.ts';
import { GENERATED } from './generated.ts';
import { NAME_SERVER_PROGRAMS } from './name-server-programs.ts';
import { OWNERSHIP_CLAUSES } from './ownership-clauses.ts';
import { RATE_CLAUSE } from './rate-clause.ts';
import { ROUTE_CLAUSES } from './route-clauses.ts';
import { RULE_CLAUSES } from './rule-clauses.ts';

/** Who may do what: chapter 22 of the specification. */
export const authorization: Family = {
  name: 'authorization',
  clauses: [...RULE_CLAUSES, ...ROUTE_CLAUSES, ...OWNERSHIP_CLAUSES, RATE_CLAUSE],
  programs: [...NAME_SERVER_PROGRAMS, ...BROKER_PROGRAMS],
  generated: GENERATED,
};
