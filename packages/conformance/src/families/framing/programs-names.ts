import type { Program, Step } from '../../play/program.ts';
import { OPEN, programFor, STORE } from './steps.ts';

/** From the grammar, on its edges. */
const WRONG_NAMES = ['-orders', '.orders', 'or ders', 'orders/1', 'órders', 'orders\n', 'a|b', '*', 'a%b', 'orders\u0000', '～'];
/** Long as they are, names that are made unique would pass the limit: these are not. */
const RIGHT_NAMES = ['_', '0', 'A-b.c_D', 'z'.repeat(127)];

const create = (topic: string, queues = 1): Step => ({ op: 'request', frame: 'TOPIC_CREATE', header: { topic, queues } });
const describe = (topic: string): Step => ({ op: 'request', frame: 'TOPIC_DESCRIBE', header: { topic } });
const register = (header: Step['header']): Step => ({ op: 'request', frame: 'REGISTER_BROKER', header }) as Step;
const query = (...topics: string[]): Step => ({ op: 'request', frame: 'ROUTE_QUERY', header: { topics } });
const broker = (name: string, topics: readonly string[], cluster = '') => ({
  broker: name,
  cluster,
  storeId: STORE,
  term: 1,
  revision: 1,
  topics: topics.map((topic) => ({ topic, queues: 1 })),
});

const beat = (group: string, member: string, filter: string, more: object = {}): Step =>
  ({
    op: 'request',
    frame: 'CLIENT_HEARTBEAT',
    header: { group, member, revision: 1, subscription: { topics: [{ topic: '~orders', filter }] }, ...more },
  }) as Step;
const labelled = (member: string, label: string, c: number): Step => ({ ...beat('~labels', member, '', { label }), c }) as Step;
const pull = (filter: string): Step => ({
  op: 'request',
  frame: 'PULL',
  header: { topics: [{ topic: '~orders', filter, queues: [{}] }] },
});

/** Above all code units of other characters in UTF-16, and below them in UTF-8. */
const EMOJI = '\u{1f600}';
const WIDE = '\uff5e';

const WRONG_FILTERS = [
  'a||',
  '||a',
  'a|b',
  '*||a',
  'a||*b',
  'a||\u0001',
  '| |',
  Array.from({ length: 65 }, (_, i) => `t${i}`).join('||'),
];

const BROKER_PROGRAMS: readonly Program[] = [
  programFor('broker', 'names', [
    OPEN,
    ...WRONG_NAMES.map((name) => create(name)),
    ...RIGHT_NAMES.map((name) => create(name)),
    create('~orders'),
    ...WRONG_NAMES.slice(0, 4).map((name) => beat(name, 'm', '')),
    beat('~group', 'm', ''),
  ]),
  programFor('broker', 'names-that-differ-in-case', [
    OPEN,
    create('~orders'),
    describe('~Orders'),
    describe('~ORDERS'),
    describe('~orders'),
  ]),
  programFor('broker', 'sorted-topics', [
    OPEN,
    ...['~b', '~B', '~_a', '~a-', '~a.', '~a', '~0'].map((name) => create(name)),
    { op: 'request', frame: 'TOPIC_LIST' },
    ...['~b', '~B', '~_a'].map((group) => beat(group, 'm', '')),
    { op: 'request', frame: 'GROUP_LIST' },
  ]),
  programFor('broker', 'sorted-members', [
    OPEN,
    OPEN,
    create('~orders', 2),
    labelled('m1', EMOJI, 0),
    labelled('m2', WIDE, 1),
    { op: 'pass', ms: 900 },
    labelled('m1', EMOJI, 0),
    labelled('m2', WIDE, 1),
  ]),
  programFor('broker', 'filters', [
    OPEN,
    create('~orders'),
    ...WRONG_FILTERS.map((filter) => pull(filter)),
    ...['', '*', ' * ', 'a', ' a || b ', 'ä||b c'].map((filter) => pull(filter)),
    beat('~wrong', 'm', 'a||'),
    beat('~same', 'm1', 'paid || shipped'),
    beat('~same', 'm2', 'shipped||paid'),
    beat('~same', 'm3', '  paid||shipped || paid '),
    beat('~other', 'm1', '*'),
    beat('~other', 'm2', ''),
    beat('~other', 'm3', 'paid'),
  ]),
];

const NAME_SERVER_PROGRAMS: readonly Program[] = [
  programFor('nameserver', 'names', [
    OPEN,
    query(...WRONG_NAMES, ...RIGHT_NAMES, 'z'.repeat(128), '~orders'),
    query(''),
    ...WRONG_NAMES.slice(0, 5).flatMap((name) => [
      register(broker(name, ['~orders'])),
      register(broker('~b', ['~orders', name])),
      register(broker('~b', ['~orders'], name)),
    ]),
    register(broker('~b', ['~orders', ...RIGHT_NAMES], 'c-1.x_')),
    query(...RIGHT_NAMES, '~orders'),
  ]),
  programFor('nameserver', 'names-that-differ-in-case', [
    OPEN,
    register(broker('~b', ['~orders'])),
    query('~orders', '~Orders', '~ORDERS'),
  ]),
  programFor('nameserver', 'sorted-shares', [
    OPEN,
    ...['~b', '~B', '~_a', '~a', '~a-', '~0'].map((name) => register(broker(name, ['~orders']))),
    query('~orders'),
  ]),
];

export const NAME_PROGRAMS: readonly Program[] = [...BROKER_PROGRAMS, ...NAME_SERVER_PROGRAMS];
