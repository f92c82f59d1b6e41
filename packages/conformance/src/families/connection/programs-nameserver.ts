import { LIMITS } from '@qanat/core';
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
  role: 'nameserver',
  steps,
  ...parts,
});

const ENDPOINT = { listener: 'default', scheme: 'qanat', address: '127.0.0.1:7610' };

const register = (broker: string, topics: readonly string[], parts: JsonObject = {}): Step => ({
  op: 'request',
  frame: 'REGISTER_BROKER',
  header: {
    broker,
    cluster: 'default',
    storeId: { $bytes: 16 },
    term: 1,
    revision: 1,
    endpoints: [ENDPOINT],
    topics: topics.map((topic) => ({ topic, queues: 1 })),
    ...parts,
  },
});

const heartbeat = (broker: string): Step => ({
  op: 'request',
  frame: 'BROKER_HEARTBEAT',
  header: { broker, storeId: { $bytes: 16 }, term: 1, revision: 1 },
  wait: false,
});

const query = (...topics: string[]): Step => ({ op: 'request', frame: 'ROUTE_QUERY', header: { topics } });

/** An answer of more than a megabyte: all topics of a broker that has many. */
const ALL: Step = { op: 'request', frame: 'ROUTE_QUERY', header: { all: true }, wait: false };
const MORE_THAN_SYSTEMS_HOLD: readonly Step[] = Array.from({ length: 5 }, () => ({ ...ALL, c: 1 }));
const MANY_TOPICS: Step = { op: 'registerMuch', broker: '~many', frames: 18 };

export const NAME_SERVER_PROGRAMS: readonly Program[] = [
  program('refused-registration', [
    OPEN,
    register('~bad', ['~known', '../etc']),
    query('~known'),
    register('~good', ['~known']),
    query('~known'),
  ]),
  program('lists-and-endpoints', [
    OPEN,
    { op: 'many', frame: 'ROUTE_QUERY', list: 'topics', item: 'a', count: LIMITS.LIST_ITEMS_MAX },
    { op: 'many', frame: 'ROUTE_QUERY', list: 'topics', item: 'a', count: LIMITS.LIST_ITEMS_MAX + 1 },
    register('~broker', ['~orders'], { endpoints: Array.from({ length: LIMITS.ENDPOINTS_PER_BROKER_MAX + 1 }, () => ENDPOINT) }),
    FENCE,
  ]),
  program(
    'more-brokers-than-allowed',
    [OPEN, register('~one', ['~orders']), OPEN, register('~two', ['~orders']), query('~orders')],
    { alone: true, needs: ['settings'], setup: { nameServer: { brokersMax: 1 } } },
  ),
  program('pipelined', [
    OPEN,
    OPEN,
    { op: 'repeat', c: 0, times: 32, frame: 'ROUTE_QUERY', header: { topics: ['~a', '~b'] } },
    { op: 'repeat', c: 1, times: 32, frame: 'ROUTE_QUERY', header: { topics: ['~b'] } },
    { op: 'fence', c: 0 },
    { op: 'fence', c: 1 },
  ]),
  program(
    'too-many-connections',
    [OPEN, OPEN, OPEN, OPEN, SILENT, GONE, { op: 'pass', ms: 20 }, { op: 'close', c: 1 }, { op: 'pass', ms: 50 }, OPEN, FENCE],
    { alone: true, needs: ['settings'], setup: { nameServer: { connectionsMax: 4 } } },
  ),
  program(
    'slow-reader-is-idle',
    [
      OPEN,
      MANY_TOPICS,
      { op: 'open', hello: { idleMs: 1_000 } },
      { op: 'reading', c: 1, on: false },
      { ...ALL, c: 1 },
      { op: 'pass', ms: 1_900 },
      { op: 'reading', c: 1, on: true },
      { op: 'awaitClose', c: 1 },
    ],
    { timing: 'virtual', alone: true },
  ),
  program(
    'slow-reader-is-idle-in-real-time',
    [
      OPEN,
      MANY_TOPICS,
      { op: 'open', hello: { idleMs: 1_000 } },
      { op: 'reading', c: 1, on: false },
      ...MORE_THAN_SYSTEMS_HOLD,
      { op: 'pass', ms: 1_500, slacks: 4 },
      { op: 'reading', c: 1, on: true },
      { op: 'awaitClose', c: 1 },
    ],
    { timing: 'real', alone: true },
  ),
  program(
    'slow-reader-asks-for-more-in-real-time',
    [
      OPEN,
      MANY_TOPICS,
      OPEN,
      { op: 'reading', c: 1, on: false },
      ...MORE_THAN_SYSTEMS_HOLD,
      { op: 'pass', ms: 100, slacks: 5 },
      { ...register('~late', ['~late']), c: 1, wait: false },
      { op: 'pass', ms: 100, slacks: 2 },
      { ...query('~late'), c: 0 },
      { op: 'reading', c: 1, on: true },
      { op: 'fence', c: 1 },
    ],
    { timing: 'real', alone: true },
  ),
  program(
    'slow-reader-reads-again',
    [
      OPEN,
      MANY_TOPICS,
      { op: 'open', hello: { idleMs: 1_000 } },
      { op: 'reading', c: 1, on: false },
      { ...ALL, c: 1 },
      { op: 'pass', ms: 200 },
      { ...register('~late', ['~late']), c: 1, wait: false },
      { op: 'pass', ms: 200 },
      { ...query('~late'), c: 0 },
      { op: 'pass', ms: 400 },
      { op: 'reading', c: 1, on: true },
      { op: 'pass', ms: 800 },
      { op: 'fence', c: 1 },
    ],
    { timing: 'virtual', alone: true },
  ),
  program(
    'slow-reader-watches',
    [
      OPEN,
      { op: 'registerMuch', broker: '~many' },
      OPEN,
      { op: 'watchMuch', c: 1 },
      { op: 'reading', c: 1, on: false },
      { op: 'registerOften', c: 0, broker: '~many', times: 36 },
      { op: 'reading', c: 1, on: true },
      { op: 'awaitClose', c: 1, withinMs: 1_000 },
    ],
    { timing: 'virtual', alone: true, needs: ['settings'], setup: { nameServer: { session: { pendingBytesMax: 200_000 } } } },
  ),
  program(
    'stands-still-with-brokers',
    [
      OPEN,
      register('~orders', ['~orders']),
      { op: 'pass', ms: 3_000 },
      { op: 'standStill' },
      { op: 'pass', ms: 1_000 },
      heartbeat('~orders'),
      { op: 'pass', ms: 3_000 },
      { op: 'goOn' },
      { op: 'pass', ms: 100 },
      query('~orders'),
    ],
    { alone: true, needs: ['pause'], timing: 'virtual' },
  ),
];
