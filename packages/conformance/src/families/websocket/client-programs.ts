import { LIMITS } from '@qanat/core';
import { CLOSE } from '../../ground/websocket/close-codes.ts';
import type { JsonObject } from '../../json.ts';
import type { Program, Step } from '../../play/program.ts';
import { begin, type ClientRole, ONE_BROKER, pass, work } from '../clients/steps.ts';
import { CROWD } from './life-clauses.ts';

const NODES = ['broker-a', 'ns-1', 'ns-2'] as const;
const IDLE_MS = 1_500;

const forClients = (
  name: string,
  steps: (role: ClientRole) => readonly Step[],
  setup: JsonObject = ONE_BROKER,
): readonly Program[] =>
  (['producer', 'consumer'] as const).map((role) => ({
    family: 'websocket',
    name,
    role,
    binding: 'websocket',
    setup,
    steps: steps(role),
  }));

/** A client works, gets something from all its servers one after the other, and has to go on working. */
const disturbed = (name: string, step: JsonObject & { readonly op: string }): readonly Program[] =>
  forClients(name, (role) => [
    begin(role),
    ...work(role),
    ...NODES.flatMap((at): Step[] => [{ ...step, at }, pass(1_500)]),
    ...work(role),
  ]);

const message = (layout: JsonObject): JsonObject & { readonly op: string } => ({ op: 'message', ...layout });

/** Servers that agree to something else than qanat.v1, each once. */
const agreed = (name: string, protocol: string | null): readonly Program[] =>
  forClients(name, (role) => [
    ...NODES.map((at): Step => ({ op: 'agree', at, headers: { 'Sec-WebSocket-Protocol': protocol } })),
    begin(role),
    ...work(role),
    pass(1_600),
    ...work(role),
  ]);

const HEAD_BYTES = 12;
const TOO_LONG = 4 + LIMITS.FRAME_BYTES_MAX + 1;
const SHORT_LIVED = { session: { idleMs: IDLE_MS } };
const PINGS_MS = 250;

export const CLIENT_PROGRAMS: readonly Program[] = [
  ...agreed('servers-agree-to-another-version', 'qanat.v2'),
  ...agreed('servers-agree-to-no-subprotocol', null),
  ...forClients('long-and-short-frames', (role) => [
    begin(role),
    ...work(role, role === 'producer' ? { size: 9_000, count: 6 } : { count: 12 }),
    ...work(role, role === 'producer' ? { size: 40_000, count: 1 } : {}),
  ]),
  ...disturbed('messages-of-servers-in-pieces', message({ pings: 3, each: 5, empty: 2, between: true })),
  ...disturbed('longest-message-of-servers', message({ pings: 1, pad: LIMITS.FRAME_BYTES_MAX - HEAD_BYTES, each: 262_144 })),
  ...disturbed('as-many-pieces-as-everybody-takes', message({ pings: 1, cut: [4], empty: 1_022 })),
  ...disturbed('empty-messages-of-servers', message({})),
  ...disturbed('messages-of-servers-end-inside-frames', message({ pings: 1, extra: '0000000c0003' })),
  ...disturbed('text-of-servers', message({ pings: 1, text: true })),
  ...disturbed('too-long-messages-of-servers', message({ pings: 1, claims: TOO_LONG })),
  ...disturbed('masked-messages-of-servers', message({ pings: 1, breach: 'the wrong mask' })),
  ...disturbed('a-crowd-of-pings-of-servers', { op: 'pings', count: 5 * CROWD }),
  ...forClients(
    'servers-hang-and-ping',
    (role) => [
      begin(role),
      ...work(role),
      { op: 'hangNode', of: 'broker' },
      ...Array.from({ length: 14 }, (): readonly Step[] => [{ op: 'pings', at: 'broker-a' }, pass(PINGS_MS)]).flat(),
      { op: 'resumeNode', of: 'broker' },
      ...work(role),
    ],
    { ...ONE_BROKER, broker: SHORT_LIVED, nameServer: SHORT_LIVED },
  ),
  ...forClients('planned-end', (role) => [
    begin(role),
    ...work(role),
    { op: 'close', client: role === 'consumer' ? 'c' : 'p' },
    pass(2_500),
  ]),
  ...forClients('servers-end-without-a-close-message', (role) => [
    begin(role),
    ...work(role),
    { op: 'endStreams' },
    pass(2_500),
    { op: 'endStreams', of: 'nameserver', node: 0 },
    pass(500),
    { op: 'endStreams', of: 'nameserver', node: 1 },
    pass(2_500),
    ...work(role),
  ]),
  ...forClients('close-codes-of-servers', (role) => [
    begin(role),
    ...work(role),
    ...[CLOSE.normal, CLOSE.goingAway, undefined, CLOSE.internalError, CLOSE.policyViolation, CLOSE.private].flatMap(
      (code): readonly Step[] => [
        { op: 'closeWith', at: 'broker-a', ...(code === undefined ? {} : { code }) },
        pass(300),
        ...work(role),
      ],
    ),
  ]),
];
