import type { Family } from '../../play/family.ts';
import { CONNECTION_CLAUSES } from './connection-clauses.ts';
import { CORRELATION_CLAUSES } from './correlation-clauses.ts';
import { ERROR_CLAUSES } from './error-clauses.ts';
import { FRAME_CLAUSES } from './frame-clauses.ts';
import { JOINED_CLAUSES } from './joined-clauses.ts';
import { LIMIT_CLAUSES } from './limit-clauses.ts';
import { NAME_CLAUSES } from './name-clauses.ts';
import { CONNECTION_PROGRAMS } from './programs-connection.ts';
import { FRAME_PROGRAMS } from './programs-frames.ts';
import { NAME_PROGRAMS } from './programs-names.ts';
import { RECEIVED_PROGRAMS } from './programs-received.ts';
import { REQUEST_PROGRAMS } from './programs-requests.ts';
import { ROUTE_PROGRAMS } from './programs-routes.ts';
import { TCP_PROGRAMS } from './programs-tcp.ts';
import { RECEIVED_FRAME_CLAUSES } from './received-frames-clauses.ts';
import { REFUSED_CLAUSES } from './refused-clauses.ts';
import { ROUTE_CLAUSES } from './route-clauses.ts';
import { SENT_FRAME_CLAUSES } from './sent-frames-clauses.ts';
import { STRANGER_CLAUSES } from './stranger-clauses.ts';
import { TCP_CLAUSES } from './tcp-clauses.ts';

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
    ...RECEIVED_FRAME_CLAUSES,
    ...REFUSED_CLAUSES,
    ...SENT_FRAME_CLAUSES,
    ...STRANGER_CLAUSES,
    ...NAME_CLAUSES,
    ...TCP_CLAUSES,
  ],
  programs: [
    ...CONNECTION_PROGRAMS,
    ...FRAME_PROGRAMS,
    ...REQUEST_PROGRAMS,
    ...ROUTE_PROGRAMS,
    ...RECEIVED_PROGRAMS,
    ...NAME_PROGRAMS,
    ...TCP_PROGRAMS,
  ],
};
