import { Feature } from '@qanat/core';
import type { JsonObject } from '../../json.ts';
import type { Program, Step } from '../../play/program.ts';

const OPEN: Step = { op: 'open', hello: { minor: 3, features: [Feature.FEATURE_REPLICATION] } };
const WITHOUT: Step = { op: 'open', hello: { minor: 3 } };
const STORE = { $hex: '5e'.repeat(16) };
const SETTLE: Step = { op: 'pass', ms: 1_500, slacks: 1 };
const request = (c: number, frame: string, header: JsonObject): Step => ({ op: 'request', c, frame, header });

const record = (term: number, version: number, more: JsonObject = {}): JsonObject => ({
  storeId: STORE,
  term,
  version,
  master: 0,
  inSync: [{ replica: 0, incarnation: 1 }],
  ...more,
});
const put = (one: JsonObject | undefined, broker = '~g'): Step =>
  request(0, 'RECORD_PUT', { broker, ...(one === undefined ? {} : { record: one }) });
const get = (broker = '~g'): Step => request(0, 'RECORD_GET', { broker });

const endpoint = (replica: number): JsonObject => ({ listener: 'default', scheme: 'qanat', address: `10.0.0.${replica}:7610` });

/** A registration of a replica: as master, or with `slave`. */
const register = (replica: number, term: number, more: JsonObject = {}, c = 0): Step => {
  const { slave, ...header } = more;
  return request(c, 'REGISTER_BROKER', {
    broker: '~g',
    cluster: 'default',
    storeId: STORE,
    term,
    revision: 1,
    endpoints: [endpoint(replica)],
    topics: [{ topic: '~t', queues: 4 }],
    replica,
    replicaRole: slave === true ? 1 : 0,
    ...header,
  });
};
const slave = (replica: number, term: number, more: JsonObject = {}): Step => register(replica, term, { slave: true, ...more });
const beat = (replica: number, term: number): Step =>
  request(0, 'BROKER_HEARTBEAT', { broker: '~g', storeId: STORE, term, revision: 1, replica });
const leave = (replica: number): Step => request(0, 'UNREGISTER_BROKER', { broker: '~g', storeId: STORE, replica });
const route = (c = 0): Step => request(c, 'ROUTE_QUERY', { topics: ['~t'] });
const watch = (c: number): Step => request(c, 'ROUTE_QUERY', { topics: ['~t'], watch: true });

const program = (name: string, steps: readonly Step[], more: Partial<Program> = {}): Program => ({
  family: 'replication',
  name,
  role: 'nameserver',
  steps: [OPEN, ...steps],
  ...more,
});

const OTHER_STORE = { $hex: '5f'.repeat(16) };

const records: readonly Program[] = [
  program('records-are-taken-in-their-order', [
    get(),
    put(record(1, 1)),
    get(),
    put(record(1, 1)),
    put(record(1, 1, { inSync: [] })),
    put(record(1, 3)),
    put(record(1, 2)),
    put(record(1, 4, { master: 1 })),
    get(),
    put(record(2, 3, { master: 1 })),
    put(record(2, 4, { master: 1, inSync: [{ replica: 1, incarnation: 7 }] })),
    put(record(1, 9)),
    get(),
    put(record(3, 5, { storeId: OTHER_STORE })),
    put(record(2, 6, { master: 1 })),
    get(),
  ]),
  program('records-of-several-groups', [
    put(record(4, 9)),
    put(record(1, 1), '~h'),
    get(),
    get('~h'),
    put(
      record(1, 2, {
        master: 3,
        inSync: [
          { replica: 3, incarnation: 2 ** 47 },
          { replica: 4, incarnation: 1 },
        ],
      }),
      '~h',
    ),
    get('~h'),
    get(),
    get('~i'),
  ]),
  program('records-that-say-too-little', [
    put(record(1, 1), ''),
    get(''),
    put(record(1, 1), 'not/a/name'),
    get('not/a/name'),
    put(undefined),
    put(record(0, 1)),
    put(record(1, 1, { storeId: { $hex: '' } })),
    get(),
  ]),
  program(
    'records-of-too-many-groups',
    [put(record(1, 1)), put(record(1, 1), '~h'), put(record(1, 1), '~i'), put(record(1, 2)), put(record(1, 1), '~j'), get('~i')],
    { setup: { nameServer: { brokersMax: 2 } }, needs: ['settings'] },
  ),
  program('records-without-the-feature', [
    WITHOUT,
    request(1, 'RECORD_PUT', { broker: '~g', record: record(1, 1) }),
    request(1, 'RECORD_GET', { broker: '~g' }),
    get(),
  ]),
  program(
    'records-outlive-the-name-server',
    [
      put(record(1, 1)),
      put(record(2, 2, { master: 1 })),
      { op: 'kill' },
      OPEN,
      request(1, 'RECORD_GET', { broker: '~g' }),
      request(1, 'RECORD_PUT', { broker: '~g', record: record(1, 3) }),
      request(1, 'RECORD_PUT', { broker: '~g', record: record(2, 3, { master: 1 }) }),
      { op: 'restart' },
      OPEN,
      request(2, 'RECORD_GET', { broker: '~g' }),
    ],
    { alone: true, needs: ['kill', 'stop'] },
  ),
  program(
    'records-outlive-a-power-cut',
    [
      put(record(1, 1)),
      put(record(1, 2)),
      { op: 'die', how: 'powerloss' },
      OPEN,
      request(1, 'RECORD_GET', { broker: '~g' }),
      request(1, 'RECORD_PUT', { broker: '~g', record: record(1, 1) }),
    ],
    { alone: true, needs: ['powerloss'] },
  ),
];

const groups: readonly Program[] = [
  program('a-slave-beside-its-master', [
    register(0, 3),
    route(),
    slave(1, 3, { topics: [{ topic: '~t', queues: 9 }] }),
    route(),
    slave(2, 2),
    beat(1, 3),
    beat(0, 3),
    route(),
    leave(2),
    route(),
    leave(1),
    route(),
    slave(1, 3, { revision: 2, endpoints: [endpoint(9)] }),
    route(),
  ]),
  program('slaves-before-their-master', [
    slave(2, 3),
    route(),
    slave(1, 4, { topics: [{ topic: '~t', queues: 6 }] }),
    beat(2, 3),
    route(),
    register(0, 5),
    route(),
    beat(1, 4),
  ]),
  program('another-replica-becomes-master', [
    register(0, 3, { zone: 'west' }),
    slave(1, 3, { zone: 'east' }),
    register(1, 3),
    route(),
    register(1, 4, { revision: 2, topics: [{ topic: '~t', queues: 8 }] }),
    route(),
    register(2, 4),
    register(0, 3),
    route(),
    slave(0, 3, { revision: 2 }),
    beat(1, 4),
    route(),
  ]),
  program('a-master-becomes-a-slave', [
    register(0, 3),
    slave(1, 3),
    slave(0, 2),
    slave(0, 3, { revision: 2 }),
    route(),
    beat(1, 3),
    register(1, 2, { revision: 2 }),
    register(1, 4, { revision: 3 }),
    route(),
    beat(0, 3),
  ]),
  program('a-group-without-its-master', [
    register(0, 3),
    slave(1, 3),
    leave(0),
    route(),
    beat(1, 3),
    beat(2, 0),
    register(0, 4),
    route(),
  ]),
  program(
    'a-group-outlives-its-master',
    [
      register(0, 3),
      slave(1, 3),
      leave(0),
      ...Array.from({ length: 3 }, (): readonly Step[] => [{ op: 'pass', ms: 1_000 }, beat(1, 3)]).flat(),
      { op: 'pass', ms: 0, slacks: 1 },
      beat(1, 3),
      route(),
    ],
    { setup: { nameServer: { awayMs: 1_000 } }, needs: ['settings'] },
  ),
  program('watchers-are-told-of-slaves', [
    OPEN,
    register(0, 3),
    watch(1),
    slave(1, 3),
    SETTLE,
    beat(0, 3),
    slave(1, 3, { revision: 2, endpoints: [endpoint(7)] }),
    SETTLE,
    beat(0, 3),
    slave(1, 3, { revision: 3, endpoints: [endpoint(7)], zone: 'east' }),
    SETTLE,
    beat(0, 3),
    leave(1),
    SETTLE,
    beat(0, 3),
    route(),
  ]),
];

/** Against a NameServer. */
export const NAME_SERVER_PROGRAMS: readonly Program[] = [...records, ...groups];
