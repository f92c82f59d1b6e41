import { Feature } from '@qanat/core';
import type { JsonObject } from '../../json.ts';
import type { Program, Step } from '../../play/program.ts';

const REPLICA = 2;
/** The name of brokers under test, which the master of the kit has too. */
const GROUP = 'subject';
const LAG_MS = 1_000;

const OPEN: Step = { op: 'open', hello: { minor: 3, features: [Feature.FEATURE_REPLICATION] } };
const pass = (ms: number, slacks = 0): Step => ({ op: 'pass', ms, slacks });
const store = (body: string): Step => ({ op: 'storeAtMaster', body });
const many = (count: number): readonly Step[] => Array.from({ length: count }, (_, i) => store(`${i}${'-'.repeat(600)}`));
const meddle = (frame: string, more: JsonObject): Step => ({ op: 'meddle', frame, ...more });
const promote = (header: JsonObject = {}, c = 0): Step => ({ op: 'request', c, frame: 'PROMOTE', header });
const DRAIN: Step = { op: 'drain', queues: 1 };
const pull = (offset: number, c = 0): Step => ({
  op: 'request',
  c,
  frame: 'PULL',
  header: { topics: [{ topic: '~t', queues: [{ queue: 0, offset }] }] },
});
const PULL = pull(0);
const request = (frame: string, header: JsonObject): Step => ({ op: 'request', c: 0, frame, header });
const SEND: Step = { ...request('SEND', { topic: '~t' }), payload: { batch: { records: [{ body: 'at a slave' }] } } };
const NO_ENTRIES = { payload: '' };

const setupOf = (nameServers: number, broker: JsonObject = {}): JsonObject => ({
  kit: {
    ...{ nameServers, brokers: 1, nameServer: { keepsRecords: true }, topics: [{ topic: 't', queues: 1 }] },
    broker: { name: GROUP, replication: { replica: 0, role: 'master', lagMs: LAG_MS }, ...broker },
  },
  replication: { replica: REPLICA, role: 'slave', lagMs: LAG_MS },
});
const TWO_NAME_SERVERS: Partial<Program> = { setup: setupOf(2) };

const program = (name: string, steps: readonly Step[], more: Partial<Program> = {}): Program => ({
  family: 'replication',
  name,
  role: 'broker',
  setup: setupOf(1),
  needs: ['replication', 'register'],
  alone: true,
  steps: [OPEN, pass(500), ...steps],
  ...more,
});

/** It is said to be master, and nobody listens there. */
const ANOTHER_MASTER = { 'master.replica': 7, 'master.term': 1_000 };
const NOWHERE = { 'master.endpoints.0.address': '127.0.0.1:9' };

/** Nobody but the subject has what it has: the master of the kit is gone. */
const KILL_MASTER: Step = { op: 'killNode', of: 'broker', node: 0 };

/** What the slave has, its master has no more. It may end then, so that its next start begins the log anew. */
const LOG_IS_GONE: readonly Step[] = [
  ...[store('one'), pass(300), { op: 'stop' } as Step, ...many(10), { op: 'start' } as Step, pass(1_500, 1)],
];
const JOINS: Partial<Program> = {
  needs: ['replication', 'register', 'stop', 'kill'],
  setup: setupOf(1, { log: { segmentBytes: 2_048, retentionBytes: 2_048, snapshotBytes: 1_024 } }),
};
const delayed = (times: number): Step => meddle('REPLICATE', { way: 'answer', do: 'delay', ms: 1_500, times });

export const SLAVE_PROGRAMS: readonly Program[] = [
  program('copies-the-log-of-its-master', [store('one'), store('two'), PULL, pass(1_200), store('three'), PULL, pass(2_100, 1)]),
  program('what-only-masters-take', [
    store('one'),
    SEND,
    request('INIT_PRODUCER', {}),
    request('OFFSET_COMMIT', { group: '~g', kind: 1, offsets: [{ topic: '~t', queue: 0, offset: 1 }] }),
    request('TOPIC_CREATE', { topic: '~u', queues: 1 }),
    request('TOPIC_REMOVE', { topic: '~t' }),
    request('SNAPSHOT_READ', { broker: GROUP }),
    PULL,
  ]),
  program('what-is-not-committed-yet', [
    store('one'),
    pass(300),
    meddle('REPLICATE', { way: 'answer', do: 'alter', set: { committed: 0 }, times: 1_000 }),
    store('two'),
    pass(300),
    PULL,
    pull(1),
    pull(2),
    pull(100),
  ]),
  program('answers-of-another-term', [
    store('one'),
    meddle('REPLICATE', { way: 'answer', do: 'alter', set: { term: 1_000_000 }, times: 3 }),
    { op: 'storeAtMaster', body: 'two', wait: false },
    pass(6_000),
  ]),
  program('logs-that-seem-to-differ', [
    store('one'),
    // From now on nothing more is committed as far as the subject hears; later its log is said to be another one, once.
    meddle('REPLICATE', { way: 'answer', do: 'alter', set: { diverged: true, committed: 0 }, ...NO_ENTRIES, skip: 8, times: 1 }),
    meddle('REPLICATE', { way: 'answer', do: 'alter', set: { committed: 0 }, times: 1_000 }),
    ...['two', 'three', 'four', 'five'].map(store),
    pass(8_000),
  ]),
  program('nothing-committed-is-common', [
    store('one'),
    pass(300),
    meddle('REPLICATE', { way: 'answer', do: 'alter', set: { diverged: true }, ...NO_ENTRIES, times: 100 }),
    pass(2_500, 1),
    PULL,
    PULL,
  ]),
  program('a-master-that-says-nothing', [store('one'), { op: 'hangNode', of: 'broker', node: 0 }, pass(9_500, 2)]),
  program('a-slave-that-is-killed', [store('one'), { op: 'die' }, pass(1_500, 1), store('two'), pass(300)], {
    needs: ['replication', 'register', 'kill'],
  }),
  program('a-slave-without-power', [store('one'), { op: 'die', how: 'powerloss' }, pass(1_500), store('two'), pass(300)], {
    needs: ['replication', 'register', 'powerloss'],
  }),
  program('a-slave-in-sync-is-promoted', [store('one'), KILL_MASTER, pass(500), promote(), pass(500), PULL]),
  program('a-slave-that-is-promoted-has-everything', [
    store('one'),
    pass(300),
    // What it has acknowledged is committed, and it does not hear of that any more.
    meddle('REPLICATE', { way: 'answer', do: 'alter', set: { committed: 0 }, times: 1_000 }),
    ...[store('two'), store('three'), KILL_MASTER, pass(500), promote(), pass(500), DRAIN],
  ]),
  program(
    'a-slave-that-was-killed-is-promoted',
    [
      store('one'),
      store('two'),
      { op: 'die' },
      pass(1_500, 1),
      OPEN,
      store('three'),
      KILL_MASTER,
      pass(500),
      promote({}, 1),
      pass(500),
      DRAIN,
    ],
    { needs: ['replication', 'register', 'kill'] },
  ),
  program('an-older-master-is-told-later', [
    store('one'),
    meddle('BROKER_HEARTBEAT', { way: 'answer', do: 'alter', set: { ...ANOTHER_MASTER, ...NOWHERE }, times: 2 }),
    { op: 'storeAtMaster', body: 'two', wait: false },
    pass(6_000, 1),
  ]),
  program('a-newer-master-is-told-without-a-place', [
    store('one'),
    meddle('BROKER_HEARTBEAT', { way: 'answer', do: 'alter', set: { ...ANOTHER_MASTER, 'master.endpoints': [] }, times: 20 }),
    pass(4_000, 1),
  ]),
  program('a-slave-is-promoted-beside-its-master', [
    store('one'),
    meddle('RECORD_GET', { way: 'answer', do: 'delay', ms: 2_500, times: 1 }),
    promote(),
    pass(500),
  ]),
  program(
    'a-slave-is-not-promoted-without-all-name-servers',
    [
      ...[
        store('one'),
        KILL_MASTER,
        pass(300),
        meddle('RECORD_GET', { at: 'ns-2', do: 'error', times: 1 }),
        promote(),
        pass(200),
      ],
      ...[{ op: 'killNode', of: 'nameserver', node: 1 } as Step, pass(500), promote(), pass(200), promote({ acceptLoss: true })],
    ],
    TWO_NAME_SERVERS,
  ),
  program(
    'a-slave-is-promoted-when-all-name-servers-have-its-record',
    [
      ...[store('one'), KILL_MASTER, pass(300)],
      ...[meddle('RECORD_PUT', { at: 'ns-2', do: 'error', code: 'STORAGE_FAILED', times: 3 }), promote(), pass(500)],
    ],
    TWO_NAME_SERVERS,
  ),
  program(
    'a-log-that-its-master-has-no-more',
    [
      ...[...LOG_IS_GONE, delayed(2), { op: 'die' } as Step, OPEN, pull(9, 1), promote({ acceptLoss: true }, 1)],
      ...[pass(4_000, 1), store('two'), pass(300), pull(9, 1)],
    ],
    JOINS,
  ),
  program(
    'a-slave-that-is-killed-while-it-begins-anew',
    [...LOG_IS_GONE, delayed(4), { op: 'die' }, pass(500), { op: 'die' }, OPEN, pull(9, 1), pass(8_000, 1), pull(9, 1)],
    JOINS,
  ),
  program('a-slave-that-lags-is-not-promoted', [
    store('one'),
    meddle('REPLICATE', { do: 'drop', times: 1_000 }),
    pass(LAG_MS + 1_500, 1),
    promote(),
    pass(200),
    promote({ acceptLoss: true }),
  ]),
];
