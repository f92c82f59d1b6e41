import type { Program } from '../../play/program.ts';
import { BOTH, begin, type ClientRole, meddle, member, ONE_BROKER, pass, programs, work } from './steps.ts';

const setup = ONE_BROKER;
const QUEUES = [0, 1, 2, 3, 4, 5];
/** What a client of a role asks brokers for again and again. */
const mainRequest = (role: ClientRole): string => (role === 'consumer' ? 'CLIENT_HEARTBEAT' : 'SEND');

const error = (role: ClientRole, more: Parameters<typeof meddle>[4]) =>
  meddle('broker-a', mainRequest(role), 'request', 'error', more);

export const REQUEST_PROGRAMS: readonly Program[] = [
  ...programs(
    'answers-get-lost',
    BOTH,
    (role) => [
      begin(role),
      ...work(role),
      meddle('broker-a', mainRequest(role), 'answer', 'drop', { times: 1 }),
      ...work(role),
      pass(7_000),
      ...Array.from({ length: 10 }, () => work(role)).flat(),
    ],
    { setup },
  ),
  ...programs(
    'broker-answers-nothing-but-ping',
    BOTH,
    (role) => [
      begin(role),
      ...work(role),
      ...['CLIENT_HEARTBEAT', 'PULL', 'SEND', 'OFFSET_COMMIT', 'INIT_PRODUCER'].map((frame) =>
        meddle('broker-a', frame, 'answer', 'drop', { times: 100 }),
      ),
      ...(role === 'producer' ? [{ op: 'send', timeoutMs: 30_000 }] : [pass(30_000)]),
      { op: 'leaveAlone' },
      ...work(role),
    ],
    { setup, timing: 'virtual' },
  ),
  ...programs(
    'few-requests-in-flight',
    BOTH,
    (role) => [
      meddle('broker-a', 'HELLO', 'answer', 'alter', { set: { inFlightMax: 2, batchBytesMax: 65_536 }, times: 9 }),
      meddle('broker-a', 'SEND', 'answer', 'delay', { ms: 100, times: 12 }),
      begin(role),
      ...(role === 'producer'
        ? [
            { op: 'send', count: 30, size: 4_000, timeoutMs: 8_000 },
            // There may be one SEND for a queue at a time.
            ...QUEUES.map((queue) => ({ op: 'send', queue: { broker: 'broker-a', queue }, wait: false })),
          ]
        : work(role)),
      pass(3_500),
      ...work(role),
    ],
    { setup: { topics: [{ topic: 'orders', queues: QUEUES.length }], brokers: 1 } },
  ),
  ...programs(
    'answers-overtake-each-other',
    BOTH,
    (role) => [
      // With PING every half a second there is something that overtakes.
      meddle('broker-a', 'HELLO', 'answer', 'alter', { set: { idleMs: 1_500 }, times: 9 }),
      begin(role),
      ...work(role),
      meddle('broker-a', role === 'consumer' ? 'PULL' : 'SEND', 'answer', 'delay', { ms: 900, times: 1 }),
      ...(role === 'producer' ? [{ op: 'send', queue: { broker: 'broker-a', queue: 0 }, wait: false }] : []),
      ...work(role, role === 'producer' ? { queue: { broker: 'broker-a', queue: 1 } } : {}),
      pass(3_500),
      ...work(role),
    ],
    { setup },
  ),
  ...programs(
    'errors-with-a-time-to-wait',
    BOTH,
    (role) => [
      error(role, { number: 5998, retryAfterMs: 1_500, times: 1 }),
      begin(role),
      ...work(role),
      error(role, { number: 3998, message: 'no such thing', times: 1 }),
      error(role, { code: 'NOT_READY', message: 'LEASE_FENCED SUBSCRIPTION_CONFLICT', retryAfterMs: 4_000, times: 1 }),
      ...(role === 'consumer'
        ? [
            meddle('broker-a', 'PULL', 'request', 'error', { code: 'BROKER_BUSY', retryAfterMs: 700, times: 1 }),
            meddle('broker-a', 'OFFSET_COMMIT', 'request', 'error', { code: 'NOT_READY', retryAfterMs: 2_500, times: 1 }),
          ]
        : []),
      ...work(role),
      ...work(role),
      pass(4_500),
      ...work(role),
    ],
    { setup, timing: 'virtual' },
  ),
  ...programs(
    'errors-of-unknown-numbers',
    BOTH,
    (role) => [
      error(role, { number: 5998, message: 'SUBSCRIPTION_CONFLICT', times: 1 }),
      begin(role),
      ...work(role),
      error(role, { number: 6997, times: 1, retryAfterMs: 600 }),
      error(role, { code: 'STORAGE_REJECTED', message: 'SUBSCRIPTION_CONFLICT: go away', times: 1 }),
      pass(3_200),
      ...work(role),
      pass(3_500),
    ],
    { setup },
  ),
  ...programs(
    'refused-for-good',
    BOTH,
    (role) => [
      error(role, { number: 4998, message: 'NOT_READY', times: 3 }),
      begin(role),
      ...(role === 'producer' ? [{ op: 'send', timeoutMs: 3_000 }] : [pass(3_500)]),
      { op: 'leaveAlone' },
      error(role, { number: 9998, message: 'NOT_READY', times: 3 }),
      ...(role === 'producer' ? [{ op: 'send', timeoutMs: 3_000 }] : [member('d'), pass(1_000)]),
      pass(3_200),
    ],
    { setup },
  ),
  ...programs(
    'outcomes-of-sends',
    ['producer'],
    () => [
      begin('producer'),
      { op: 'send' },
      meddle('broker-a', 'SEND', 'answer', 'drop', { times: 3 }),
      { op: 'send', timeoutMs: 1_500 },
      { op: 'leaveAlone' },
      meddle('broker-a', 'SEND', 'request', 'takeAndClose', { times: 1 }),
      { op: 'send', timeoutMs: 6_000 },
      { op: 'killNode' },
      pass(300),
      { op: 'start', client: 'q' },
      { op: 'send', client: 'q', timeoutMs: 1_500 },
    ],
    { setup },
  ),
];
