import { LIMITS } from '@qanat/core';
import { hexOf, type JsonObject } from '../../json.ts';
import type { Program, Step } from '../../play/program.ts';
import { BOTH, begin, type ClientRole, meddle, ORDERS, pass, programs, work } from './steps.ts';

/** The first bytes of a frame that says so of itself. */
function head(length: number, controlLength: number): string {
  const bytes = new DataView(new ArrayBuffer(16));
  bytes.setUint32(0, length);
  bytes.setUint16(4, 3);
  bytes.setUint32(8, 2);
  bytes.setUint32(12, controlLength);
  return hexOf(new Uint8Array(bytes.buffer));
}

const CONTROL_BYTES = LIMITS.CONTROL_HEADER_BYTES_MAX + 1;

const NONSENSE: readonly JsonObject[] = [
  { hex: head(11, 0).slice(0, 8) },
  { hex: head(20, 100), zeros: 8 },
  // Nothing behind the length is waited for.
  { hex: head(LIMITS.FRAME_BYTES_MAX + 1, 0).slice(0, 8) },
  { hex: head(12 + CONTROL_BYTES, CONTROL_BYTES), zeros: CONTROL_BYTES },
];

/** A field of 127 bytes, of which two are there. */
const CUT_FIELD = '0a7f0000';
/** HELLO_OK once more with `idle_ms`, 1,500. */
const IDLE_MS_AGAIN = '58dc0b';

const nonsense = (role: ClientRole, bytes: JsonObject): readonly Step[] => [
  { op: 'push', of: 'broker', ...bytes },
  pass(1_500),
  ...work(role, role === 'producer' ? { count: 8 } : {}),
];

export const NONSENSE_PROGRAMS: readonly Program[] = [
  ...programs('bytes-that-are-no-frames', BOTH, (role) => [
    begin(role),
    ...work(role, role === 'producer' ? { count: 8 } : {}),
    ...NONSENSE.flatMap((bytes) => nonsense(role, bytes)),
    { op: 'push', of: 'nameserver', ...NONSENSE[0] },
    pass(1_500),
  ]),
  ...programs('headers-that-are-no-messages', BOTH, (role) => [
    begin(role),
    ...work(role),
    meddle('*', role === 'consumer' ? 'PULL' : 'SEND', 'answer', 'alter', { extra: CUT_FIELD }),
    ...work(role),
    pass(1_500),
  ]),
  ...programs('lists-that-do-not-end', BOTH, (role) => [
    meddle('*', 'ROUTE_QUERY', 'answer', 'endless', { count: LIMITS.MORE_FRAMES_MAX + 1 }),
    begin(role),
    ...work(role),
    pass(1_500),
  ]),
  ...programs('a-field-that-comes-twice', BOTH, (role) => [
    meddle('*', 'HELLO', 'answer', 'alter', { set: { idleMs: 60_000 }, extra: IDLE_MS_AGAIN, times: 20 }),
    begin(role),
    ...work(role),
    pass(2_500),
  ]),
  ...programs(
    'topics-of-almost-one-name',
    BOTH,
    (role) => [
      begin(role, undefined, role === 'consumer' ? { subscriptions: [{ topic: '~orders' }, { topic: '~Orders' }] } : {}),
      ...work(role),
      ...work(role, { topic: '~Orders' }),
      ...work(role),
    ],
    { setup: { topics: [...ORDERS.topics, { topic: 'Orders', queues: 2 }] } },
  ),
];
