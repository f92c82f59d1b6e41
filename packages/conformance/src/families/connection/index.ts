import type { Family } from '../../play/family.ts';
import { BROKER_AS_CLIENT_CLAUSES } from './broker-as-client.ts';
import { ERROR_CLAUSES } from './errors.ts';
import { GENERATED } from './generated.ts';
import { HELLO_CLAUSES } from './hello.ts';
import { IN_FLIGHT_CLAUSES } from './in-flight.ts';
import { KEEPALIVE_CLAUSES } from './keepalive.ts';
import { LIMIT_CLAUSES } from './limits.ts';
import { CONNECTION_OPS } from './operations.ts';
import { PAUSE_CLAUSES } from './pauses.ts';
import { PROGRAMS } from './programs.ts';
import { REFUSED_CLAUSES } from './refused-effects.ts';
import { STALL_CLAUSES } from './stalls.ts';
import { STATE_CLAUSES } from './states.ts';
import { STRANGER_CLAUSES } from './strangers.ts';

/** What servers do with connections: chapters 03 to 07, 18 and 19 of the specification. */
export const connection: Family = {
  name: 'connection',
  clauses: [
    ...HELLO_CLAUSES,
    ...STATE_CLAUSES,
    ...IN_FLIGHT_CLAUSES,
    ...ERROR_CLAUSES,
    ...REFUSED_CLAUSES,
    ...LIMIT_CLAUSES,
    ...KEEPALIVE_CLAUSES,
    ...STALL_CLAUSES,
    ...PAUSE_CLAUSES,
    ...STRANGER_CLAUSES,
    ...BROKER_AS_CLIENT_CLAUSES,
  ],
  programs: PROGRAMS,
  generated: GENERATED,
  ops: CONNECTION_OPS,
};
