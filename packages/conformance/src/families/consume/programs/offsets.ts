import { LIMITS } from '@qanat/core';
import type { JsonObject } from '../../../json.ts';
import type { Program, Step } from '../../../play/program.ts';
import { ask, beat, commit, create, fetch, join, OPEN, pass, program, pull, reset, send } from '../steps.ts';

const FIRST = 0;
const LAST = 1;
const AT_TIME = 2;
const AT_OFFSET = 3;
const FREE = { kind: 1 };

/** Five messages in queue 0, none in the others. */
const FIVE: readonly Step[] = [create('~t', 3), send('~t', 0, ['a', 'b']), send('~t', 0, ['c', 'd', 'e'])];

const commits = program('commits-without-leases', [
  OPEN,
  ...FIVE,
  fetch('~g', '~t', 0),
  commit('~g', '~t', 0, 3),
  commit('~g', '~t', 0, 2),
  commit('~g', '~t', 0, 6),
  commit('~g', '~t', 0, 4, { leaseEpoch: 77 }),
  fetch('~g', '~t', 1, 0, 2),
  commit('~g', '~t', 1, 0),
  fetch('~g', '~t', 0, 1),
  ask('OFFSET_COMMIT', {
    group: '~g',
    offsets: [
      { topic: '~t', queue: 0, offset: 5 },
      { topic: '~t', queue: 1, offset: 1 },
      { topic: '~t', queue: 2, offset: 0 },
      { topic: '~t', queue: 3, offset: 0 },
      { topic: '~none', queue: 0, offset: 0 },
    ],
  }),
  fetch('~g', '~t', 0, 1, 2),
  commit('~g', '~t', 0, 5, FREE),
  ask('GROUP_DESCRIBE', { group: '~g' }),
  // Two at once: whatever comes last, the higher one stays.
  commit('~h', '~t', 0, 1),
  { ...commit('~h', '~t', 0, 5), wait: false },
  commit('~h', '~t', 0, 3),
  pass(100),
  fetch('~h', '~t', 0),
]);

const free = program('commits-in-a-free-group', [
  OPEN,
  ...FIVE,
  commit('~g', '~t', 0, 4, FREE),
  commit('~g', '~t', 0, 1, FREE),
  fetch('~g', '~t', 0),
  commit('~g', '~t', 0, 5),
  commit('~g', '~t', 0, 2, { leaseEpoch: 5 }),
  commit('~g', '~t', 0, 3),
  commit('~g', '~t', 0, 6, FREE),
  fetch('~g', '~t', 0, 1),
  ask('GROUP_DESCRIBE', { group: '~g' }),
]);

const kept = program(
  'offsets-through-restarts',
  [
    OPEN,
    ...FIVE,
    commit('~g', '~t', 0, 3),
    commit('~f', '~t', 0, 4, FREE),
    commit('~f', '~t', 0, 2, FREE),
    reset('~f', AT_OFFSET, { toValue: 1, queues: [{ topic: '~t', queues: [1, 2] }] }),
    { op: 'kill' },
    OPEN,
    fetch('~g', '~t', 0, 1),
    fetch('~f', '~t', 0),
    commit('~g', '~t', 0, 5),
    reset('~f', LAST),
    { op: 'kill' },
    OPEN,
    fetch('~g', '~t', 0),
    fetch('~f', '~t', 0),
    pull('~t', [[0, 0]]),
    ask('TOPIC_DESCRIBE', { topic: '~t' }),
  ],
  { alone: true, needs: ['kill'] },
);

const lookUp = (...queues: readonly JsonObject[]): Step =>
  ask('OFFSET_LOOKUP', { queues: queues.map((one) => ({ topic: '~t', ...one })) });

const lookUps = program('look-ups', [
  OPEN,
  create('~t', 2),
  send('~t', 0, ['a', 'b'], { keep: { first: 'storeTimeMs' } }),
  pass(60),
  send('~t', 0, ['c'], { keep: { second: 'storeTimeMs' } }),
  pass(60),
  send('~t', 0, ['d', 'e'], { keep: { third: 'storeTimeMs' } }),
  lookUp({ position: FIRST }, { position: LAST }, { queue: 1, position: LAST }, { queue: 1, position: FIRST }),
  lookUp({ position: AT_TIME }, { position: AT_TIME, timeMs: '$first' }, { position: AT_TIME, timeMs: '$second' }),
  lookUp(
    { position: AT_TIME, timeMs: '$third' },
    { position: AT_TIME, timeMs: Number.MAX_SAFE_INTEGER },
    { queue: 1, position: AT_TIME },
  ),
  lookUp({ queue: 2, position: LAST }, { position: LAST }, { topic: '~none' }),
  lookUp({ position: LAST }, { position: AT_OFFSET }),
  ask('OFFSET_FETCH', {
    group: '~g',
    queues: [
      { topic: '~none', queue: 0 },
      { topic: '~t', queue: 0 },
      { topic: '~t', queue: 9 },
    ],
  }),
]);

/** Names of topics are as long as they may be, and answers longer than questions. */
const LONG = 'n'.repeat(LIMITS.TOPIC_NAME_BYTES_MAX);

const long = program('answers-too-long', [
  OPEN,
  { op: 'askMany', frame: 'OFFSET_FETCH', count: 480, header: { group: '~g' }, item: { topic: LONG } },
  { op: 'askMany', frame: 'OFFSET_LOOKUP', count: 476, item: { topic: LONG, position: LAST } },
]);

/** Members that begin at the first message, at the last, and at a time. */
const begins = program('where-groups-begin', [
  OPEN,
  create('~t', 1),
  send('~t', 0, ['a', 'b']),
  pass(60),
  send('~t', 0, ['c'], { keep: { time: 'storeTimeMs' } }),
  pass(60),
  join('~first', 'm', ['~t'], { from: FIRST }),
  join('~last', 'm', ['~t'], { from: LAST }),
  join('~late', 'm', ['~t'], { from: LAST, joinedAgoMs: 20_000 }),
  join('~time', 'm', ['~t'], { from: AT_TIME, fromTimeMs: '$time' }),
  pass(300),
  send('~t', 0, ['d']),
  ...['~first', '~last', '~late', '~time'].flatMap((group) => [beat(group, 'm'), fetch(group, '~t', 0)]),
]);

const leased = program('commits-under-leases', [
  OPEN,
  ...FIVE,
  join('~g', 'm', ['~t']),
  pass(300),
  beat('~g', 'm'),
  fetch('~g', '~t', 0, 1),
  commit('~g', '~t', 0, 3, { member: 'm', leaseEpoch: '$epoch' }),
  commit('~g', '~t', 0, 1, { member: 'm', leaseEpoch: '$epoch' }),
  commit('~g', '~t', 0, 4, { member: 'other', leaseEpoch: '$epoch' }),
  commit('~g', '~t', 0, 4, { member: 'm', leaseEpoch: 99 }),
  commit('~g', '~t', 0, 4),
  commit('~g', '~t', 0, 6, { member: 'm', leaseEpoch: '$epoch' }),
  fetch('~g', '~t', 0),
  ask('RELEASE', { group: '~g', member: 'm', offsets: [{ topic: '~t', queue: 0, offset: 4, leaseEpoch: '$epoch' }] }),
  pass(300),
  commit('~g', '~t', 0, 5, { member: 'm', leaseEpoch: '$epoch' }),
  beat('~g', 'm', 'again'),
  fetch('~g', '~t', 0),
]);

const decided = program(
  'the-first-offset-through-a-restart',
  [
    OPEN,
    create('~t', 1),
    send('~t', 0, ['a', 'b']),
    pass(60),
    join('~g', 'm', ['~t'], { from: LAST }),
    pass(300),
    beat('~g', 'm'),
    send('~t', 0, ['c', 'd']),
    { op: 'kill' },
    OPEN,
    fetch('~g', '~t', 0),
    ask('GROUP_DESCRIBE', { group: '~g' }),
  ],
  { alone: true, needs: ['kill'] },
);

/** Each message is a file of the log, and old ones go. */
const DROPS = { log: { segmentBytes: 200, snapshotBytes: 1, retentionBytes: 1_000 } };

const dropped = program(
  'below-the-oldest-offset',
  [
    OPEN,
    create('~t', 1),
    send('~t', 0, ['a']),
    commit('~g', '~t', 0, 0),
    commit('~f', '~t', 0, 0, FREE),
    ...Array.from({ length: 20 }, (_, i) => send('~t', 0, [`m${i}`])),
    ask('TOPIC_DESCRIBE', { topic: '~t' }, { keep: { old: 'queues.0.oldestOffset' } }),
    pull('~t', [[0, 0]], { waitMs: 2_000 }),
    pull('~t', [[0, '$old']]),
    commit('~h', '~t', 0, 0),
    commit('~f', '~t', 0, 1, FREE),
    reset('~f', AT_OFFSET, { toValue: 2 }),
    reset('~f', FIRST),
    fetch('~f', '~t', 0),
    join('~g', 'm', ['~t']),
    pass(300),
    beat('~g', 'm'),
    ask('OFFSET_LOOKUP', { queues: [{ topic: '~t', position: FIRST }] }),
    ask('TOPIC_DESCRIBE', { topic: '~t' }),
  ],
  { alone: true, needs: ['settings'], setup: { broker: DROPS } },
);

export const OFFSET_PROGRAMS: readonly Program[] = [commits, free, kept, lookUps, long, begins, leased, decided, dropped];
