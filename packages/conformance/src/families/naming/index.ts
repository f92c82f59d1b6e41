import type { Family } from '../../play/family.ts';
import { BROKER_CLAUSES } from './broker-clauses.ts';
import { BROKER_PROGRAMS } from './broker-programs.ts';
import { NAME_SERVER_PROGRAMS, REGISTERING_PROGRAMS } from './generated.ts';
import { NAMING_OPS } from './ops.ts';
import { QUERY_CLAUSES } from './query-clauses.ts';
import { REGISTRATION_CLAUSES } from './registration-clauses.ts';
import { ROUTE_PROGRAMS } from './route-programs.ts';
import { TABLE_PROGRAMS } from './table-programs.ts';
import { WATCH_CLAUSES } from './watch-clauses.ts';

export const naming: Family = {
  name: 'naming',
  clauses: [...REGISTRATION_CLAUSES, ...QUERY_CLAUSES, ...WATCH_CLAUSES, ...BROKER_CLAUSES],
  programs: [...TABLE_PROGRAMS, ...ROUTE_PROGRAMS, ...BROKER_PROGRAMS],
  generated: { nameserver: NAME_SERVER_PROGRAMS, broker: REGISTERING_PROGRAMS },
  ops: NAMING_OPS,
};
