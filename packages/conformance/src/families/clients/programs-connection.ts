import { codeNumber } from '@qanat/core';
import type { Program, Step } from '../../play/program.ts';
import { BOTH, begin, meddle, member, ONE_BROKER, pass, programs, work } from './steps.ts';

const MISLEADING = {
  code: codeNumber('SHUTTING_DOWN'),
  message: 'SUBSCRIPTION_CONFLICT LEASE_FENCED: never come back',
  graceMs: 5_000,
};

/** Servers that are heard all the time: who does not send meanwhile has no other reason to close the connection. */
const chatter = (everyMs: number, times: number): readonly Step[] =>
  Array.from({ length: times }, () => [
    { op: 'push', of: 'broker', flags: ['ONEWAY', 'IGNORABLE'] },
    { op: 'push', of: 'nameserver', flags: ['ONEWAY', 'IGNORABLE'] },
    { op: 'push', of: 'nameserver', node: 1, flags: ['ONEWAY', 'IGNORABLE'] },
    pass(everyMs),
  ]).flat();

export const CONNECTION_PROGRAMS: readonly Program[] = [
  ...programs(
    'servers-say-goaway-and-stay',
    BOTH,
    (role) => [
      begin(role),
      ...work(role),
      { op: 'push', of: 'broker', frame: 'GOAWAY', flags: ['ONEWAY'], header: MISLEADING },
      { op: 'push', of: 'nameserver', frame: 'GOAWAY', flags: ['ONEWAY'], header: MISLEADING },
      { op: 'push', of: 'nameserver', node: 1, frame: 'GOAWAY', flags: ['ONEWAY'], header: MISLEADING },
      pass(500),
      ...work(role),
      pass(3_500),
      ...work(role),
    ],
    { setup: ONE_BROKER },
  ),
  // One client: which connections are its is sure. It begins with either NameServer.
  ...[0, 1].flatMap((node) =>
    programs(`bootstrap-server-${node + 1}-hangs`, BOTH, (role) => [
      { op: 'hangNode', of: 'nameserver', node },
      begin(role),
      ...work(role, { timeoutMs: 9_500 }),
      pass(7_000),
    ]),
  ),
  ...programs('hung-bootstrap-server', BOTH, (role) => {
    const names = role === 'consumer' ? ['c', 'd', 'e'] : ['p', 'q', 'r'];
    return [
      { op: 'hangNode', of: 'nameserver', node: 0 },
      ...names.map((name) => begin(role, name)),
      ...(role === 'consumer'
        ? [
            { op: 'publish', count: 2 },
            { op: 'awaitDrained', withinMs: 9_500 },
          ]
        : names.map((client) => ({ op: 'send', client, timeoutMs: 9_500, wait: false }))),
      pass(role === 'consumer' ? 2_500 : 9_000),
    ];
  }),
  ...programs(
    'greeting-breaks-again-and-again',
    BOTH,
    (role) => [
      meddle('broker-a', 'HELLO', 'request', 'close', { times: 6 }),
      begin(role),
      ...work(role, { timeoutMs: 9_000 }),
      pass(300),
    ],
    { setup: ONE_BROKER },
  ),
  // A server that greets at once has greeted before it sees what came in one piece with HELLO.
  ...programs(
    'greeting-comes-late',
    BOTH,
    (role) => [
      meddle('*', 'HELLO', 'answer', 'delay', { ms: 400, times: 20 }),
      // Of a topic that is missing somebody else is asked, on a connection for that question.
      ...(role === 'consumer'
        ? [member('c', { subscriptions: [{ topic: '~orders' }, { topic: '~missing' }] })]
        : [begin(role), { op: 'send', topic: '~missing', timeoutMs: 8_000 }]),
      ...work(role),
    ],
    { setup: { ...ONE_BROKER, createsTopics: true } },
  ),
  ...programs(
    'another-broker-answers',
    BOTH,
    (role) => [
      meddle('broker-a', 'HELLO', 'answer', 'alter', { set: { name: 'somebody-else' }, times: 2 }),
      begin(role),
      ...work(role),
      pass(500),
    ],
    { setup: ONE_BROKER },
  ),
  ...programs(
    'silence-of-a-few-seconds',
    BOTH,
    (role) => [
      meddle('*', 'HELLO', 'answer', 'alter', { set: { idleMs: 3_000 }, times: 20 }),
      begin(role),
      ...work(role),
      ...chatter(1_000, 5),
      { op: 'hangNode', of: 'nameserver', node: 0 },
      { op: 'hangNode', of: 'nameserver', node: 1 },
      pass(5_500),
    ],
    { setup: ONE_BROKER, timing: 'virtual' },
  ),
  ...programs(
    'short-silence',
    BOTH,
    (role) => [
      meddle('*', 'HELLO', 'answer', 'alter', { set: { idleMs: 1_500 }, times: 20 }),
      begin(role),
      ...work(role),
      ...chatter(500, 5),
      { op: 'hangNode', of: 'nameserver', node: 0 },
      { op: 'hangNode', of: 'nameserver', node: 1 },
      pass(3_500),
    ],
    { setup: ONE_BROKER },
  ),
  ...programs(
    'long-life',
    BOTH,
    (role) => [
      begin(role),
      ...work(role),
      pass(75_000),
      { op: 'killNode', of: 'nameserver', node: 0 },
      pass(15_000),
      { op: 'startNode', of: 'nameserver', node: 0 },
      { op: 'killNode', of: 'nameserver', node: 1 },
      pass(15_000),
      ...work(role),
    ],
    { setup: ONE_BROKER, timing: 'virtual' },
  ),
];
