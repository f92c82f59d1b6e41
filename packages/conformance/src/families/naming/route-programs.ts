import { LIMITS } from '@qanat/core';
import type { Program, Step } from '../../play/program.ts';
import { OPEN, program, query, register, SETTLE, wait, watch } from './server-steps.ts';

const WATCHING: readonly Program[] = [
  program('a-watched-topic-appears', [
    OPEN,
    OPEN,
    watch(1, '~t1', '~t2', '~t3'),
    register(0, {
      topics: [
        ['~t1', 4],
        ['~t2', 2],
      ],
      creates: true,
    }),
    SETTLE,
    query(1, '~t1', '~t2', '~t3', '-bad', '~t1'),
    { op: 'query', c: 1, all: true },
    { op: 'query', c: 1, all: true, watch: true },
    { op: 'query', c: 1, all: true, topics: ['~t1'] },
    query(1, '~t1', ''),
    query(1),
  ]),
  program('what-changes-in-a-registration-is-told', [
    OPEN,
    OPEN,
    register(0),
    watch(1, '~t1'),
    register(0, { revision: 2, topics: [['~t1', 8]] }),
    SETTLE,
    register(0, {
      revision: 3,
      topics: [
        ['~t1', 8],
        ['~t2', 1],
      ],
      host: 5,
    }),
    SETTLE,
    register(0, { revision: 1, term: 2, topics: [['~t1', 8]] }),
    SETTLE,
    register(0, { revision: 2, term: 2, topics: [['~t2', 8]] }),
    SETTLE,
  ]),
  program('cluster-and-creation-are-told', [
    OPEN,
    OPEN,
    register(0),
    watch(1, '~t1'),
    register(0, { revision: 2, cluster: 'other' }),
    SETTLE,
    register(0, { revision: 3, cluster: 'other', creates: true }),
    SETTLE,
  ]),
  program('leaving-and-coming-back-is-told', [
    OPEN,
    OPEN,
    register(0, {
      topics: [
        ['~t1', 4],
        ['~t2', 4],
      ],
    }),
    register(0, { broker: '~b1' }),
    watch(1, '~t1', '~t2'),
    { op: 'unregister', c: 0 },
    SETTLE,
    { op: 'heartbeat', c: 0 },
    SETTLE,
    { op: 'unregister', c: 0 },
    SETTLE,
  ]),
  program(
    'a-watch-outlives-errors-and-silence',
    [
      OPEN,
      OPEN,
      watch(1, '~t1'),
      register(0),
      SETTLE,
      query(1, ''),
      { op: 'query', c: 1, all: true, watch: true },
      watch(1, '~t2'),
      wait(90_000),
      register(0, { revision: 2, topics: [['~t1', 1]] }),
      SETTLE,
      wait(90_000),
    ],
    { timing: 'virtual' },
  ),
  program('as-many-topics-as-can-be-watched', [
    OPEN,
    OPEN,
    ...Array.from({ length: 6 }, (_, i): Step => ({ op: 'watchMany', c: 1, from: i * 3_000, count: 3_000 })),
    { op: 'watchMany', c: 1, from: 0, count: 3_000 },
    { op: 'watchMany', c: 1, from: 18_000, count: LIMITS.WATCHED_TOPICS_MAX - 18_000 + 1 },
    register(0, {
      topics: [
        ['~w1', 1],
        ['~w18001', 1],
      ],
    }),
    SETTLE,
    { op: 'watchMany', c: 1, from: 18_000, count: 2_000 },
    register(0, {
      revision: 2,
      topics: [
        ['~w18001', 2],
        ['~w20000', 1],
      ],
    }),
    SETTLE,
  ]),
];

const ROUTING: readonly Program[] = [
  program('shares-are-sorted', [
    OPEN,
    ...(['~b2', '~b10', '~B1', '~b_1', '~b1.x', '~_b', '~9b'] as const).map((broker, i) => register(0, { broker, host: i })),
    watch(0, '~t1'),
    { op: 'unregister', c: 0, broker: '~b2' },
    SETTLE,
    query(0, '~t1'),
    query(0, '~t1', '~t1', '~t2'),
    { op: 'query', c: 0, all: true },
  ]),
  program('brokers-that-create-topics', [
    OPEN,
    register(0, { creates: true, topics: [] }),
    register(0, { broker: '~b1', creates: true }),
    register(0, { broker: '~b2', topics: [['~t2', 1]] }),
    query(0, '~none'),
    watch(0, '~t2'),
    register(0, { broker: '~b2', revision: 2, topics: [['~t2', 2]] }),
    SETTLE,
    { op: 'unregister', c: 0, broker: '~b1' },
    query(0, '~t2'),
    { op: 'query', c: 0, all: true },
  ]),
];

export const ROUTE_PROGRAMS: readonly Program[] = [...WATCHING, ...ROUTING];
