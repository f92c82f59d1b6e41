import { FRAMES } from '@qanat/core';
import type { Program, Step } from '../../play/program.ts';
import { REGISTER_AGAIN } from './generated.ts';

const OPEN: Step = { op: 'open' };
const NAME_SERVERS: Step = { op: 'nameServers' };
const wait = (ms: number): Step => ({ op: 'wait', ms });
const create = (topic: string, queues = 2): Step => ({ op: 'request', frame: 'TOPIC_CREATE', header: { topic, queues } });
const awaitFrame = (frame: keyof typeof FRAMES, count: number, withinMs = 5_000): Step => ({
  op: 'awaitFrame',
  type: FRAMES[frame].type,
  count,
  withinMs,
});
/** The broker has registered at both NameServers. */
const REGISTERED = awaitFrame('REGISTER_BROKER', 2);

const program = (name: string, steps: readonly Step[], more: Partial<Program> = {}): Program => ({
  family: 'naming',
  name,
  role: 'broker',
  setup: { kit: { nameServers: 2 } },
  needs: ['register'],
  alone: true,
  steps: [NAME_SERVERS, REGISTERED, ...steps],
  ...more,
});

const SEND: Step = {
  op: 'request',
  frame: 'SEND',
  header: { topic: '~t1' },
  payload: { batch: { records: [{ body: 'one' }] } },
};
const PULL: Step = {
  op: 'request',
  frame: 'PULL',
  header: { queues: [{ topic: '~t1', queue: 0, offset: 0 }], maxBytes: 65_536 },
};

/** A group whose topic the broker watches at its NameServers. */
const GROUP: Step = {
  op: 'request',
  frame: 'CLIENT_HEARTBEAT',
  header: { group: '~g', member: 'm1', revision: 1, subscription: { version: 1, topics: [{ topic: '~t1', filter: '' }] } },
};

export const BROKER_PROGRAMS: readonly Program[] = [
  program('topics-of-a-broker-are-registered', [
    OPEN,
    create('~t1', 4),
    wait(1_500),
    { op: 'request', frame: 'TOPIC_ALTER', header: { topic: '~t1', queues: 8 } },
    create('~t2'),
    wait(1_500),
    { op: 'request', frame: 'TOPIC_REMOVE', header: { topic: '~t1' } },
    wait(1_500),
    { op: 'breakOff', node: 0 },
    wait(1_500),
  ]),
  program('a-registration-of-several-frames', [
    OPEN,
    { op: 'createMany', count: 1_200 },
    wait(1_500),
    { op: 'breakOff' },
    wait(1_000),
  ]),
  program(
    'changes-while-registrations-go-on',
    [
      OPEN,
      { op: 'meddle', way: 'answer', frame: 'BROKER_HEARTBEAT', do: 'replace', hex: REGISTER_AGAIN, correlate: true, times: 400 },
      ...Array.from({ length: 8 }, (_, i): Step[] => [
        create(`~t${i}`),
        wait(37),
        { op: 'request', frame: 'TOPIC_REMOVE', header: { topic: `~t${i}` } },
        wait(61),
      ]).flat(),
      wait(300),
    ],
    { setup: { kit: { nameServers: 2, nameServer: { heartbeatMs: 15 } } } },
  ),
  program('the-name-server-says-how-often', [wait(1_500)], {
    setup: { kit: { nameServers: 1, nameServer: { heartbeatMs: 200 } } },
    steps: [NAME_SERVERS, awaitFrame('REGISTER_BROKER', 1), wait(1_500), { op: 'breakOff' }, wait(1_500)],
  }),
  program('heartbeats-go-on-behind-registrations', [OPEN, create('~t1'), wait(3_500), create('~t2'), wait(3_500)]),
  program('a-heartbeat-is-answered-with-register', [
    { op: 'meddle', way: 'answer', frame: 'BROKER_HEARTBEAT', do: 'replace', hex: REGISTER_AGAIN, correlate: true, times: 2 },
    wait(7_500),
  ]),
  program('the-whole-report', [wait(65_000)], { timing: 'virtual' }),
  program('the-whole-report-as-often-as-is-set', [wait(5_000)], {
    setup: { kit: { nameServers: 2 }, broker: { times: { reportMs: 2_000 } } },
    needs: ['register', 'settings'],
  }),
  program('a-name-server-is-started-again', [
    OPEN,
    create('~t1'),
    GROUP,
    wait(1_000),
    { op: 'killNode', node: 0 },
    wait(1_000),
    { op: 'startNode', node: 0 },
    wait(6_500),
  ]),
  program(
    'a-name-server-is-gone-for-long',
    [
      { op: 'killNode', node: 1 },
      wait(600_000),
      { op: 'startNode', node: 1 },
      wait(70_000),
      { op: 'hangNode', node: 0 },
      wait(120_000),
      { op: 'resumeNode', node: 0 },
      wait(70_000),
    ],
    { timing: 'virtual' },
  ),
  program('without-name-servers', [
    OPEN,
    create('~t1'),
    wait(500),
    { op: 'killNode', node: 0 },
    { op: 'hangNode', node: 1 },
    wait(1_500),
    create('~t2'),
    SEND,
    PULL,
    { op: 'request', frame: 'TOPIC_LIST', header: {} },
    { op: 'request', frame: 'INIT_PRODUCER', header: {} },
    wait(5_000),
    SEND,
    PULL,
  ]),
  program(
    'started-without-name-servers',
    [
      { op: 'killNode', node: 0 },
      { op: 'killNode', node: 1 },
      { op: 'killSubject' },
      wait(6_000),
      OPEN,
      create('~t1'),
      SEND,
      PULL,
      { op: 'startNode', node: 0 },
      { op: 'startNode', node: 1 },
      wait(6_000),
    ],
    { needs: ['register', 'kill'] },
  ),
  program('its-name-is-in-use', [
    OPEN,
    { op: 'meddle', frame: 'REGISTER_BROKER', do: 'error', code: 'NAME_IN_USE', times: 3 },
    create('~t1'),
    wait(4_000),
    { op: 'meddle', frame: 'REGISTER_BROKER', do: 'error', code: 'TERM_FENCED', times: 3 },
    create('~t2'),
    wait(35_000),
  ]),
  program(
    'a-planned-stop',
    [OPEN, create('~t1'), wait(500), { op: 'restartSubject' }, awaitFrame('REGISTER_BROKER', 6), wait(500)],
    {
      needs: ['register', 'stop'],
    },
  ),
];
