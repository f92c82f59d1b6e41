import { Feature } from '@qanat/core';
import type { JsonObject } from '../../json.ts';
import type { Program, Step } from '../../play/program.ts';

/** Of the subject in its group; the kit is replica 1 and others. */
const REPLICA = 2;
const LAG_MS = 1_500;

const OPEN: Step = { op: 'open' };
const OPEN_SLAVE: Step = { op: 'open', hello: { minor: 3, features: [Feature.FEATURE_REPLICATION] } };
const AWAIT_MASTER: Step = { op: 'awaitMaster', c: 0 };
const pass = (ms: number): Step => ({ op: 'pass', ms });
/** Longer than a slave may lag, and what follows. */
const LAGS: Step = { op: 'pass', ms: LAG_MS + 1_500, slacks: 1 };
const SETTLE: Step = { op: 'pass', ms: 2_100, slacks: 1 };
const ask = (more: JsonObject = {}): Step => ({ op: 'replicate', c: 1, ...more });
const join = (more: JsonObject = {}): Step => ({ op: 'join', c: 1, ...more });
const keepUp = (forMs: number, more: JsonObject = {}): Step => ({ op: 'keepUp', c: 1, forMs, ...more });
/** A message that has to be committed. */
const send = (body: string, more: JsonObject = {}): Step => ({
  op: 'request',
  c: 0,
  frame: 'SEND',
  header: { topic: '~t' },
  payload: { batch: { records: [{ body: `${body} of the program` }] } },
  ...more,
});
const many = (count: number): readonly Step[] => Array.from({ length: count }, (_, i) => send(`${i}${'-'.repeat(600)}`));
const begin = (body: string): Step => send(body, { wait: false });
const meddle = (more: JsonObject): Step => ({ op: 'meddle', frame: 'RECORD_PUT', ...more });

const program = (name: string, steps: readonly Step[], more: Partial<Program> = {}, replication: JsonObject = {}): Program => ({
  family: 'replication',
  name,
  role: 'broker',
  setup: {
    kit: { nameServers: 1, nameServer: { keepsRecords: true } },
    replication: { replica: REPLICA, role: 'master', minInSync: 1, lagMs: LAG_MS, ...replication },
  },
  needs: ['replication', 'register'],
  alone: true,
  steps: [OPEN, OPEN_SLAVE, AWAIT_MASTER, ...steps],
  ...more,
});

const TWO_NAME_SERVERS: Partial<Program> = {
  setup: {
    kit: { nameServers: 2, nameServer: { keepsRecords: true } },
    replication: { replica: REPLICA, role: 'master', minInSync: 1, lagMs: LAG_MS },
  },
};

/** So that it soon has snapshots, and no beginning. */
const SMALL_LOG = { log: { segmentBytes: 2_048, retentionBytes: 2_048, snapshotBytes: 1_024 } };

export const MASTER_PROGRAMS: readonly Program[] = [
  program('a-slave-copies-the-log', [
    send('one'),
    send('two'),
    ask({ ms: 0 }),
    ask({ at: 'start', maxBytes: 1 }),
    ask({ at: 'start', maxBytes: 700 }),
    ask({ at: 'start', maxBytes: 700, ms: 0 }),
    ask({ at: 'behind' }),
    join(),
    ask({ ms: 400 }),
    begin('three'),
    ask({ ms: 5_000 }),
    ask({ ms: 400 }),
    ask({ ms: 400 }),
    ask({ at: 'start', probe: true, ms: 5_000 }),
    ask({ at: 'end', probe: true, ms: 5_000 }),
  ]),
  program('an-acknowledgement-waits-for-the-slave', [
    join(),
    begin('one'),
    begin('two'),
    pass(600),
    ask({ ms: 600 }),
    pass(200),
    ask({ ms: 600, stored: -64 }),
    ask({ ms: 300 }),
    ask({ ms: 300 }),
    send('three', { withinMs: 300 }),
    keepUp(600),
  ]),
  program('what-is-said-to-be-stored', [
    join(),
    begin('one'),
    ask({ ms: 300, stored: 100_000 }),
    ask({ at: 'end', probe: true, ms: 0 }),
    ask({ at: 'end', chain: 'wrong', ms: 300 }),
    pass(300),
    begin('two'),
    ask({ ms: 300, at: 'behind', stored: 100_000 }),
    ask({ at: 'beyond', ms: 300 }),
    ask({ at: 'within', ms: 300 }),
    ask({ ms: 300, stored: -600 }),
    pass(300),
    keepUp(500),
  ]),
  program('logs-that-differ', [
    send('one'),
    join(),
    ask({ chain: 'wrong' }),
    ask({ at: 'behind', chain: 'wrong', probe: true }),
    ask({ at: 'start', chain: 'wrong' }),
    ask({ at: 'within', probe: true }),
    ask({ at: 'beyond' }),
    ask({ at: 'behind' }),
  ]),
  program('requests-for-somebody-else', [
    join(),
    ask({ broker: 'somebody' }),
    ask({ store: 'other' }),
    ask({ replica: REPLICA }),
    ask({ ms: 30_001 }),
    ask({ term: -1 }),
    ask({ ms: 100 }),
  ]),
  program('a-newer-request-ends-the-one-that-waits', [
    join(),
    ask({ ms: 8_000, wait: false }),
    pass(200),
    ask({ ms: 200 }),
    ask({ ms: 8_000, wait: false }),
    pass(200),
    OPEN_SLAVE,
    ask({ c: 2, ms: 200 }),
    pass(1_000),
  ]),
  program('a-silent-slave-is-put-off-the-record', [
    join(),
    begin('one'),
    LAGS,
    send('two'),
    join(),
    send('three', { wait: false }),
    keepUp(500),
  ]),
  program('a-silent-slave-while-the-record-cannot-be-changed', [
    join(),
    begin('one'),
    meddle({ do: 'error', code: 'STORAGE_FAILED', times: 2 }),
    meddle({ way: 'answer', do: 'drop', times: 1 }),
    LAGS,
    pass(3_000),
    send('two'),
  ]),
  program('another-life-of-a-slave', [
    join(),
    begin('one'),
    meddle({ do: 'delay', ms: 1_500 }),
    ask({ life: 7, ms: 200 }),
    ask({ life: 7, ms: 200 }),
    ask({ life: 7, ms: 200 }),
    pass(2_000),
    join({ life: 7 }),
    begin('two'),
    pass(300),
    keepUp(500, { life: 7 }),
  ]),
  program('a-slave-that-lacks-something-does-not-join', [
    send('one'),
    send('two'),
    ask({ at: 'start', maxBytes: 1 }),
    ask({ at: 'start', maxBytes: 1 }),
    ask({ stored: -64, ms: 200 }),
    pass(500),
    join(),
    { op: 'replicate', c: 1, replica: 3, at: 'start', ms: 200, maxBytes: 1 },
    keepUp(500),
    join({ replica: 3 }),
    begin('three'),
    keepUp(300),
    keepUp(300, { replica: 3 }),
  ]),
  program('a-higher-term-ends-it', [
    join(),
    begin('one'),
    pass(200),
    ask({ term: 1 }),
    pass(300),
    send('two'),
    ask({ ms: 100 }),
    SETTLE,
  ]),
  program('a-name-server-refuses-its-record', [
    join(),
    begin('one'),
    meddle({ do: 'error', code: 'TERM_FENCED', times: 50 }),
    LAGS,
    pass(1_000),
    send('two'),
  ]),
  program(
    'one-of-two-name-servers-refuses-its-record',
    [join(), begin('one'), meddle({ at: 'ns-2', do: 'error', code: 'TERM_FENCED', times: 50 }), LAGS, pass(1_000), send('two')],
    TWO_NAME_SERVERS,
  ),
  program(
    'one-of-two-name-servers-is-gone',
    [{ op: 'killNode', of: 'nameserver', node: 1 }, join(), begin('one'), keepUp(500)],
    TWO_NAME_SERVERS,
  ),
  program(
    'what-a-master-has-acknowledged-outlives-it',
    [
      ...[join(), begin('one'), begin('two'), keepUp(600), { op: 'die' }, OPEN, OPEN_SLAVE, { ...AWAIT_MASTER, c: 2 }],
      ...[keepUp(1_000, { c: 3 }), { op: 'drainMaster', queues: 1 }],
    ],
    { needs: ['replication', 'register', 'kill'] },
  ),
  program('there-is-no-snapshot', [
    ask({ ms: 0 }),
    { op: 'readSnapshot' },
    send('one'),
    { op: 'readSnapshot', broker: 'somebody' },
    { op: 'readSnapshot', maxBytes: 100 },
  ]),
  program(
    'a-log-without-its-beginning',
    [
      ...[...many(8), ask({ ms: 0 }), { op: 'readSnapshot', maxBytes: 30 }, { op: 'readSnapshot' }],
      ...[ask({ at: 'start', ms: 200 }), ask({ at: 'start', probe: true }), ...many(4), { op: 'readSnapshot' }, ask({ ms: 0 })],
    ],
    {
      needs: ['replication', 'register', 'settings'],
      setup: {
        kit: { nameServers: 1, nameServer: { keepsRecords: true } },
        broker: SMALL_LOG,
        replication: { replica: REPLICA, role: 'master', minInSync: 1, lagMs: LAG_MS },
      },
    },
  ),
  program(
    'a-snapshot-of-a-planned-stop',
    [
      ...[send('one'), ask({ ms: 0 }), { op: 'restart' }, OPEN, OPEN_SLAVE, { ...AWAIT_MASTER, c: 2 }],
      ...[ask({ c: 3, ms: 0 }), { op: 'readSnapshot', c: 3, maxBytes: 50 }, { op: 'readSnapshot', c: 3 }, ask({ c: 3, ms: 0 })],
    ],
    { needs: ['replication', 'register', 'stop'] },
  ),
  program(
    'too-few-are-in-sync',
    [],
    {
      steps: [
        ...[OPEN, OPEN_SLAVE, pass(500), send('zero', { withinMs: 500 }), ask({ ms: 100 }), join(), AWAIT_MASTER],
        ...[begin('one'), keepUp(500), LAGS, send('two', { withinMs: 1_000 }), { op: 'pass', ms: 300, slacks: 1 }],
        ...[join(), begin('three'), keepUp(600)],
      ],
    },
    { minInSync: 2 },
  ),
  program(
    'a-master-that-stood-still',
    [join(), ask({ ms: 10_000, wait: false }), { op: 'pause', ms: LAG_MS + 1_000 }, keepUp(LAG_MS + 500)],
    {
      needs: ['replication', 'register', 'pause'],
    },
  ),
];
