import type { JsonObject } from '../../json.ts';
import { CLIENT_OPS } from '../../play/client-ops.ts';
import type { Op } from '../../play/family.ts';
import type { Program, Step } from '../../play/program.ts';
import { BOTH, begin, type ClientRole, meddle, ONE_BROKER, pass, work } from '../clients/steps.ts';
import { ANN } from './people.ts';

/** Whom the kit's servers know, besides each other. */
const KNOWN = { ...ONE_BROKER, nameServers: 1, users: [ANN] };
const CREDENTIALS = { user: ANN.name, password: ANN.password };

const program = (name: string, role: Program['role'], steps: readonly Step[], setup: JsonObject): Program => ({
  family: 'authentication',
  name,
  role,
  setup,
  steps,
  needs: role === 'broker' ? ['register', 'credentials'] : ['credentials'],
});

const ofClients = (name: string, steps: (role: ClientRole) => readonly Step[], setup: JsonObject = KNOWN): readonly Program[] =>
  BOTH.map((role) => program(name, role, steps(role), setup));

/** A broker has begun before the first step: what is meddled with is its next connection. */
const ofBroker = (name: string, steps: readonly Step[], kit: JsonObject): Program =>
  program(name, 'broker', steps, { kit: { nameServers: 1, ...kit }, credentials: CREDENTIALS });

const start = (role: ClientRole, more: JsonObject = {}): Step =>
  begin(role, undefined, { credentials: CREDENTIALS, wait: false, ...more });

const AGAIN: Step = { op: 'breakOff', of: 'nameserver' };
const MANY = { times: 1_000 };
const lie = (attributes: JsonObject): Step => meddle('*', 'AUTH', 'answer', 'scram', { attributes, ...MANY });

/** What servers of the kit put behind the nonce of a client. */
const OWN_NONCE_CHARACTERS = 24;

/** What a server says that is not to be trusted. */
const LIES: readonly (readonly [name: string, attributes: JsonObject])[] = [
  ['another-signature', { v: 'AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=' }],
  ['no-signature', { v: null }],
  ['a-cut-signature', { v: 'AAAA' }],
  ['another-nonce', { r: 'a-nonce-that-nobody-has-said' }],
  ['no-nonce-of-its-own', { r: OWN_NONCE_CHARACTERS }],
  ['no-salt', { s: '' }],
  ['few-rounds', { i: '4095' }],
  ['no-rounds', { i: '0' }],
  ['many-rounds', { i: '1000001' }],
];

/** HELLO as a client without credentials says it: a server that does not ask takes it. */
const AS_ONE_WHO_DOES_NOT_ASK = meddle('*', 'HELLO', 'request', 'alter', {
  set: { features: [], requiredFeatures: [] },
  ...MANY,
});

export const CLIENT_PROGRAMS: readonly Program[] = [
  ...ofClients('logs-in', (role) => [start(role, { wait: true }), ...work(role), pass(100)]),
  ...ofClients('auth-takes-long', (role) => [
    meddle('*', 'AUTH', 'answer', 'delay', { ms: 300, ...MANY }),
    start(role, { wait: true }),
    ...work(role, { wait: false }),
    pass(2_500),
  ]),
  ...ofClients('a-server-that-knows-no-auth', (role) => [start(role), pass(1_500)], { ...ONE_BROKER, nameServers: 1 }),
  ...ofClients('a-server-that-does-not-ask', (role) => [AS_ONE_WHO_DOES_NOT_ASK, start(role), pass(1_500)], {
    ...ONE_BROKER,
    nameServers: 1,
  }),
  ...LIES.flatMap(([name, attributes]) => ofClients(name, (role) => [lie(attributes), start(role), pass(2_000)])),
  ...ofClients('refused-again-and-again', (role) => [
    start(role, { credentials: { ...CREDENTIALS, password: 'x' } }),
    ...(role === 'producer' ? [{ op: 'send', wait: false, timeoutMs: 3_000 }] : []),
    pass(8_000),
  ]),
  ofBroker('a-broker-logs-in', [pass(300), AGAIN, pass(1_000)], { users: [ANN] }),
  ofBroker('a-name-server-that-knows-no-auth', [pass(1_500)], {}),
  ofBroker('a-name-server-that-does-not-ask', [AS_ONE_WHO_DOES_NOT_ASK, AGAIN, pass(2_500)], {}),
  ofBroker('auth-of-a-broker-takes-long', [meddle('*', 'AUTH', 'answer', 'delay', { ms: 300, ...MANY }), AGAIN, pass(2_500)], {
    users: [ANN],
  }),
  ...LIES.map(([name, attributes]) =>
    ofBroker(`a-name-server-with-${name}`, [lie(attributes), AGAIN, pass(2_500)], { users: [ANN] }),
  ),
];

/** What the kit's own cluster does is an operation for clients; here brokers are clients too. */
export const CLUSTER_OPS: Readonly<Record<string, Op>> = {
  meddle: CLIENT_OPS.meddle as Op,
  breakOff: CLIENT_OPS.breakOff as Op,
};
