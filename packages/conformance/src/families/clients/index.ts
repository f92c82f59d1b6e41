import type { Family } from '../../play/family.ts';
import { CONNECTION_CLAUSES } from './connection-clauses.ts';
import { CORRELATION_CLAUSES } from './correlation-clauses.ts';
import { ERROR_CLAUSES } from './error-clauses.ts';
import { FRAME_CLAUSES } from './frame-clauses.ts';
import { JOINED_CLAUSES } from './joined-clauses.ts';
import { LIMIT_CLAUSES } from './limit-clauses.ts';
import { NAME_CLAUSES } from './name-clauses.ts';
import { PREFACE_CLAUSES } from './preface-clauses.ts';
import { CONNECTION_PROGRAMS } from './programs-connection.ts';
import { FRAME_PROGRAMS } from './programs-frames.ts';
import { NONSENSE_PROGRAMS } from './programs-nonsense.ts';
import { REQUEST_PROGRAMS } from './programs-requests.ts';
import { ROUTE_PROGRAMS } from './programs-routes.ts';
import { STRANGER_PROGRAMS } from './programs-strangers.ts';
import { RECEIVING_CLAUSES } from './receiving-clauses.ts';
import { ROUTE_CLAUSES } from './route-clauses.ts';
import { SENDING_CLAUSES } from './sending-clauses.ts';
import { secondTable } from './state-clauses.ts';

/** What binds every client, whatever it is for: connections, frames, correlation, errors, limits, keepalive, routes. */
export const clients: Family = {
  name: 'clients',
  clauses: [
    ...CONNECTION_CLAUSES,
    ...FRAME_CLAUSES,
    ...JOINED_CLAUSES,
    ...CORRELATION_CLAUSES,
    ...ERROR_CLAUSES,
    ...LIMIT_CLAUSES,
    ...ROUTE_CLAUSES,
    ...SENDING_CLAUSES,
    ...RECEIVING_CLAUSES,
    ...PREFACE_CLAUSES,
    ...NAME_CLAUSES,
    secondTable,
  ],
  programs: [
    ...CONNECTION_PROGRAMS,
    ...FRAME_PROGRAMS,
    ...REQUEST_PROGRAMS,
    ...ROUTE_PROGRAMS,
    ...NONSENSE_PROGRAMS,
    ...STRANGER_PROGRAMS,
  ],
};
