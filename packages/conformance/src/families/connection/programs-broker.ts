import { encodeBatch, LIMITS, portablePlatform } from '@qanat/core';
import type { JsonObject } from '../../json.ts';
import type { Program, Step } from '../../play/program.ts';
import { FENCE, GONE, OPEN, SILENT } from './steps.ts';

const program = (
  name: string,
  steps: readonly Step[],
  parts: Omit<Program, 'family' | 'name' | 'role' | 'steps'> = {},
): Program => ({
  family: 'connection',
  name,
  role: 'broker',
  steps,
  ...parts,
});

const create = (topic: string, queues = 1): Step => ({ op: 'request', frame: 'TOPIC_CREATE', header: { topic, queues } });

const send = (payload: JsonObject, parts: JsonObject = {}): Step => ({
  op: 'request',
  frame: 'SEND',
  header: { topic: '~orders' },
  payload,
  ...parts,
});

const record = (size: number): JsonObject => ({ batch: { records: [{ size }] } });

const last: Step = { op: 'request', frame: 'OFFSET_LOOKUP', header: { queues: [{ topic: '~orders', position: 1 }] } };

const pull = (header: JsonObject = {}, parts: JsonObject = {}): Step => ({
  op: 'request',
  frame: 'PULL',
  header: { topics: [{ topic: '~orders', queues: [{}] }], ...header },
  ...parts,
});

const waiting = { topics: [{ topic: '~orders', queues: [{}] }], waitMs: 30_000 };

const SIZE = 60_000;
/** What a batch of one message has beside its body. */
const OVERHEAD =
  encodeBatch(portablePlatform, [{ body: new Uint8Array(SIZE) }], {
    bornTimeMs: 1_700_000_000_000,
    producerId: 0,
    producerEpoch: 0,
    baseSequence: 0,
  }).length - SIZE;
const BATCH_BYTES_LEAST = 65_536;

const heartbeat = (sessionMs: number): Step => ({
  op: 'request',
  frame: 'CLIENT_HEARTBEAT',
  header: { group: '~group', member: 'member', sessionMs },
});

const SECRET = 'the body of a message that nobody else may read';
/** Half the message of an error is the text that was wrong; each character has four bytes, and the last one is none. */
const LONG_FILTER = `${'\u{10348}'.repeat(250)}\u0001`;

/** Four megabytes of messages: they are asked for more than once. */
const FOUR_MEGABYTES: readonly Step[] = Array.from({ length: 4 }, () => send(record(1_000_000)));
const BIG_PULL = { topics: [{ topic: '~orders', queues: [{}] }] };

/** A NameServer whose answers do not arrive any more. */
const silent = (name: string, idleMs: number, ms: number, timing: Pick<Program, 'timing'> = {}): Program =>
  program(name, [OPEN, { op: 'pass', ms: 1_500 }, { op: 'muteNameServers' }, { op: 'pass', ms }], {
    alone: true,
    needs: ['register'],
    ...timing,
    setup: { kit: { nameServers: 1, nameServer: { session: { idleMs } } } },
  });

export const BROKER_PROGRAMS: readonly Program[] = [
  program('refused-has-no-effect', [
    OPEN,
    create('~orders'),
    send({ batch: { records: [{ body: SECRET }] } }),
    send({ batch: { records: [{ body: SECRET, properties: { secret: SECRET } }] }, patch: [[-1, 'ff']] }),
    send({ hex: 'ffff' }),
    send(record(100), { header: { topic: '~orders', queue: 7 } }),
    send(record(100)),
    last,
    pull(),
  ]),
  program('items-have-codes', [
    OPEN,
    create('~orders'),
    pull({ topics: [{ topic: '~none', queues: [{}] }] }),
    pull({ topics: [{ topic: '~orders', queues: [{ queue: 9 }] }] }),
    { op: 'request', frame: 'OFFSET_LOOKUP', header: { queues: [{ topic: '~none' }, { topic: '~orders' }] } },
    { op: 'request', frame: 'OFFSET_FETCH', header: { group: '~group', queues: [{ topic: '~none' }] } },
    { op: 'request', frame: 'OFFSET_COMMIT', header: { group: '~group', kind: 1, offsets: [{ topic: '~none', offset: 1 }] } },
    FENCE,
  ]),
  program('long-message', [OPEN, pull({ topics: [{ topic: '~orders', filter: LONG_FILTER, queues: [{}] }] }), FENCE]),
  program('limits-of-requests', [
    OPEN,
    create('~wide', LIMITS.QUEUES_PER_TOPIC_MAX),
    create('~wider', LIMITS.QUEUES_PER_TOPIC_MAX + 1),
    create('~orders'),
    send(record(BATCH_BYTES_LEAST - OVERHEAD)),
    pull({ waitMs: LIMITS.PULL_WAIT_MS_MAX }),
    pull({ waitMs: LIMITS.PULL_WAIT_MS_MAX + 1 }),
    { op: 'many', frame: 'OFFSET_LOOKUP', list: 'queues', item: { topic: 'a' }, count: LIMITS.LIST_ITEMS_MAX },
    { op: 'many', frame: 'OFFSET_LOOKUP', list: 'queues', item: { topic: 'a' }, count: LIMITS.LIST_ITEMS_MAX + 1 },
    ...[LIMITS.MEMBER_SESSION_MS_MIN, LIMITS.MEMBER_SESSION_MS_MAX].map(heartbeat),
    ...[LIMITS.MEMBER_SESSION_MS_MIN - 1, LIMITS.MEMBER_SESSION_MS_MAX + 1].map(heartbeat),
    FENCE,
  ]),
  program('more-topics-than-allowed', [OPEN, create('~one'), create('~two'), create('~three'), FENCE], {
    alone: true,
    needs: ['settings'],
    setup: { broker: { limits: { topicsMax: 2 } } },
  }),
  program(
    'more-than-in-flight',
    [
      OPEN,
      OPEN,
      { ...create('~orders'), c: 1 },
      { op: 'flood', c: 0, frame: 'PULL', header: waiting, beyond: 3 },
      send(record(100), { c: 0 }),
      { op: 'fence', c: 0 },
      { ...last, c: 1 },
      send(record(100), { c: 1 }),
      { op: 'fence', c: 0 },
    ],
    { alone: true },
  ),
  program('least-in-flight', [
    OPEN,
    OPEN,
    { ...create('~orders'), c: 1 },
    { op: 'repeat', c: 0, times: 32, frame: 'PULL', header: waiting },
    { op: 'fence', c: 0 },
    send(record(100), { c: 1 }),
    { op: 'fence', c: 0 },
  ]),
  program(
    'stop-with-pending-pull',
    [
      OPEN,
      create('~orders'),
      pull({ waitMs: 20_000 }, { wait: false }),
      FENCE,
      OPEN,
      { op: 'pass', ms: 500 },
      { op: 'beginStop' },
      { op: 'awaitClose', c: 0 },
      GONE,
    ],
    { alone: true, needs: ['stop'] },
  ),
  program(
    'requests-behind-goaway',
    [
      OPEN,
      create('~orders'),
      { op: 'pass', ms: 50 },
      send(record(100), { wait: false }),
      { op: 'pass', ms: 0.15 },
      send(record(100), { wait: false }),
      { op: 'pass', ms: 0.21 },
      { op: 'beginStop' },
      { op: 'awaitGoAway' },
      { ...create('~late'), wait: false },
      GONE,
    ],
    { alone: true, needs: ['stop'], timing: 'virtual' },
  ),
  program(
    'too-many-connections',
    [OPEN, OPEN, OPEN, OPEN, SILENT, GONE, { op: 'pass', ms: 20 }, { op: 'close', c: 1 }, { op: 'pass', ms: 50 }, OPEN, FENCE],
    { alone: true, needs: ['settings'], setup: { broker: { limits: { connectionsMax: 4 } } } },
  ),
  program(
    'much-waits-to-be-stored',
    [
      OPEN,
      create('~orders'),
      ...Array.from({ length: 6 }, () => send(record(SIZE), { wait: false })),
      FENCE,
      { op: 'pass', ms: 100 },
      last,
    ],
    { alone: true, needs: ['settings'], setup: { broker: { limits: { stagedBytesMax: 100_000 } } } },
  ),
  program(
    'slow-reader-is-idle',
    [
      OPEN,
      create('~orders'),
      ...FOUR_MEGABYTES,
      { op: 'open', hello: { idleMs: 1_000 } },
      { op: 'reading', c: 1, on: false },
      { op: 'repeat', c: 1, times: 10, frame: 'PULL', header: BIG_PULL },
      { op: 'pass', ms: 2_500 },
      { op: 'reading', c: 1, on: true },
      { op: 'awaitClose', c: 1 },
    ],
    { alone: true },
  ),
  program(
    'slow-reader-asks-for-more',
    [
      OPEN,
      create('~orders'),
      ...FOUR_MEGABYTES,
      OPEN,
      { op: 'reading', c: 1, on: false },
      { op: 'repeat', c: 1, times: 1, frame: 'PULL', header: BIG_PULL },
      { op: 'pass', ms: 100 },
      { ...create('~late'), c: 1, wait: false },
      { op: 'pass', ms: 100 },
      { op: 'request', c: 0, frame: 'TOPIC_DESCRIBE', header: { topic: '~late' } },
      { op: 'reading', c: 1, on: true },
      { op: 'fence', c: 1 },
    ],
    { alone: true, timing: 'virtual' },
  ),
  program(
    'slow-reader-asks-for-more-in-real-time',
    [
      OPEN,
      create('~orders'),
      ...FOUR_MEGABYTES,
      OPEN,
      { op: 'reading', c: 1, on: false },
      { op: 'repeat', c: 1, times: 8, frame: 'PULL', header: BIG_PULL },
      { op: 'pass', ms: 100, slacks: 5 },
      { ...create('~late'), c: 1, wait: false },
      { op: 'pass', ms: 100, slacks: 2 },
      { op: 'request', c: 0, frame: 'TOPIC_DESCRIBE', header: { topic: '~late' } },
      { op: 'reading', c: 1, on: true },
      { op: 'fence', c: 1 },
    ],
    { alone: true, timing: 'real' },
  ),
  program(
    'slow-reader-reads-again',
    [
      OPEN,
      create('~orders'),
      ...FOUR_MEGABYTES,
      { op: 'open', hello: { idleMs: 1_000 } },
      { op: 'reading', c: 1, on: false },
      { op: 'repeat', c: 1, times: 1, frame: 'PULL', header: BIG_PULL },
      { op: 'pass', ms: 800 },
      { op: 'reading', c: 1, on: true },
      { op: 'pass', ms: 800 },
      { op: 'fence', c: 1 },
    ],
    { alone: true, timing: 'virtual' },
  ),
  silent('name-server-falls-silent', 2_500, 5_000),
  silent('name-server-does-not-greet', 8_000, 20_000, { timing: 'virtual' }),
];
