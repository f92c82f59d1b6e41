import { FRAMES } from '@qanat/core';
import type { JsonObject } from '../../json.ts';
import type { Program, Step } from '../../play/program.ts';
import { as, ask, FENCE, on, pass, program, USERS } from './people.ts';
import { type Names, requestOf, servedBy } from './requests.ts';

const names = (broker: string, topic = 'thing'): Names => ({ topic, group: '', broker });
const query = (...topics: readonly string[]): Step => ask('ROUTE_QUERY', { topics: [...topics] });
const watch = (...topics: readonly string[]): Step => ask('ROUTE_QUERY', { topics: [...topics], watch: true });
const ALL: Step = ask('ROUTE_QUERY', { all: true });

const TOPICS = ['exact', 'exact2', 'exac', 'logs.a', 'logs', 'seen.a', 'seen', 'new', 'new.1', 'other'];

/** `me` registers these topics. */
const registers = (topics: readonly string[], queues = 1, revision = 1, more: JsonObject = {}): Step => {
  const { header, ...step } = requestOf('REGISTER_BROKER', names('me'));
  return {
    ...step,
    op: 'request',
    header: { ...(header as JsonObject), revision, topics: topics.map((topic) => ({ topic, queues })) },
    ...more,
  };
};

/** One request of every type by somebody, about a broker of another name and then of his own. */
const everyFrame = (name: string): Program =>
  program(`every-frame-by-${name}`, 'nameserver', [
    as('me'),
    registers(['exact', 'other']),
    as(name),
    ...['ghost', name].flatMap((broker) => servedBy('nameserver').map((frame) => on(1, requestOf(frame, names(broker))))),
    on(1, FENCE),
    as('root'),
    query('thing', 'exact'),
    ALL,
  ]);

const OF_BROKERS = servedBy('nameserver').filter((frame) => FRAMES[frame].access === 'role broker');

export const NAME_SERVER_PROGRAMS: readonly Program[] = [
  ...USERS.filter(({ name }) => name !== 'slow' && name !== 'me').map(({ name }) => everyFrame(String(name))),
  ...['reader', 'writer', 'none', 'full', 'root', 'copy', 'you'].map((name) =>
    program(`routes-for-${name}`, 'nameserver', [
      as('me'),
      registers(TOPICS),
      as(name),
      query(...TOPICS, 'nowhere', 'seen.nowhere', 'exact3'),
      ALL,
      watch(...TOPICS, 'nowhere', 'seen.later', 'later'),
      on(0, registers([...TOPICS, 'seen.later', 'later'], 2, 2)),
      pass(1_500),
      on(1, ALL),
    ]),
  ),
  program('what-there-is-is-not-told', 'nameserver', [
    as('me'),
    registers(['exact']),
    as('full'),
    ...OF_BROKERS.flatMap((frame) => [
      { op: 'frame', type: FRAMES[frame].type, control: 'ff', wait: true },
      { op: 'frame', type: FRAMES[frame].type, wait: true },
    ]),
    FENCE,
    query('exact'),
  ]),
  program('a-broker-speaks-for-itself', 'nameserver', [
    as('me'),
    as('you'),
    ...[0, 1].flatMap((c) => OF_BROKERS.flatMap((frame) => ['me', 'you'].map((name) => on(c, requestOf(frame, names(name)))))),
    on(0, requestOf('REGISTER_BROKER', names('me'))),
    on(1, requestOf('UNREGISTER_BROKER', names('me'))),
    on(1, requestOf('BROKER_HEARTBEAT', names('me'))),
    on(0, requestOf('BROKER_HEARTBEAT', names('me'))),
    as('root'),
    query('thing'),
  ]),
  program('forbidden-one-way', 'nameserver', [
    as('me'),
    registers(['exact']),
    as('full'),
    { ...requestOf('REGISTER_BROKER', names('ghost')), op: 'oneWay' },
    { ...requestOf('UNREGISTER_BROKER', names('me')), op: 'oneWay' },
    FENCE,
    as('root'),
    query('exact', 'thing'),
    ALL,
  ]),
  program('rate', 'nameserver', [
    as('slow'),
    as('slow'),
    as('full'),
    ...Array.from({ length: 14 }, () => on(0, query('exact'))),
    on(1, query('exact')),
    on(2, query('exact')),
    pass(2_500),
    on(1, query('exact')),
    on(0, query('exact')),
  ]),
];
