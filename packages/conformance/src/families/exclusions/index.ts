import type { Role } from '../../driver/driver.ts';
import { BRIDGE_EXCLUSIONS } from './bridge.ts';
import { CLIENT_EXCLUSIONS, CONSUMER_EXCLUSIONS } from './clients.ts';
import { CONNECTION_EXCLUSIONS } from './connection.ts';
import { CONSUME_EXCLUSIONS } from './consume.ts';
import { BROKER_DIALLING_EXCLUSIONS, NAME_SERVER_DIALLING_EXCLUSIONS } from './dialling.ts';
import { EVERYWHERE_EXCLUSIONS } from './everywhere.ts';
import { FRAMING_EXCLUSIONS } from './framing.ts';
import { KEYED_STATE_CLIENT_EXCLUSIONS, KEYED_STATE_EXCLUSIONS } from './keyed-state.ts';
import { NAME_SERVER_EXCLUSIONS } from './name-server.ts';
import { PRODUCE_EXCLUSIONS } from './produce.ts';
import { PRODUCER_EXCLUSIONS } from './producer.ts';
import { REPLICATION_EXCLUSIONS } from './replication.ts';
import { BROKER_LOGIN_EXCLUSIONS, NAME_SERVER_LOGIN_EXCLUSIONS, SECURITY_EXCLUSIONS } from './security.ts';
import { WEBSOCKET_CLIENT_EXCLUSIONS, WEBSOCKET_SERVER_EXCLUSIONS } from './websocket.ts';

type Reasons = Readonly<Record<string, string>>;

const SERVERS: readonly Role[] = ['nameserver', 'broker'];
const CLIENTS: readonly Role[] = ['producer', 'consumer'];
const EVERYBODY: readonly Role[] = [...SERVERS, ...CLIENTS];

/** Requirements that no kit can observe from outside, each with its reason, by the roles of which that is so. */
const TABLES: readonly { readonly roles: readonly Role[]; readonly reasons: Reasons }[] = [
  { roles: EVERYBODY, reasons: EVERYWHERE_EXCLUSIONS },
  { roles: SERVERS, reasons: SECURITY_EXCLUSIONS },
  { roles: ['nameserver'], reasons: NAME_SERVER_LOGIN_EXCLUSIONS },
  { roles: ['broker'], reasons: BROKER_LOGIN_EXCLUSIONS },
  { roles: SERVERS, reasons: CONNECTION_EXCLUSIONS },
  { roles: SERVERS, reasons: FRAMING_EXCLUSIONS },
  { roles: ['broker'], reasons: REPLICATION_EXCLUSIONS },
  { roles: ['nameserver'], reasons: NAME_SERVER_EXCLUSIONS },
  { roles: ['nameserver'], reasons: NAME_SERVER_DIALLING_EXCLUSIONS },
  { roles: ['broker'], reasons: BROKER_DIALLING_EXCLUSIONS },
  { roles: ['broker'], reasons: PRODUCE_EXCLUSIONS },
  { roles: ['broker'], reasons: CONSUME_EXCLUSIONS },
  { roles: ['broker'], reasons: KEYED_STATE_EXCLUSIONS },
  { roles: EVERYBODY, reasons: KEYED_STATE_CLIENT_EXCLUSIONS },
  { roles: CLIENTS, reasons: CLIENT_EXCLUSIONS },
  { roles: SERVERS, reasons: WEBSOCKET_SERVER_EXCLUSIONS },
  { roles: CLIENTS, reasons: WEBSOCKET_CLIENT_EXCLUSIONS },
  { roles: ['producer'], reasons: PRODUCER_EXCLUSIONS },
  { roles: ['consumer'], reasons: CONSUMER_EXCLUSIONS },
  { roles: ['bridge'], reasons: BRIDGE_EXCLUSIONS },
];

/** Why a requirement cannot be observed of a role. Where there is a clause for the role, the clause counts. */
export const exclusionOf = (id: string, role: Role): string | undefined =>
  TABLES.find(({ roles, reasons }) => roles.includes(role) && reasons[id] !== undefined)?.reasons[id];
