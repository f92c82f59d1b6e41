import type { Family } from '../../play/family.ts';
import { CLIENT_CLAUSES } from './client-clauses.ts';
import { CLIENT_PROGRAMS } from './client-programs.ts';
import { generatedClient, generatedServer } from './generated.ts';
import { LIFE_CLAUSES } from './life-clauses.ts';
import { WEBSOCKET_OPS } from './ops.ts';
import { SERVER_PROGRAMS } from './programs.ts';
import { RECEIVED_CLAUSES } from './received-clauses.ts';
import { SENT_CLAUSES } from './sent-clauses.ts';
import { UPGRADE_CLAUSES } from './upgrade-clauses.ts';

/** The binding to WebSocket: the upgrade, messages and their pieces, pings and ends, of servers and of clients. */
export const websocket: Family = {
  name: 'websocket',
  clauses: [...UPGRADE_CLAUSES, ...SENT_CLAUSES, ...RECEIVED_CLAUSES, ...LIFE_CLAUSES, ...CLIENT_CLAUSES],
  programs: [...SERVER_PROGRAMS, ...CLIENT_PROGRAMS],
  generated: {
    nameserver: generatedServer,
    broker: generatedServer,
    producer: generatedClient('producer'),
    consumer: generatedClient('consumer'),
  },
  ops: WEBSOCKET_OPS,
};
