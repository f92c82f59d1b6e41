import type { Family } from '../../play/family.ts';
import { BEFORE_CLAUSES } from './before-clauses.ts';
import { CLIENT_CLAUSES } from './client-clauses.ts';
import { CLIENT_PROGRAMS, CLUSTER_OPS } from './client-programs.ts';
import { FAILING_CLAUSES } from './failing-clauses.ts';
import { GENERATED } from './generated.ts';
import { KNOWN_CLAUSES } from './known-clauses.ts';
import { NONCE_CLAUSES } from './nonce-clause.ts';
import { OFFER_CLAUSES } from './offer-clauses.ts';
import { SERVER_PROGRAMS } from './server-programs.ts';

/** Who is there, and how that is made sure of: chapter 21 of the specification, of servers and of those who log in. */
export const authentication: Family = {
  name: 'authentication',
  clauses: [...OFFER_CLAUSES, ...BEFORE_CLAUSES, ...FAILING_CLAUSES, ...KNOWN_CLAUSES, ...NONCE_CLAUSES, ...CLIENT_CLAUSES],
  programs: [...SERVER_PROGRAMS, ...CLIENT_PROGRAMS],
  generated: { nameserver: GENERATED, broker: GENERATED },
  ops: CLUSTER_OPS,
};
