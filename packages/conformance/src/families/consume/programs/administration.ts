import { LIMITS } from '@qanat/core';
import type { Program, Step } from '../../../play/program.ts';
import { ask, beat, commit, create, FENCE, fetch, join, OPEN, pass, program, pull, reset, send } from '../steps.ts';

const describe = (topic: string): Step => ask('TOPIC_DESCRIBE', { topic });
const LIST: Step = ask('TOPIC_LIST', {});
const GROUPS: Step = ask('GROUP_LIST', {});

const topics = program('topics', [
  OPEN,
  create('~b', 3),
  create('~a', 0),
  create('~b', 3),
  create('~b', 0),
  create('~b', 4),
  create('~B', 1, { onDemand: true }),
  create('~many', LIMITS.QUEUES_PER_TOPIC_MAX + 1),
  create('~most', LIMITS.QUEUES_PER_TOPIC_MAX),
  create('no name', 1),
  create('-', 1),
  LIST,
  describe('~b'),
  describe('~most'),
  ask('TOPIC_ALTER', { topic: '~b', queues: 5 }),
  ask('TOPIC_ALTER', { topic: '~b', queues: 5 }),
  ask('TOPIC_ALTER', { topic: '~b', queues: 4 }),
  ask('TOPIC_ALTER', { topic: '~b', queues: LIMITS.QUEUES_PER_TOPIC_MAX + 1 }),
  send('~b', 4, ['a', 'b']),
  describe('~b'),
  LIST,
  ...['TOPIC_ALTER', 'TOPIC_REMOVE', 'TOPIC_DESCRIBE'].map((frame) =>
    ask(frame, frame === 'TOPIC_ALTER' ? { topic: '~none', queues: 2 } : { topic: '~none' }),
  ),
]);

const again = program('a-topic-made-again', [
  OPEN,
  create('~t', 2),
  send('~t', 0, ['a', 'b']),
  commit('~g', '~t', 0, 2),
  commit('~f', '~t', 0, 1, { kind: 1 }),
  ask('TOPIC_REMOVE', { topic: '~t' }),
  describe('~t'),
  LIST,
  pull('~t', [[0, 0]]),
  create('~t', 1),
  describe('~t'),
  fetch('~g', '~t', 0),
  fetch('~f', '~t', 0),
  pull('~t', [[0, 0]]),
  send('~t', 0, ['c']),
  pull('~t', [[0, 0]]),
  describe('~t'),
  GROUPS,
]);

const kept = program(
  'topics-through-restarts',
  [
    OPEN,
    create('~t', 3),
    create('~gone', 1),
    { op: 'kill' },
    OPEN,
    describe('~t'),
    ask('TOPIC_ALTER', { topic: '~t', queues: 4 }),
    ask('TOPIC_REMOVE', { topic: '~gone' }),
    { op: 'kill' },
    OPEN,
    describe('~t'),
    describe('~gone'),
    LIST,
  ],
  { alone: true, needs: ['kill'] },
);

const closed = program(
  'no-topics-on-demand',
  [OPEN, create('~t', 1, { onDemand: true }), describe('~t'), create('~t', 1), create('~t', 1, { onDemand: true })],
  { alone: true, needs: ['settings'], setup: { broker: { createsTopics: false } } },
);

const few = program('no-more-topics', [OPEN, create('~a', 1), create('~b', 1), create('~c', 1), create('~a', 1), LIST], {
  alone: true,
  needs: ['settings'],
  setup: { broker: { limits: { topicsMax: 2 } } },
});

const groups = program('groups', [
  OPEN,
  create('~t', 2),
  send('~t', 0, ['a', 'b', 'c']),
  send('~t', 1, ['d']),
  ask('GROUP_DESCRIBE', { group: '~none' }),
  reset('~none', 0),
  commit('~f', '~t', 0, 2, { kind: 1 }),
  commit('~b', '~t', 1, 0),
  join('~a', 'm', ['~t']),
  pass(300),
  beat('~a', 'm'),
  commit('~a', '~t', 0, 1, { member: 'm', leaseEpoch: '$epoch' }),
  GROUPS,
  ...['~a', '~b', '~f'].map((group) => ask('GROUP_DESCRIBE', { group })),
  ask('LEAVE', { group: '~a', member: 'm' }),
  GROUPS,
  ask('GROUP_DESCRIBE', { group: '~a' }),
]);

const resets = program('resets', [
  OPEN,
  create('~t', 2),
  send('~t', 0, ['a', 'b']),
  pass(30),
  send('~t', 0, ['c', 'd', 'e'], { keep: { time: 'storeTimeMs' } }),
  send('~t', 1, ['f']),
  commit('~g', '~t', 0, 4),
  reset('~g', 0, { dryRun: true, queues: [{ topic: '~t' }] }),
  reset('~g', 3, { toValue: 9, dryRun: true }),
  fetch('~g', '~t', 0, 1),
  reset('~g', 3, { toValue: 1 }),
  fetch('~g', '~t', 0, 1),
  reset('~g', 3, { toValue: 3, queues: [{ topic: '~t', queues: [0, 1] }] }),
  fetch('~g', '~t', 0, 1),
  reset('~g', 2, { toValue: '$time', queues: [{ topic: '~t' }] }),
  fetch('~g', '~t', 0, 1),
  reset('~g', 1, { queues: [{ topic: '~t', queues: [0] }, { topic: '~none' }] }),
  reset('~g', 0),
  fetch('~g', '~t', 0, 1),
]);

const leased = program('a-reset-of-leases', [
  OPEN,
  create('~t', 2),
  send('~t', 0, ['a', 'b', 'c']),
  join('~g', 'm', ['~t']),
  pass(300),
  beat('~g', 'm'),
  commit('~g', '~t', 0, 2, { member: 'm', leaseEpoch: '$epoch' }),
  reset('~g', 0, { dryRun: true }),
  commit('~g', '~t', 0, 3, { member: 'm', leaseEpoch: '$epoch' }),
  pull('~t', [{ queue: 0, offset: 0, leaseEpoch: '$epoch' }], { group: '~g', member: 'm' }),
  reset('~g', 3, { toValue: 1, queues: [{ topic: '~t', queues: [0] }] }),
  commit('~g', '~t', 0, 3, { member: 'm', leaseEpoch: '$epoch' }),
  fetch('~g', '~t', 0),
  pass(300),
  beat('~g', 'm', 'again'),
  FENCE,
]);

export const ADMIN_PROGRAMS: readonly Program[] = [topics, again, kept, closed, few, groups, resets, leased];
