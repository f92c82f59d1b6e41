import { FrameType } from '@qanat/core';
import type { JsonObject } from '../../json.ts';
import type { Program, Step } from '../../play/program.ts';
import { meddle, ONE_BROKER, pass } from '../clients/steps.ts';
import { drained, everywhere, join, program, publish } from './steps.ts';

const FAILING: JsonObject = {
  policy: { fail: 99 },
  options: { deadLetterTopic: '~dead', maxAttempts: 2, retryMs: { first: 50, max: 200 } },
};
const LETTERS = { needs: ['policy', 'dead-letter'] as const, setup: ONE_BROKER };
const dead: Step = { op: 'createTopic', topic: '~dead', queues: 1 };
const letter = (more: JsonObject = {}): Step => publish(0, 0, { tag: 't', properties: { p: 'v' }, ...more });
/** A message with a key goes where its key belongs. */
const keyed: Step = { op: 'publish', key: 'k' };

const broadcaster = (client: string, from: 'first' | 'last'): Step => ({
  op: 'start',
  client,
  mode: 'broadcasting',
  subscriptions: [{ topic: '~orders' }],
  from,
});

export const OFFSET_PROGRAMS: readonly Program[] = [
  program(
    'handlers-take-their-time',
    [
      join('c', { policy: { slow: 250 } }),
      publish(0, 0, { count: 8 }),
      publish(1, 1, { count: 3 }),
      { op: 'awaitDelivered', count: 9 },
      { op: 'close', client: 'c' },
      join('d'),
      drained,
      pass(2_500),
      ...everywhere(),
      drained,
      pass(1_200),
    ],
    { needs: ['policy'] },
  ),
  program(
    'answers-to-commits-get-lost',
    [
      join('c'),
      ...everywhere(),
      drained,
      meddle('*', 'OFFSET_COMMIT', 'answer', 'drop', { times: 2 }),
      pass(14_000),
      ...everywhere(),
      drained,
      pass(1_500),
    ],
    { timing: 'virtual' },
  ),
  program('commit-lost-in-a-rebalance', [
    join('c'),
    ...everywhere({ count: 3 }),
    drained,
    meddle('*', 'OFFSET_COMMIT', 'request', 'drop', { times: 2 }),
    ...everywhere({ count: 2 }),
    drained,
    join('d'),
    pass(1_500),
    ...everywhere(),
    drained,
    pass(6_000),
    { op: 'close', client: 'c' },
    ...everywhere(),
    drained,
  ]),
  program(
    'messages-fail-and-are-tried-again',
    [join('c', { policy: { fail: 2 } }), publish(0, 0, { count: 3 }), publish(0, 1), drained, pass(2_500)],
    { needs: ['policy'], setup: ONE_BROKER },
  ),
  program(
    'dead-letters',
    [
      dead,
      letter({ count: 2 }),
      keyed,
      join('c', FAILING),
      { op: 'awaitFrame', type: FrameType.SEND, count: 3, withinMs: 5_000 },
      pass(2_500),
    ],
    LETTERS,
  ),
  program(
    'dead-letters-are-refused',
    [
      dead,
      meddle('broker-a', 'SEND', 'request', 'error', { code: 'LIMIT_EXCEEDED', times: 2 }),
      letter(),
      join('c', FAILING),
      { op: 'awaitFrame', type: FrameType.SEND, count: 3, withinMs: 8_000 },
      pass(2_500),
    ],
    LETTERS,
  ),
  program(
    'dead-letters-are-on-their-way',
    [
      dead,
      letter(),
      meddle('broker-a', 'SEND', 'answer', 'delay', { ms: 1_500, times: 1 }),
      join('c', FAILING),
      { op: 'awaitFrame', type: FrameType.SEND, count: 1, withinMs: 5_000 },
      { op: 'close', client: 'c' },
      pass(300),
    ],
    LETTERS,
  ),
  program(
    'everybody-gets-everything',
    [
      ...everywhere({ count: 2 }),
      broadcaster('c', 'first'),
      broadcaster('d', 'first'),
      drained,
      { op: 'breakOff', node: 0 },
      ...everywhere(),
      drained,
      broadcaster('e', 'last'),
      pass(800),
      ...everywhere(),
      drained,
      pass(2_200),
    ],
    { needs: ['broadcasting'] },
  ),
];
