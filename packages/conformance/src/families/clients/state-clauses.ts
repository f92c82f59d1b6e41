import type { Clause } from '../../clause/clause.ts';
import { CONNECTION_CLAUSES } from './connection-clauses.ts';
import { CORRELATION_CLAUSES } from './correlation-clauses.ts';
import { LIMIT_CLAUSES } from './limit-clauses.ts';
import { CLIENTS } from './roles.ts';

/** The rows of the table of states, as far as they are requirements of their own. */
const ROWS = ['QNT-CON-001', 'QNT-CON-002', 'QNT-CON-012', 'QNT-CON-020', 'QNT-COR-010', 'QNT-KAL-004'];

const rows = [...CONNECTION_CLAUSES, ...CORRELATION_CLAUSES, ...LIMIT_CLAUSES].filter(({ id }) => ROWS.includes(id));

/** The whole table: whoever breaks a row breaks it. */
export const secondTable: Clause = {
  id: 'QNT-CON-016',
  roles: CLIENTS,
  check(view, judge) {
    for (const row of rows) row.check(view, judge);
  },
};
