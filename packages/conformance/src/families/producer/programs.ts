import type { JsonObject } from '../../json.ts';
import type { Program, Step } from '../../play/program.ts';

const ORDERS = { topics: [{ topic: 'orders', queues: 2 }] };
const ONE = { ...ORDERS, brokers: 1 };
const LETTERS = Array.from({ length: 12 }, (_, i) => `order-${i}`);

const program = (name: string, steps: readonly Step[], more: Partial<Program> = {}): Program => ({
  family: 'producer',
  name,
  role: 'producer',
  setup: ORDERS,
  ...more,
  steps: [start(), ...steps],
});

function start(options?: JsonObject, client = 'p'): Step {
  return { op: 'start', client, ...(options === undefined ? {} : { options }) };
}

const put = (more: JsonObject = {}): Step => ({ op: 'put', ...more });
const pass = (ms: number): Step => ({ op: 'pass', ms });
const fine: Step = { op: 'leaveAlone' };
const meddle = (frame: string, way: string, what: string, more: JsonObject = {}): Step => ({
  op: 'meddle',
  at: '*',
  frame,
  way,
  do: what,
  ...more,
});
const refuse = (code: string, more: JsonObject = {}): Step => meddle('SEND', 'request', 'error', { code, ...more });

export const PLACING_PROGRAMS: readonly Program[] = [
  program('keys-have-their-queues', [put({ count: 12, keys: LETTERS }), put({ count: 2, keys: ['ключ', '🜁 x'] })]),
  program('a-batch-of-many-keys', [put({ batch: 12, keys: LETTERS }), put({ batch: 6, keys: ['a', ''] })], { needs: ['batch'] }),
  program('keys-at-three-brokers', [put({ count: 8, keys: LETTERS })], { setup: { ...ORDERS, brokers: 3 } }),
  program('keys-wait-for-a-killed-broker', [
    put({ count: 8, keys: LETTERS }),
    { op: 'killNode', node: 0 },
    pass(300),
    put({ count: 8, keys: LETTERS, timeoutMs: 2_000 }),
    put({ count: 8, keys: LETTERS, timeoutMs: 15_000, wait: false }),
    pass(1_000),
    { op: 'startNode', node: 0 },
    put({ count: 2, keys: LETTERS, timeoutMs: 12_000 }),
    pass(500),
  ]),
  program('keys-wait-for-a-broker-that-is-called-away', [
    meddle('ROUTE_QUERY', 'answer', 'unname', { brokers: ['broker-a'], away: true, times: 99 }),
    meddle('ROUTE_UPDATE', 'push', 'unname', { brokers: ['broker-a'], away: true, times: 99 }),
    start(undefined, 'q'),
    put({ client: 'q', count: 8, keys: LETTERS, timeoutMs: 3_000 }),
    ...Array.from({ length: 4 }, () => put({ client: 'q' })),
  ]),
  program(
    'without-keys-all-queues-in-turn',
    Array.from({ length: 10 }, () => put()),
  ),
  program('a-queue-that-its-caller-names', [
    ...[0, 1, 1].map((queue) => put({ queue: { broker: 'broker-b', queue } })),
    put({ queue: { broker: 'broker-a', queue: 1 } }),
    put({ queue: { broker: 'broker-b', queue: 1 }, keys: ['a', 'order-3', 'order-5'], count: 3 }),
  ]),
  program('queues-are-added', [
    put({ keys: LETTERS, count: 4 }),
    { op: 'addQueues', queues: 4 },
    pass(1_500),
    put({ keys: LETTERS, count: 8 }),
  ]),
];

export const BATCH_PROGRAMS: readonly Program[] = [
  program('tags-keys-and-properties', [
    put({ tags: ['paid', '', 'shipped'], keys: ['', 'a'], properties: { v: '1', '': 'x', größe: 'ü' }, count: 6 }),
    put({ tags: ['x'.repeat(127), 'ä b'], count: 2 }),
    put({ keys: ['k'.repeat(255), 'ж'.repeat(127)], count: 2 }),
  ]),
  program(
    'tags-and-keys-in-some-records',
    [put({ batch: 6, tags: ['paid', ''] }), put({ batch: 6, keys: ['', 'a'] }), put({ batch: 3 })],
    { needs: ['batch'] },
  ),
  program(
    'tags-that-are-none',
    ['a|b', ' a', 'a ', '*', 'a\u0001', '\u007f', 'x'.repeat(128), 'ä'.repeat(64)].map((tag) =>
      put({ tags: [tag], timeoutMs: 2_000 }),
    ),
  ),
  program('keys-that-are-too-long', [
    put({ keys: ['k'.repeat(256)], timeoutMs: 2_000 }),
    put({ keys: ['ж'.repeat(128)], timeoutMs: 2_000 }),
  ]),
  program('more-records-than-a-batch-holds', [put({ batch: 4_100, timeoutMs: 15_000 })], { setup: ONE, needs: ['batch'] }),
  {
    ...program('compressed-batches', []),
    steps: [
      start({ compress: true, compressFromBytes: 0 }),
      put({ bytes: 2_000, keys: ['a'] }),
      put({ bytes: 2_000, tags: ['t'] }),
      // Too short for deflate to help.
      put(),
      put({ bytes: 20 }),
    ],
  },
];

export const OUTCOME_PROGRAMS: readonly Program[] = [
  program('the-answer-is-lost-with-its-connection', [
    put(),
    meddle('SEND', 'request', 'takeAndClose', { times: 1 }),
    put(),
    put({ keys: ['a'], count: 2 }),
    meddle('SEND', 'request', 'close', { times: 1 }),
    put({ keys: ['a'] }),
    put({ count: 3 }),
  ]),
  program('unknown-until-the-deadline', [
    put({ keys: ['a'] }),
    meddle('SEND', 'request', 'drop', { times: 99 }),
    put({ keys: ['a'], timeoutMs: 1_500 }),
    put({ timeoutMs: 1_500 }),
    fine,
    // Numbered as if those were stored: a gap tells that they are not.
    put({ keys: ['a'], count: 3 }),
    put({ count: 4 }),
  ]),
  program(
    'refused-after-an-unknown-attempt',
    [
      put(),
      meddle('SEND', 'request', 'takeAndClose', { times: 1 }),
      refuse('DISK_FULL', { times: 2 }),
      put(),
      meddle('SEND', 'request', 'close', { times: 1 }),
      refuse('BATCH_TOO_LARGE', { times: 99 }),
      put({ timeoutMs: 4_000 }),
      fine,
      put({ count: 2 }),
    ],
    { setup: ONE },
  ),
  program('storage-failed', [
    put(),
    refuse('STORAGE_FAILED', { times: 2 }),
    put({ count: 2 }),
    refuse('STORAGE_FAILED', { times: 99 }),
    put({ timeoutMs: 2_000 }),
    put({ keys: ['a'], timeoutMs: 2_000 }),
    fine,
    put({ count: 2 }),
  ]),
  program('a-broker-hangs', [
    put({ count: 2, keys: ['a', 'order-3'] }),
    { op: 'hangNode', node: 0 },
    put({ count: 4, keys: LETTERS, timeoutMs: 2_500 }),
    { op: 'resumeNode', node: 0 },
    put({ count: 4, keys: LETTERS, timeoutMs: 12_000 }),
  ]),
  program('refused-for-now', [
    put(),
    refuse('BROKER_BUSY', { retryAfterMs: 200, times: 2 }),
    put({ keys: ['a'] }),
    refuse('NOT_READY', { times: 1 }),
    put(),
    refuse('DISK_FULL', { times: 99 }),
    put({ keys: ['a'], timeoutMs: 1_500 }),
    put({ timeoutMs: 1_500 }),
    fine,
    put({ count: 2 }),
  ]),
  program('refused-for-good', [
    put(),
    refuse('BATCH_TOO_LARGE', { times: 1 }),
    put({ keys: ['a'] }),
    refuse('INVALID_BATCH', { times: 1 }),
    put(),
    put({ count: 3 }),
  ]),
  program('a-broker-without-the-queue', [
    put(),
    meddle('SEND', 'request', 'error', { at: 'broker-a', code: 'WRONG_BROKER', times: 2 }),
    put({ count: 3 }),
    put({ count: 2, keys: LETTERS }),
    put({ count: 2 }),
  ]),
  program('a-broker-stops', [
    put({ count: 2 }),
    { op: 'stopNode', node: 0 },
    put({ count: 3, timeoutMs: 4_000 }),
    { op: 'startNode', node: 0 },
    put({ count: 3, keys: LETTERS, timeoutMs: 12_000 }),
  ]),
];

/** Batches of one message, several on their way at once. */
const SINGLE: Step = start({ batchRecords: 1, inFlightBatches: 32 }, 's');
const single = (more: JsonObject): Step => put({ client: 's', ...more });

export const IDENTITY_PROGRAMS: readonly Program[] = [
  program(
    'many-calls-at-once',
    [SINGLE, meddle('SEND', 'answer', 'delay', { ms: 200, times: 999 }), single({ keys: ['a'], count: 140, timeoutMs: 60_000 })],
    { setup: ONE },
  ),
  program(
    'connections-break-under-many-batches',
    [
      SINGLE,
      single({ keys: ['a'], count: 3 }),
      meddle('SEND', 'answer', 'delay', { ms: 300, times: 9 }),
      single({ keys: ['a'], count: 6, timeoutMs: 12_000, wait: false }),
      pass(100),
      { op: 'breakOff', node: 0 },
      fine,
      single({ keys: ['a'], count: 3, timeoutMs: 12_000 }),
      pass(200),
    ],
    { setup: ONE },
  ),
  program(
    'a-gap-before-many-batches',
    [
      SINGLE,
      single({ keys: ['a'], count: 2 }),
      meddle('SEND', 'request', 'drop', { times: 1 }),
      single({ keys: ['a'], timeoutMs: 800 }),
      single({ keys: ['a'], count: 5, timeoutMs: 12_000 }),
      pass(200),
    ],
    { setup: ONE },
  ),
  program(
    'the-id-is-unknown',
    [
      put({ keys: ['a'] }),
      refuse('UNKNOWN_PRODUCER', { times: 1 }),
      put({ keys: ['a'] }),
      put({ count: 2 }),
      meddle('SEND', 'request', 'close', { times: 1 }),
      refuse('UNKNOWN_PRODUCER', { times: 1 }),
      put({ keys: ['a'] }),
      pass(200),
      put({ keys: ['a'] }),
      { op: 'breakOff', node: 0 },
      meddle('INIT_PRODUCER', 'request', 'error', { code: 'UNKNOWN_PRODUCER', times: 1 }),
      put({ keys: ['a'] }),
    ],
    { setup: ONE },
  ),
  program(
    'the-id-is-fenced',
    [
      put({ keys: ['a'] }),
      refuse('PRODUCER_FENCED', { times: 1 }),
      put({ keys: ['a'], timeoutMs: 3_000 }),
      put({ count: 2, timeoutMs: 3_000 }),
      pass(500),
    ],
    { setup: ONE },
  ),
  program(
    'fenced-after-an-unknown-attempt',
    [
      put({ keys: ['a'] }),
      meddle('SEND', 'request', 'close', { times: 1 }),
      refuse('PRODUCER_FENCED', { times: 1 }),
      put({ keys: ['a'], timeoutMs: 3_000 }),
      put({ timeoutMs: 3_000 }),
      pass(500),
    ],
    { setup: ONE },
  ),
  program(
    'the-number-is-taken',
    [
      put({ keys: ['a'] }),
      refuse('SEQUENCE_CONFLICT', { times: 1 }),
      put({ keys: ['a'] }),
      put({ keys: ['a'] }),
      put({ count: 2 }),
    ],
    { setup: ONE },
  ),
];
