import { LIMITS } from '@qanat/core';
import type { Json } from '../../../json.ts';
import type { Program, Step } from '../../../play/program.ts';
import { ask, beat, create, FENCE, join, NO_WAIT, OPEN, pass, program, pull, reset, send } from '../steps.ts';

/** Both have the CRC-32 FBE81776. */
export const COLLIDING_TAGS = ['uejgtcuo', 'iiwucoup'] as const;

const texts = (prefix: string, count: number): readonly string[] => Array.from({ length: count }, (_, i) => `${prefix}${i}`);

const drain = (more: Step | Record<string, Json>): Step => ({ ...more, op: 'drain' });

/** Some batches of one, two and three records, with keys, tags and compression. */
const SOME: readonly Step[] = [
  create('~t', 2),
  send('~t', 0, ['a']),
  send('~t', 0, [
    { body: 'b0', key: 'k' },
    { body: 'b1', tag: 'paid' },
  ]),
  send('~t', 0, texts('c', 3)),
  ask(
    'SEND',
    { topic: '~t', queue: 0 },
    { payload: { batch: { compress: true, records: [{ size: 900 }, { body: 'd1', tag: 'paid' }] } } },
  ),
  send('~t', 1, texts('x', 2)),
  send('~t', 1, ['y']),
];

const pieces = program('pull-in-pieces', [
  OPEN,
  ...SOME,
  pull('~t', [[0, 0]]),
  pull('~t', [[0, 4]], { waitMs: 2_000 }),
  drain({ maxBytes: 1 }),
  drain({ own: 1 }),
  drain({ maxBytes: 200 }),
  pull('~t', [
    [0, 0],
    [1, 0],
  ]),
  pull('~t', [
    { queue: 0, offset: 0, maxBytes: 1 },
    { queue: 1, offset: 1, maxBytes: 100 },
  ]),
  pull('~t', [
    [0, 8],
    [1, 3],
  ]),
  pull('~t', [[0, 8]]),
  pull('~t', [[0, 9]], { waitMs: 2_000 }),
  pull('~t', [[0, 4_000]]),
  pull('~t', [[2, 0]], { waitMs: 2_000 }),
  pull('~none', [[0, 0]]),
]);

const bytes = (size: number): Json => ({ size });

const limits = program('pull-within-limits', [
  OPEN,
  create('~t', 2),
  send('~t', 0, [bytes(9_000)]),
  send('~t', 0, [bytes(20_000)]),
  send('~t', 1, [bytes(9_001)]),
  pull('~t', [
    [0, 0],
    [1, 0],
  ]),
  { op: 'open', hello: { frameBytesMax: LIMITS.FRAME_BEFORE_HELLO_BYTES_MAX } },
  pull('~t', [
    [0, 0],
    [1, 0],
  ]),
  pull('~t', [[0, 1]]),
  pull('~t', [[0, 0]]),
]);

/** Two of these are above PULL_BYTES_MAX and fit into one frame. */
const large = program('pull-megabytes', [
  OPEN,
  create('~t', 1),
  send('~t', 0, [bytes(2_100_000)]),
  send('~t', 0, [bytes(2_100_001)]),
  send('~t', 0, [bytes(2_100_002)]),
  drain({}),
  drain({ maxBytes: 4_294_967_295 }),
]);

const turns = program('queues-in-turn', [
  OPEN,
  create('~t', 2),
  ...[0, 1].flatMap((queue) => ['a', 'b'].map((body) => send('~t', queue, [`${body}${queue}`]))),
  ...Array.from({ length: 14 }, () =>
    pull(
      '~t',
      [
        [0, 0],
        [1, 0],
      ],
      { maxBytes: 1 },
    ),
  ),
]);

const waits = program('long-polls', [
  OPEN,
  OPEN,
  create('~t', 2),
  send('~t', 0, ['a']),
  // Nothing comes.
  pull(
    '~t',
    [
      [0, 1],
      [1, 0],
    ],
    { waitMs: 900 },
  ),
  pull('~t', [[1, 0]], { waitMs: 0 }),
  // Something comes.
  pull(
    '~t',
    [
      [0, 1],
      [1, 0],
    ],
    { waitMs: 3_000 },
    { c: 0, wait: false },
  ),
  { ...FENCE, c: 0 },
  send('~t', 1, ['b'], { c: 1 }),
  // The next one ends it.
  pull('~t', [[0, 1]], { waitMs: 3_000, poll: 7 }, { c: 0, wait: false }),
  pull('~t', [[1, 1]], { waitMs: 900, poll: 8 }, { c: 0, wait: false }),
  { ...FENCE, c: 0 },
  pull('~t', [[0, 1]], { waitMs: 0, poll: 7 }, { c: 0 }),
  pass(1_500),
  // Its topic goes.
  pull('~t', [[0, 1]], { waitMs: 3_000 }, { c: 0, wait: false }),
  { ...FENCE, c: 0 },
  ask('TOPIC_REMOVE', { topic: '~t' }, { c: 1 }),
  pass(500),
  pull('~t', [[0, 1]], { waitMs: 3_000 }, { c: 0 }),
]);

const refused = program('pulls-refused', [
  OPEN,
  create('~t', 1),
  pull('~t', [[0, 0]], { waitMs: LIMITS.PULL_WAIT_MS_MAX + 1 }),
  pull('~t', [[0, 0]], { waitMs: 4_294_967_295 }),
  ...[
    'a||',
    '||',
    '| a',
    'a || *',
    'a\u0001',
    'x'.repeat(LIMITS.TAG_BYTES_MAX + 1),
    texts('t', LIMITS.FILTER_TAGS_MAX + 1).join('||'),
  ].map((filter) => pull('~t', [[0, 0]], { filter, waitMs: 500 })),
  FENCE,
  // A PULL that is refused does not end the one that waits.
  pull('~t', [[0, 0]], { waitMs: 900, poll: 3 }, NO_WAIT),
  FENCE,
  pull('~t', [[0, 0]], { filter: '||', poll: 3 }),
  pull('~t', [[0, 0]], { waitMs: LIMITS.PULL_WAIT_MS_MAX + 1, poll: 3 }),
  pass(1_500),
]);

const manySteps: readonly Step[] = [
  OPEN,
  create('~t', 1),
  {
    op: 'polls',
    count: LIMITS.POLLS_PER_CONNECTION_MAX + 1,
    header: { waitMs: 3_000, topics: [{ topic: '~t', queues: [{ queue: 0 }] }] },
  },
  pass(600),
];

const many = program('many-polls', manySteps);

const manyMore = program('many-polls-beside-others', manySteps, {
  alone: true,
  needs: ['settings'],
  setup: { broker: { session: { inFlightMax: LIMITS.POLLS_PER_CONNECTION_MAX * 2 } } },
});

const stops = program(
  'polls-when-it-stops',
  [
    OPEN,
    create('~t', 2),
    send('~t', 0, ['a']),
    pull('~t', [[0, 1]], { waitMs: 20_000, poll: 1 }, NO_WAIT),
    pull('~t', [[1, 0]], { waitMs: 20_000, poll: 2 }, NO_WAIT),
    FENCE,
    { op: 'beginStop' },
    { op: 'awaitClose' },
  ],
  { alone: true, needs: ['stop'] },
);

const leases = program('pulls-under-leases', [
  OPEN,
  OPEN,
  create('~t', 2),
  send('~t', 0, ['a', 'b']),
  pull('~t', [[0, 0]], { group: '~new' }),
  join('~g', 'm', ['~t']),
  pass(300),
  beat('~g', 'm'),
  // The holder, others, nobody.
  pull('~t', [{ queue: 0, offset: 0, leaseEpoch: '$epoch' }], { group: '~g', member: 'm' }),
  pull('~t', [{ queue: 0, offset: 0, leaseEpoch: '$epoch' }], { group: '~g', member: 'other' }),
  pull('~t', [{ queue: 0, offset: 0, leaseEpoch: 99 }], { group: '~g', member: 'm' }),
  pull('~t', [[0, 0]], { group: '~g', member: 'm', waitMs: 2_000 }),
  pull('~t', [[0, 0]], { group: '~g', member: 'stranger' }),
  pull('~t', [{ queue: 0, offset: 0, leaseEpoch: 99 }]),
  // Its lease ends while it waits.
  pull('~t', [{ queue: 0, offset: 2, leaseEpoch: '$epoch' }], { group: '~g', member: 'm', waitMs: 5_000 }, { c: 0, wait: false }),
  { ...FENCE, c: 0 },
  reset('~g', 0, { queues: [{ topic: '~t', queues: [0] }] }),
  pass(500),
  pull('~t', [{ queue: 0, offset: 0, leaseEpoch: '$epoch' }], { group: '~g', member: 'm' }),
  ask('OFFSET_COMMIT', { group: '~free', kind: 1, offsets: [{ topic: '~t', queue: 0, offset: 1 }] }),
  pull('~t', [[0, 0]], { group: '~free' }),
]);

const tagged = (tag: string, body: string): Json => ({ tag, body });
const [LEFT, RIGHT] = COLLIDING_TAGS;

const filters = program('pulls-with-filters', [
  OPEN,
  create('~t', 2),
  send('~t', 0, [tagged('new', 'a')]),
  send('~t', 0, ['b0', 'b1']),
  send('~t', 0, [tagged('new', 'c0'), tagged('paid', 'c1')]),
  send('~t', 0, [tagged(LEFT, 'd')]),
  send('~t', 0, [tagged(RIGHT, 'e0'), tagged(LEFT, 'e1')]),
  send('~t', 0, [tagged('paid', 'f')]),
  ask('SEND', { topic: '~t', queue: 0 }, { payload: { batch: { compress: true, records: [{ size: 600, tag: 'zip' }] } } }),
  send('~t', 1, [tagged('new', 'g')]),
  ...['paid', 'paid || new', LEFT, RIGHT, 'zip', '*', ''].flatMap((filter) => [
    drain({ filter }),
    drain({ filter, maxBytes: 1 }),
  ]),
  pull('~t', [[0, 0]], { filter: 'paid', waitMs: 2_000 }),
  // Nothing passes: what was passed over is told at the end.
  pull(
    '~t',
    [
      [0, 0],
      [1, 0],
    ],
    { filter: 'rare', waitMs: 900 },
  ),
  pull('~t', [[1, 0]], { filter: 'rare' }),
]);

/** Batches whose sum with the next one is more than a broker may look at. */
const BULK_BYTES = 3_600_000;

const rare = program('a-rare-tag', [
  OPEN,
  create('~t', 1),
  ...[0, 1, 2].map((i) => send('~t', 0, [{ tag: 'bulk', size: BULK_BYTES + i }])),
  send('~t', 0, [tagged('rare', 'here')]),
  pull('~t', [[0, 0]], { filter: 'none', waitMs: 5_000 }),
  drain({ filter: 'rare' }),
]);

export const PULL_PROGRAMS: readonly Program[] = [
  pieces,
  limits,
  large,
  turns,
  waits,
  refused,
  many,
  manyMore,
  stops,
  leases,
  filters,
  rare,
];
