import { codeNumber } from '@qanat/core';
import type { Program, Step } from '../../play/program.ts';
import { LEAVE_MS } from './route-circumstances.ts';
import { BOTH, begin, type ClientRole, meddle, ONE_BROKER, ORDERS, pass, programs, work } from './steps.ts';

const toEach = (role: ClientRole): readonly Step[] =>
  role === 'consumer'
    ? [
        { op: 'publish', count: 1 },
        { op: 'publish', count: 1, broker: 1 },
        { op: 'awaitDrained', withinMs: 8_000 },
      ]
    : ['broker-a', 'broker-b'].map((broker) => ({ op: 'send', queue: { broker, queue: 0 }, timeoutMs: 8_000 }));

/** Some of them have queues at each broker. */
const KEYS = ['k1', 'k2', 'k3', 'k4', 'k5', 'k6'];

const NAMES: Readonly<Record<ClientRole, readonly string[]>> = { consumer: ['c', 'd', 'e'], producer: ['p', 'q', 'r'] };

export const ROUTE_PROGRAMS: readonly Program[] = [
  ...programs(
    'nameservers-go-and-come-back',
    BOTH,
    (role) => [
      begin(role),
      ...work(role),
      { op: 'killNode', of: 'nameserver', node: 0 },
      pass(1_500),
      { op: 'startNode', of: 'nameserver', node: 0 },
      pass(500),
      { op: 'killNode', of: 'nameserver', node: 1 },
      pass(1_500),
      ...work(role),
      { op: 'startNode', of: 'nameserver', node: 1 },
      ...(role === 'producer' ? work(role) : []),
      pass(3_500),
      ...work(role),
    ],
    { setup: ONE_BROKER },
  ),
  ...programs('one-nameserver-knows-no-topic', BOTH, (role) => [
    meddle('ns-1', 'ROUTE_QUERY', 'answer', 'alter', {
      set: { 'routes.0.code': codeNumber('TOPIC_NOT_FOUND'), 'routes.0.shares': [] },
      times: 40,
    }),
    ...NAMES[role].map((name) => begin(role, name)),
    ...(role === 'consumer'
      ? [{ op: 'publish', count: 2 }, pass(2_500)]
      : NAMES[role].map((client) => ({ op: 'send', client, timeoutMs: 4_000 }))),
    { op: 'leaveAlone' },
    // What a consumer waits for is a change.
    { op: 'addQueues', queues: 3 },
    { op: 'awaitDrained', withinMs: 4_000 },
  ]),
  ...programs('routes-leave-a-broker-out', BOTH, (role) => [
    begin(role),
    ...toEach(role),
    meddle('*', 'ROUTE_UPDATE', 'push', 'unname', { brokers: ['broker-a'], times: 10 }),
    meddle('*', 'ROUTE_QUERY', 'answer', 'unname', { brokers: ['broker-a'], times: 10 }),
    { op: 'addQueues', queues: 3 },
    pass(role === 'consumer' ? 5_500 : 2_200),
    ...(role === 'consumer' ? toEach(role) : []),
    { op: 'leaveAlone' },
    meddle('*', 'ROUTE_UPDATE', 'push', 'unname', { brokers: ['broker-b'], away: true, times: 10 }),
    { op: 'addQueues', queues: 4 },
    pass(2_200),
    ...toEach(role),
  ]),
  ...programs('shares-in-several-routes', BOTH, (role) => [
    meddle('*', 'ROUTE_QUERY', 'answer', 'splitRoutes', { times: 20 }),
    begin(role),
    ...toEach(role),
    pass(300),
  ]),
  ...programs('endpoints-to-choose-from', BOTH, (role) => [
    meddle('*', 'ROUTE_QUERY', 'answer', 'endpoints', { times: 40 }),
    meddle('*', 'ROUTE_UPDATE', 'push', 'endpoints', { times: 40 }),
    begin(role),
    ...toEach(role),
    pass(300),
  ]),
  ...programs(
    'topic-on-demand',
    ['producer'],
    () => [begin('producer'), { op: 'send', topic: '~fresh', timeoutMs: 8_000, count: 2 }, pass(LEAVE_MS + 500)],
    {
      setup: { createsTopics: true },
    },
  ),
  ...programs(
    'broker-is-the-wrong-one',
    BOTH,
    (role) => [
      begin(role),
      ...work(role),
      pass(1_200),
      meddle('broker-a', role === 'consumer' ? 'PULL' : 'SEND', 'request', 'error', { code: 'WRONG_BROKER', times: 2 }),
      ...work(role),
      ...work(role),
      pass(2_500),
      ...work(role),
      pass(800),
    ],
    { setup: ONE_BROKER },
  ),
  ...programs('broker-is-away-for-a-while', BOTH, (role) => [
    begin(role),
    ...(role === 'consumer' ? toEach(role) : KEYS.map((key) => ({ op: 'send', key }))),
    { op: 'killNode', node: 0 },
    pass(3_000),
    ...(role === 'producer' ? KEYS.map((key) => ({ op: 'send', key, timeoutMs: 12_000, wait: false })) : []),
    pass(500),
    { op: 'startNode', node: 0 },
    ...(role === 'consumer' ? toEach(role) : []),
    pass(2_500),
  ]),
  ...programs('quiet-for-a-minute', ['consumer'], (role) => [begin(role), ...work(role), pass(70_000)], {
    setup: ORDERS,
    timing: 'virtual',
  }),
];
