import type { Program, Step } from '../../play/program.ts';
import { broker, DRAIN, initProducer, OPEN, send, text, topic } from './steps.ts';

const row = (from: number, n: number, more = {}): readonly Step[] =>
  Array.from({ length: n }, (_, i) => send(text(`m${from + i}`), { header: { queue: (from + i) % 2 }, ...more }));

const pull = (offset: number, more = {}): Step => ({
  op: 'request',
  frame: 'PULL',
  header: { waitMs: 5_000, topics: [{ topic: '~t', queues: [{ queue: 0, offset }] }] },
  ...more,
});

const CUT: Partial<Program> = { needs: ['powerloss', 'settings'], alone: true };
const SYNC = { broker: { flush: 'sync' } };
const LAZY = { broker: { flush: 'async', log: { flushIntervalMs: 5_000 } } };
/** Each entry has a file of its own: what syncs the one of a new term does not sync what was kept before it. */
const LAZY_IN_SMALL_FILES = { broker: { flush: 'async', log: { flushIntervalMs: 5_000, segmentBytes: 1 } } };
const FULL = 2 ** 50;

const commit = (offset: number): Step => ({
  op: 'request',
  frame: 'OFFSET_COMMIT',
  header: { group: '~g', kind: 1, offsets: [{ topic: '~t', queue: 0, offset }] },
});
const FETCH: Step = { op: 'request', frame: 'OFFSET_FETCH', header: { group: '~g', queues: [{ topic: '~t', queue: 0 }] } };

export const DURABILITY_PROGRAMS: readonly Program[] = [
  broker(
    'keep-through-kill-and-stop',
    [
      OPEN,
      topic(),
      ...row(0, 4),
      DRAIN,
      { op: 'die', how: 'stop' },
      OPEN,
      ...row(4, 3),
      { op: 'die', how: 'kill' },
      DRAIN,
      OPEN,
      ...row(7, 2),
      DRAIN,
    ],
    { needs: ['kill', 'stop'], alone: true },
  ),
  // Each answer is followed at once by the end of the broker.
  broker(
    'cut-the-power-behind-the-answer',
    [
      OPEN,
      topic(),
      send(text('a')),
      { op: 'die', how: 'powerloss' },
      OPEN,
      send(text('b'), { wait: false }),
      send(text('c')),
      { op: 'die', how: 'powerloss' },
      DRAIN,
      { op: 'die', how: 'powerloss' },
      DRAIN,
    ],
    { ...CUT, setup: SYNC },
  ),
  // A consumer waits for each batch, and the power is cut as soon as it has it.
  broker(
    'cut-the-power-behind-a-reader',
    [
      OPEN,
      topic(),
      OPEN,
      pull(0, { wait: false }),
      send(text('a'), { c: 0, wait: false }),
      { op: 'awaitFrames', c: 1, frames: 2 },
      { op: 'die', how: 'powerloss' },
      DRAIN,
    ],
    { ...CUT, setup: SYNC },
  ),
  broker(
    'cut-the-power-of-a-lazy-broker',
    [
      OPEN,
      topic(),
      ...row(0, 4),
      { op: 'pass', ms: 8_000 },
      ...row(4, 4),
      { op: 'die', how: 'powerloss' },
      DRAIN,
      OPEN,
      ...row(8, 2),
      DRAIN,
    ],
    { ...CUT, timing: 'virtual', setup: LAZY },
  ),
  // Ends of writes are torn: what is there afterwards is whole.
  ...[1, 2, 3].map((seed) =>
    broker(
      `tear-the-end-of-the-log-${seed}`,
      [
        OPEN,
        topic(),
        ...row(0, 3),
        { op: 'pass', ms: 8_000 },
        ...Array.from({ length: 6 }, (_, i) => send({ records: [{ size: 700 }], bornTimeMs: i + 1 })),
        { op: 'die', how: 'powerloss', seed },
        DRAIN,
        OPEN,
        ...row(3, 2),
        DRAIN,
      ],
      { ...CUT, timing: 'virtual', setup: LAZY },
    ),
  ),
  // What a kill leaves in the cache of the system is synced before it is served.
  ...[LAZY, LAZY_IN_SMALL_FILES].map((setup) =>
    broker(
      `kill-read-and-cut-the-power${setup === LAZY ? '' : '-with-small-files'}`,
      [OPEN, topic(), ...row(0, 4), { op: 'die', how: 'kill' }, DRAIN, { op: 'die', how: 'powerloss' }, DRAIN],
      { ...CUT, needs: ['kill', 'powerloss', 'settings'], setup },
    ),
  ),
  broker(
    'break-starts-off',
    [
      OPEN,
      topic(),
      ...row(0, 6),
      DRAIN,
      { op: 'breakOffStart', afterMs: [0.2, 0.4, 0.6, 0.8, 1, 1.3, 1.6] },
      DRAIN,
      OPEN,
      ...row(6, 2),
      DRAIN,
    ],
    { needs: ['kill'], alone: true, timing: 'virtual' },
  ),
  // The end of the log is being written again when the start is broken off.
  broker(
    'break-starts-off-behind-a-kill',
    [
      OPEN,
      topic(),
      ...row(0, 2),
      { op: 'pass', ms: 8_000 },
      ...row(2, 4),
      DRAIN,
      { op: 'breakOffStart', afterMs: Array.from({ length: 60 }, (_, i) => 0.04 * (i + 1)) },
      DRAIN,
    ],
    { needs: ['kill', 'settings'], alone: true, timing: 'virtual', setup: LAZY },
  ),
  broker(
    'fill-the-disk',
    [
      { op: 'tell', note: 'disk-full' },
      OPEN,
      topic(),
      send(text('a')),
      commit(0),
      initProducer({}, { id: 'producerId' }),
      send(text('b', { producerId: '$id' })),
      send(text('gap', { producerId: '$id', baseSequence: 3 })),
      DRAIN,
      FETCH,
      { op: 'die', how: 'kill' },
      OPEN,
      FETCH,
    ],
    { needs: ['settings', 'kill'], alone: true, setup: { broker: { log: { reserveBytes: FULL } } } },
  ),
  broker(
    'retry-on-a-full-disk',
    [
      OPEN,
      topic(),
      initProducer({}, { id: 'producerId' }),
      send(text('a', { producerId: '$id' })),
      { op: 'die', how: 'kill', settings: { log: { reserveBytes: FULL } } },
      { op: 'tell', note: 'disk-full' },
      OPEN,
      initProducer({ producerId: '$id' }),
      send(text('a', { producerId: '$id' })),
      send(text('other', { producerId: '$id' })),
      send(text('b', { producerId: '$id', baseSequence: 1 })),
      commit(1),
      FETCH,
      DRAIN,
    ],
    { needs: ['settings', 'kill'], alone: true },
  ),
  broker(
    'let-the-oldest-messages-go',
    [
      OPEN,
      topic(),
      ...Array.from({ length: 6 }, (_, i) => send({ records: [{ size: 1_500 }], bornTimeMs: i + 1 })),
      { op: 'drain', queues: 1 },
      { op: 'pass', ms: 45_000 },
      OPEN,
      send({ records: [{ size: 1_500 }] }),
      { op: 'drain', queues: 1 },
      { op: 'pass', ms: 55_000 },
      { op: 'drain', queues: 1 },
      { op: 'die', how: 'kill' },
      { op: 'drain', queues: 1 },
      OPEN,
      send(text('next')),
      { op: 'drain', queues: 1 },
    ],
    {
      needs: ['settings', 'kill'],
      alone: true,
      timing: 'virtual',
      setup: { broker: { log: { segmentBytes: 4_096, retentionMs: 20_000, snapshotBytes: 1_000 } } },
    },
  ),
];
