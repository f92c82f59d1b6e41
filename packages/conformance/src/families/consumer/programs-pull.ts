import { codeNumber } from '@qanat/core';
import type { Program } from '../../play/program.ts';
import { meddle, ONE_BROKER, pass } from '../clients/steps.ts';
import { drained, everywhere, join, program, publish } from './steps.ts';

const both = [publish(0, 0), publish(1, 1)];

export const PULL_PROGRAMS: readonly Program[] = [
  program('silent-after-reconnect', [
    join('c'),
    ...both,
    drained,
    // While a PULL waits.
    { op: 'breakOff', node: 0 },
    ...both,
    drained,
    // While HELLO, then a heartbeat waits for its answer.
    meddle('broker-a', 'HELLO', 'request', 'close'),
    { op: 'breakOff', node: 0 },
    ...both,
    drained,
    meddle('broker-b', 'CLIENT_HEARTBEAT', 'request', 'close'),
    { op: 'breakOff', node: 1 },
    ...both,
    drained,
    // In place of messages, and of the answer to a commit.
    meddle('*', 'PULL', 'answer', 'close', { times: 2 }),
    ...both,
    drained,
    meddle('broker-a', 'OFFSET_COMMIT', 'request', 'takeAndClose'),
    ...both,
    pass(1_200),
    ...both,
    drained,
    { op: 'killNode', node: 0 },
    { op: 'startNode', node: 0 },
    ...both,
    drained,
    { op: 'stopNode', node: 1 },
    { op: 'startNode', node: 1 },
    ...both,
    drained,
  ]),
  program(
    'a-batch-is-read-from-its-middle',
    [
      publish(0, 0, { count: 6 }),
      join('c', { policy: { slow: 300 } }),
      { op: 'awaitDelivered', count: 3 },
      { op: 'close', client: 'c' },
      join('d'),
      drained,
      pass(300),
    ],
    { needs: ['policy'], setup: ONE_BROKER },
  ),
  program(
    'tags-of-one-checksum',
    [
      publish(0, 0, { count: 5, tags: ['plumless', 'buckeroo', 'plumless', 'other', 'plumless'] }),
      publish(0, 0, { tag: 'buckeroo' }),
      join('c', { subscriptions: [{ topic: '~orders', filter: 'plumless' }] }),
      publish(0, 1, { count: 2, tags: ['', 'plumless'] }),
      drained,
      publish(0, 1, { tag: 'buckeroo' }),
      publish(0, 1, { tag: 'plumless' }),
      drained,
      pass(300),
    ],
    { setup: ONE_BROKER },
  ),
  program(
    'answers-to-pull-that-are-broken',
    [
      join('c'),
      publish(0, 0),
      drained,
      meddle('broker-a', 'PULL', 'answer', 'alter', { set: { 'results.0.bytes': 5 } }),
      publish(0, 0),
      drained,
      meddle('broker-a', 'PULL', 'answer', 'alter', { set: { 'results.0.queue': 99 } }),
      publish(0, 0),
      drained,
      pass(300),
    ],
    { setup: ONE_BROKER },
  ),
  program(
    'offsets-that-are-gone',
    [
      join('c'),
      publish(0, 0, { count: 3 }),
      { op: 'awaitDelivered', count: 3 },
      meddle('broker-a', 'PULL', 'answer', 'alter', {
        set: {
          'results.0.code': codeNumber('OFFSET_OUT_OF_RANGE'),
          'results.0.nextOffset': 5,
          'results.0.oldestOffset': 5,
          'results.0.bytes': 0,
        },
        payload: '',
      }),
      publish(0, 0, { count: 4 }),
      { op: 'awaitDelivered', count: 5, withinMs: 5_000 },
      publish(0, 0),
      { op: 'awaitDelivered', count: 6, withinMs: 5_000 },
      pass(2_200),
    ],
    { setup: ONE_BROKER },
  ),
  program(
    'handlers-hang-and-messages-pile-up',
    [{ op: 'bulk', batches: 21, records: 200, size: 8_200 }, join('c', { policy: { hang: true } }), pass(2_500)],
    { needs: ['policy'], setup: { ...ONE_BROKER, topics: [{ topic: 'orders', queues: 1 }] } },
  ),
  program('a-pull-is-never-answered', [
    join('c'),
    ...everywhere(),
    drained,
    meddle('broker-a', 'PULL', 'answer', 'drop'),
    ...everywhere(),
    { op: 'awaitDrained', withinMs: 60_000 },
    pass(8_000),
    ...everywhere(),
    drained,
  ]),
];
