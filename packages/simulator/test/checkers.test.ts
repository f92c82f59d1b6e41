// Goal: each checker finds what it looks for, and nothing in a history that is right.
// Method: one small history that breaks no rule; for each checker the least change of it that breaks its rule, and that rule
// only is
// asked. A checker that cannot fail is a defect.
import { CHECKERS, check, type HistoryEvent, type HistoryFact } from '@qanat/simulator';
import { describe, expect, it } from 'vitest';

const QUEUE = 't/broker-a/0';
const OTHER = 't/broker-a/1';

/** Each event comes a millisecond after the one before it, unless a time stands in front of it. */
function history(...facts: readonly (HistoryFact | number)[]): HistoryEvent[] {
  const events: HistoryEvent[] = [];
  let atMs = 0;
  for (const fact of facts) {
    if (typeof fact === 'number') atMs = fact;
    else events.push({ ...fact, atMs: atMs++ });
  }
  return events;
}

const run = (flush: 'sync' | 'async' = 'sync'): HistoryFact => ({ kind: 'run', seed: 1, flush });
const invoked = (number: number, more: object = {}): HistoryFact => ({
  kind: 'sendInvoked',
  value: `p:${number}`,
  producer: 'p',
  number,
  topic: 't',
  key: undefined,
  tag: undefined,
  ack: 'committed',
  placed: false,
  ...more,
});
const acked = (number: number, offset: number, queue = QUEUE): HistoryFact => ({
  kind: 'sendCompleted',
  value: `p:${number}`,
  outcome: 'ok',
  queue,
  offset,
});
/** A part of a batch that went to several queues. */
const ACKED_SOMEWHERE: HistoryFact = { kind: 'sendCompleted', value: 'p:1', outcome: 'ok' };
const ended = (number: number, outcome: 'rejected' | 'unknown'): HistoryFact => ({
  kind: 'sendCompleted',
  value: `p:${number}`,
  outcome,
  code: 'TIMEOUT',
});
const message = (number: number, offset: number, queue: string, more: object) => ({
  queue,
  offset,
  value: `p:${number}` as string | undefined,
  topic: 't',
  key: undefined,
  tag: undefined,
  ...more,
});
const delivered = (number: number, offset: number, more: object = {}): HistoryFact => ({
  kind: 'delivered',
  group: 'g',
  member: 'm1',
  attempt: 1,
  ...message(number, offset, QUEUE, more),
});
const handled = (offset: number): HistoryFact => ({ kind: 'handled', group: 'g', member: 'm1', queue: QUEUE, offset, ok: true });
const drained = (number: number, offset: number, queue = QUEUE, more: object = {}): HistoryFact => ({
  kind: 'drained',
  ...message(number, offset, queue, more),
});
const end = (highWatermark: number, queue = QUEUE): HistoryFact => ({ kind: 'queueDrained', queue, oldest: 0, highWatermark });
const settled = (problems: readonly string[] = []): HistoryFact => ({ kind: 'settled', tookMs: 10, problems });
const group = (more: object = {}): HistoryFact => ({
  kind: 'group',
  group: 'g',
  mode: 'clustering',
  from: 'first',
  filters: { t: undefined },
  ordered: true,
  ...more,
});
const member = (state: 'joined' | 'left' | 'refused', name = 'm1'): HistoryFact => ({
  kind: 'member',
  group: 'g',
  member: name,
  state,
});
const stored = (base: number, more: object = {}): HistoryFact => ({
  kind: 'stored',
  node: 'broker-a',
  queue: QUEUE,
  base,
  count: 1,
  producerId: 7,
  sequence: base,
  checksum: 1_000 + base,
  duplicate: false,
  synced: true,
  ...more,
});
/** A write of keyed state, with the version that it expects of each key. */
const writes = (write: number, expected: Readonly<Record<string, number | undefined>>): HistoryFact => ({
  kind: 'stateWriteInvoked',
  write,
  queue: QUEUE,
  changes: Object.entries(expected).map(([key, version]) => ({ key, value: `keeper:${write}`, expected: version })),
});
const wrote = (write: number, version: number): HistoryFact => ({ kind: 'stateWriteCompleted', write, outcome: 'ok', version });
const stateEnded = (write: number, outcome: 'rejected' | 'unknown'): HistoryFact => ({
  kind: 'stateWriteCompleted',
  write,
  outcome,
  version: 0,
});
/** What each key has, as version and number of its write; asked behind so many events. */
const readState = (invokedAt: number, found: Readonly<Record<string, readonly [number, number]>>): HistoryFact => ({
  kind: 'stateRead',
  queue: QUEUE,
  invokedAt,
  entries: Object.entries(found).map(([key, [version, write]]) => ({ key, version, value: `keeper:${write}` })),
});
const lease = (epoch: number, start: number, name = 'm1', releasing = false): HistoryFact => ({
  kind: 'leases',
  broker: 'broker-a',
  group: 'g',
  member: name,
  leases: [{ queue: QUEUE, epoch, start, releasing }],
});
/** A heartbeat of a member that has just joined, and what happens while it is on its way. */
const subscribed = (onItsWay: readonly (HistoryFact | number)[] = [], broker = 'broker-a'): readonly (HistoryFact | number)[] => {
  const common = { kind: 'subscribed', group: 'g', member: 'm1', joinedAgoMs: 1 } as const;
  return [{ ...common, phase: 'sent', node: 'm1' }, ...onItsWay, { ...common, phase: 'came', node: broker, life: `${broker}.1` }];
};
/** Another member, and its heartbeat. */
const secondJoins = (life = 'broker-a.1'): readonly (HistoryFact | number)[] => {
  const common = { kind: 'subscribed', group: 'g', member: 'm2', joinedAgoMs: 1 } as const;
  return [member('joined', 'm2'), { ...common, phase: 'sent', node: 'm2' }, { ...common, phase: 'came', node: 'broker-a', life }];
};
const expired = (heardAtMs: number, lostAtMs?: number): HistoryFact => ({
  kind: 'expired',
  node: 'broker-a',
  group: 'g',
  who: 'm1',
  allowedMs: 10_000,
  lostAllowedMs: 3_000,
  heardAtMs,
  lostAtMs,
});
const slept = (fromMs: number, toMs: number): readonly (HistoryFact | number)[] => [
  fromMs,
  fault('pause', 'begin'),
  toMs,
  fault('pause', 'end'),
];
const committed = (offset: number, epoch: number, via: 'commit' | 'release' = 'commit', code = 'OK'): HistoryFact => ({
  kind: 'committed',
  via,
  broker: 'broker-a',
  group: 'g',
  member: 'm1',
  offsets: [{ queue: QUEUE, offset, epoch, code }],
});
const polled = (poll: string, offset: number, filtered = false): HistoryFact => ({
  kind: 'polled',
  poll,
  node: 'broker-a',
  connection: 2,
  group: 'g',
  member: 'm1',
  waitMs: 15_000,
  queues: [{ queue: QUEUE, offset, epoch: 1, filtered }],
});
const read = (poll: string, from: number, next: number, highWatermark: number, more: object = {}): HistoryFact => ({
  kind: 'read',
  poll,
  group: 'g',
  member: 'm1',
  queues: [{ queue: QUEUE, code: 'OK', from, epoch: 1, next, highWatermark, oldest: 0, batches: batches(from, next), ...more }],
  stale: false,
});
const batches = (from: number, next: number) =>
  Array.from({ length: next - from }, (_, i) => ({ base: from + i, count: 1, checksum: 1_000 + from + i, synced: true }));
const node = (name: string, state: 'started' | 'stopping' | 'powerCut' | 'failed', code?: string): HistoryFact => ({
  kind: 'node',
  node: name,
  role: 'broker',
  state,
  ...(code === undefined ? {} : { code }),
});
const fault = (name: string, phase: 'begin' | 'end' | 'at' = 'at', nodes: readonly string[] = ['broker-a']): HistoryFact => ({
  kind: 'fault',
  phase,
  fault: name,
  nodes,
});

const BEGIN = [run(), node('broker-a', 'started'), group(), member('joined'), lease(1, 0)] as const;
const ONE = [
  polled('1', 0),
  invoked(1),
  stored(0),
  acked(1, 0),
  read('1', 0, 1, 1),
  delivered(1, 0),
  handled(0),
  committed(1, 1),
] as const;
const TWO = [
  polled('2', 1),
  invoked(2),
  stored(1),
  acked(2, 1),
  read('2', 1, 2, 2),
  delivered(2, 1),
  handled(1),
  committed(2, 1),
] as const;
const WITH_SLAVES: HistoryFact = { kind: 'run', seed: 1, flush: 'async', replicated: true };
const LAST = [run(), group({ from: 'last' }), member('joined')] as const;
const SENT = [invoked(1), acked(1, 0)] as const;
const END = [settled(), drained(1, 0), drained(2, 1), end(2)] as const;
const RIGHT = [...BEGIN, ...ONE, ...TWO, ...END] as const;

/** Histories that break the rule of a checker, by its name. */
const WRONG: Readonly<Record<string, readonly (readonly (HistoryFact | number)[])[]>> = {
  'acked-survives': [
    [...BEGIN, ...ONE, ...TWO, settled(), drained(1, 0), end(1)],
    // It is there, but elsewhere.
    [...BEGIN, ...ONE, invoked(2), acked(2, 5), ...END],
    [run(), invoked(1), ACKED_SOMEWHERE, settled(), end(0)],
    // A broker that is back was read.
    [run(), invoked(1), ACKED_SOMEWHERE, node('broker-a', 'stopping'), node('broker-a', 'started'), settled(), end(0)],
    // What power takes from a replica others have; and with synchronous flush there is nothing to be accepted.
    [WITH_SLAVES, invoked(1), acked(1, 0), node('broker-a', 'powerCut'), node('broker-a', 'started'), settled(), end(0)],
    [run(), invoked(1), acked(1, 0), fault('acceptLoss'), settled(), end(0)],
  ],
  'rejected-invisible': [
    [...BEGIN, ...ONE, invoked(2), ended(2, 'rejected'), ...END],
    [...BEGIN, ...ONE, invoked(2), ended(2, 'rejected'), delivered(2, 1)],
  ],
  'stable-offsets': [
    [...RIGHT, drained(1, 1)],
    [...BEGIN, ...ONE, invoked(2), acked(2, 0)],
    // Of two acknowledgements behind the power cut none can tell of what it took.
    [run('async'), node('broker-a', 'powerCut'), invoked(1), acked(1, 0), invoked(2), acked(2, 0)],
    [run(), invoked(1), node('broker-a', 'powerCut'), acked(1, 0), invoked(2), acked(2, 0)],
  ],
  'dense-offsets': [
    [...BEGIN, settled(), drained(1, 0), drained(2, 2), end(3)],
    [...BEGIN, ...ONE, settled(), drained(1, 0), end(2)],
  ],
  'stored-once': [[...RIGHT, drained(1, 0, OTHER), end(1, OTHER)]],
  'no-phantom': [
    [...BEGIN, ...ONE, delivered(9, 1)],
    [...BEGIN, ...ONE, delivered(1, 1, { value: undefined })],
    [...BEGIN, ...ONE, delivered(1, 0, { topic: 'u' })],
    [...BEGIN, ...ONE, delivered(1, 0, { tag: 'red' })],
    [run(), group({ filters: { t: ['red'] } }), invoked(1, { tag: 'blue' }), delivered(1, 0, { tag: 'blue' })],
    [...BEGIN, { kind: 'trouble', node: 'm1', what: 'undecodable', code: 'INVALID_BATCH' }],
  ],
  'no-duplicates': [[...BEGIN, ...ONE, delivered(1, 0, { member: 'm2' })]],
  'sequences-hold': [
    [run(), stored(0), stored(5, { sequence: 0, checksum: 1_000 })],
    [run(), stored(0), stored(1, { sequence: 0 })],
    [run(), stored(0), stored(1, { sequence: 4 })],
  ],
  'keeps-order': [
    [run(), invoked(1), acked(1, 1), invoked(2), acked(2, 0), drained(2, 0), drained(1, 1), end(2)],
    [run(), invoked(1, { key: 'k' }), invoked(2, { key: 'k' }), acked(1, 1), acked(2, 0), drained(2, 0), drained(1, 1), end(2)],
  ],
  'key-stays': [[run(), invoked(1, { key: 'k' }), acked(1, 0), invoked(2, { key: 'k' }), acked(2, 0, OTHER)]],
  'delivered-in-order': [
    [...BEGIN, ...ONE, ...TWO, delivered(1, 0)],
    [run(), group(), delivered(2, 1), delivered(2, 1)],
  ],
  'delivered-survives': [[...BEGIN, ...ONE, delivered(3, 1), settled(), drained(1, 0), end(1)]],
  'reads-committed': [
    [run(), stored(0, { synced: false })],
    [run(), polled('1', 0), read('1', 0, 2, 1)],
    [run(), polled('1', 0), read('1', 0, 2, 2), polled('2', 1), read('2', 1, 1, 1)],
    [run(), polled('1', 0), read('1', 0, 1, 1, { batches: [{ base: 0, count: 1, checksum: 1, synced: false }] })],
  ],
  'reads-gapless': [
    [run(), polled('1', 0), read('1', 0, 2, 2, { batches: batches(1, 2) })],
    [run(), polled('1', 0), read('1', 0, 3, 3, { batches: [...batches(0, 1), ...batches(2, 3)] })],
    [run(), polled('1', 0), read('1', 0, 2, 2, { batches: batches(0, 1) })],
    [run(), polled('1', 3, true), read('1', 3, 4, 4, { batches: batches(1, 2) })],
  ],
  'lost-is-suffix': [
    [
      run('async'),
      invoked(1),
      acked(1, 0),
      invoked(2),
      acked(2, 1),
      node('broker-a', 'powerCut'),
      drained(3, 0),
      drained(2, 1),
      end(2),
    ],
    [
      run('async'),
      node('broker-a', 'powerCut'),
      invoked(1),
      acked(1, 0),
      invoked(2),
      acked(2, 1),
      node('broker-a', 'powerCut'),
      drained(3, 0),
      drained(2, 1),
      end(2),
    ],
  ],
  'leases-exclusive': [
    [run(), lease(1, 0, 'm1'), lease(1, 0, 'm2')],
    [run(), lease(1, 0, 'm1'), lease(1, 4, 'm1')],
    [run(), lease(1, 0, 'm1'), lease(2, 0, 'm2'), lease(1, 0, 'm1')],
  ],
  'leases-fenced': [
    [run(), lease(1, 0, 'm1'), lease(2, 0, 'm2'), polled('1', 0), read('1', 0, 1, 1)],
    [run(), lease(1, 0, 'm1'), committed(1, 1, 'release'), committed(1, 1)],
  ],
  'commits-monotone': [
    [...BEGIN, ...ONE, committed(1, 1, 'release'), lease(2, 0, 'm2')],
    [...BEGIN, ...ONE, { kind: 'fetched', group: 'g', queue: QUEUE, offset: 0 }],
    [...BEGIN, ...ONE, { kind: 'fetched', group: 'g', queue: QUEUE, offset: undefined }],
  ],
  'commits-within-bounds': [[...BEGIN, ...ONE, committed(5, 1)]],
  'commits-handled': [[...BEGIN, ...ONE, invoked(2), delivered(2, 1), committed(2, 1), handled(1), ...END]],
  'at-least-once': [
    [...BEGIN, ...ONE, invoked(2), acked(2, 1), ...END],
    [run(), group({ mode: 'broadcasting' }), member('joined'), invoked(1), acked(1, 0), settled(), drained(1, 0), end(1)],
    // LAST means the first message stored since the member joined.
    [run(), group({ from: 'last' }), member('joined'), invoked(1), acked(1, 0), lease(1, 1), settled(), drained(1, 0), end(1)],
    // Its heartbeat came soon, and waited for the record of the group; or it was late when the lease was told already.
    [...LAST, ...subscribed(), 1_000, ...SENT, 3_000, lease(1, 1), settled(), drained(1, 0), end(1)],
    [...LAST, ...subscribed(), 1_000, ...SENT, lease(1, 1), ...subscribed([3_000]), settled(), drained(1, 0), end(1)],
    [...LAST, ...subscribed([1_000, ...SENT, 3_000], 'broker-b'), lease(1, 1), settled(), drained(1, 0), end(1)],
    // Whoever came first to this broker says from when on it owes.
    [
      ...LAST,
      ...subscribed([], 'broker-b'),
      1_000,
      ...secondJoins(),
      2_000,
      ...SENT,
      lease(1, 1, 'm2'),
      settled(),
      drained(1, 0),
      end(1),
    ],
    // The master knows both, and the first one joined before.
    [...LAST, ...subscribed(), 1_000, ...SENT, ...secondJoins(), lease(1, 1, 'm2'), settled(), drained(1, 0), end(1)],
  ],
  'polls-wake': [[...BEGIN, polled('1', 0), invoked(1), stored(0), 60_000, settled()]],
  'nobody-expires-early': [
    [...BEGIN, 5_000, expired(100)],
    [...BEGIN, ...slept(1_000, 60_000), 60_000, expired(900)],
    // The first sleep moved the deadline to 69.9 s at most.
    [...BEGIN, ...slept(1_000, 60_000), ...slept(60_900, 75_000), expired(900)],
    // A sleep from before it was heard moved nothing, nor did one from before its connection was lost.
    [...BEGIN, ...slept(1_000, 31_000), ...slept(42_000, 55_000), expired(31_000)],
    [...BEGIN, ...slept(1_000, 31_000), ...slept(32_000, 36_000), expired(30_500, 31_000)],
  ],
  'goaway-heeded': [[...BEGIN, { kind: 'askedAfterGoAway', node: 'm1', frame: 'PULL' }]],
  'nothing-breaks': [
    [...BEGIN, node('broker-a', 'failed', 'STORE_IO')],
    [run(), node('broker-a-1', 'failed', 'RESTART_REQUIRED')],
    [...BEGIN, fault('syncFails'), node('broker-a', 'failed', 'CORRUPT_LOG')],
    [...BEGIN, invoked(1), 30_000, ended(1, 'unknown')],
    [...BEGIN, invoked(1), node('broker-a', 'stopping'), 3_000, node('broker-a', 'started'), 27_000, ended(1, 'unknown')],
    [...BEGIN, member('refused')],
  ],
  'state-holds': [
    // Half of a write, what was told and is gone, what was rejected, what nobody wrote, a version of two writes.
    [run(), writes(1, { a: undefined, b: undefined }), wrote(1, 5), readState(2, { a: [5, 1] })],
    [run(), writes(1, { a: undefined }), wrote(1, 5), readState(3, {})],
    [run(), writes(1, { a: undefined }), readState(2, { a: [5, 1] }), readState(3, {})],
    [run(), writes(1, { a: undefined }), stateEnded(1, 'rejected'), readState(3, { a: [5, 1] })],
    [run(), readState(0, { a: [5, 9] })],
    [run(), writes(1, { a: undefined }), writes(2, { b: undefined }), wrote(1, 5), wrote(2, 5)],
    [run(), writes(1, { a: 3 }), writes(2, { a: 3 }), wrote(1, 5), wrote(2, 6)],
  ],
  settles: [
    [...BEGIN, settled(['queue 0 has no owner'])],
    [...BEGIN, invoked(1), settled()],
    [...BEGIN, ...ONE],
  ],
};

/** Histories that look like a breach and are none, by the checker that must keep quiet. */
const EXCUSED: Readonly<Record<string, readonly (readonly (HistoryFact | number)[])[]>> = {
  'state-holds': [
    [run(), writes(1, { a: undefined, b: undefined }), wrote(1, 5), readState(3, { a: [5, 1], b: [5, 1] })],
    // It was asked before the write was answered; an unknown write came to be; a power cut took what was not flushed.
    [run(), writes(1, { a: undefined }), wrote(1, 5), readState(2, {})],
    [run(), writes(1, { a: undefined }), stateEnded(1, 'unknown'), readState(3, { a: [5, 1] })],
    [run(), writes(1, { a: 0 }), writes(2, { a: 0 }), wrote(1, 5), wrote(2, 6)],
    [run('async'), writes(1, { a: undefined }), wrote(1, 5), node('broker-a', 'powerCut'), readState(4, {})],
  ],
  'acked-survives': [
    // Nothing was promised for ack `none`, nor for what retention took.
    [run(), invoked(1, { ack: 'none' }), { kind: 'sendCompleted', value: 'p:1', outcome: 'ok' }, settled(), end(0)],
    [run(), invoked(1), acked(1, 0), settled(), { kind: 'queueDrained', queue: QUEUE, oldest: 1, highWatermark: 1 }],
    [run('async'), invoked(1), acked(1, 0), node('broker-a', 'powerCut'), settled(), end(0)],
    [WITH_SLAVES, invoked(1), acked(1, 0), fault('acceptLoss'), settled(), end(0)],
    // What a broker holds that was down at the end was not read.
    [run(), invoked(1), acked(1, 0), node('broker-a', 'stopping'), settled()],
    [run(), invoked(1), ACKED_SOMEWHERE, node('broker-a', 'stopping'), settled()],
  ],
  'no-duplicates': [
    [...BEGIN, ...ONE, delivered(1, 0, { attempt: 2 })],
    [...BEGIN, ...ONE, fault('kill'), delivered(1, 0, { member: 'm2' })],
    [...BEGIN, ...ONE, { kind: 'reset', phase: 'asked', broker: 'broker-a', group: 'g', forward: false }, delivered(1, 0)],
  ],
  'stable-offsets': [
    [run('async'), invoked(1), acked(1, 0), node('broker-a', 'powerCut'), invoked(2), acked(2, 0)],
    [WITH_SLAVES, invoked(1), acked(1, 0), fault('acceptLoss'), invoked(2), acked(2, 0)],
    // The answer was under way when the power was cut.
    [run('async'), invoked(1), node('broker-a', 'powerCut'), acked(1, 0), invoked(2), acked(2, 0)],
  ],
  'sequences-hold': [
    [run(), stored(0), stored(0, { duplicate: true })],
    // An answer that was lost with its connection was not seen.
    [run(), stored(0), { kind: 'connection', node: 'broker-a', connection: 2, state: 'closed' }, stored(4, { sequence: 4 })],
  ],
  'keeps-order': [[run(), invoked(1), invoked(2), acked(1, 1), acked(2, 0), drained(2, 0), drained(1, 1), end(2)]],
  'key-stays': [
    [
      run(),
      invoked(1, { key: 'k' }),
      acked(1, 0),
      node('broker-b', 'powerCut'),
      90_000,
      node('broker-b', 'started'),
      invoked(2, { key: 'k' }),
      acked(2, 0, OTHER),
    ],
    // A broker that refuses its log is away for good, also when all faults have ended.
    [
      run(),
      invoked(1, { key: 'k' }),
      acked(1, 0),
      node('broker-b', 'failed', 'CORRUPT_LOG'),
      11_000,
      { kind: 'fault', phase: 'end', fault: 'all', nodes: [] },
      60_000,
      invoked(2, { key: 'k' }),
      acked(2, 0, OTHER),
    ],
  ],
  'reads-committed': [
    // A slow answer tells what it saw before another one was given.
    [run(), polled('1', 0), polled('2', 0), read('2', 0, 2, 2), read('1', 0, 1, 1)],
  ],
  'lost-is-suffix': [
    [
      run('async'),
      invoked(1),
      acked(1, 0),
      invoked(2),
      acked(2, 1),
      node('broker-a', 'powerCut'),
      drained(1, 0),
      drained(3, 1),
      end(2),
    ],
    // The answer for what the power cut took was under way.
    [
      run('async'),
      invoked(1),
      node('broker-a', 'powerCut'),
      acked(1, 0),
      invoked(2),
      acked(2, 0),
      node('broker-a', 'powerCut'),
      drained(2, 0),
      end(1),
    ],
  ],
  'leases-fenced': [[run(), lease(1, 0, 'm1'), committed(1, 1, 'release'), committed(1, 1, 'commit', 'LEASE_FENCED')]],
  'commits-monotone': [
    [
      ...BEGIN,
      ...ONE,
      { kind: 'reset', phase: 'asked', broker: 'broker-a', group: 'g', forward: false },
      committed(1, 1),
      { kind: 'reset', phase: 'answered', broker: 'broker-a', group: 'g', forward: false },
      lease(2, 0, 'm1'),
    ],
  ],
  'commits-handled': [
    [run(), group({ filters: { t: ['red'] } }), lease(1, 0), invoked(1), committed(1, 1), settled(), drained(1, 0), end(1)],
  ],
  'at-least-once': [
    // Nobody at the broker can tell how long its heartbeat was on its way.
    [...LAST, ...subscribed([1_000, ...SENT, 3_000]), lease(1, 1), settled(), drained(1, 0), end(1)],
    // The first member died before it came to this broker, which was down.
    [
      ...LAST,
      ...subscribed([], 'broker-b'),
      1_000,
      ...SENT,
      3_000,
      ...secondJoins(),
      lease(1, 1, 'm2'),
      settled(),
      drained(1, 0),
      end(1),
    ],
    // It reads until the end, and a broker that refuses its damaged log is away for good.
    [
      run(),
      group({ mode: 'broadcasting', untilEnd: true }),
      member('joined'),
      invoked(1),
      acked(1, 0),
      fault('rot', 'at', ['broker-b']),
      node('broker-b', 'failed', 'CORRUPT_LOG'),
      settled(),
      drained(1, 0),
      end(1),
    ],
    // It came to a replica that is master no more, and died before there was another.
    [
      ...LAST,
      ...subscribed(),
      1_000,
      ...SENT,
      ...secondJoins('broker-a-1.1'),
      lease(1, 1, 'm2'),
      settled(),
      drained(1, 0),
      end(1),
    ],
  ],
  'polls-wake': [
    [...BEGIN, polled('1', 0, true), invoked(1), stored(0), 60_000, settled()],
    [...BEGIN, polled('1', 0), fault('pause', 'begin'), stored(0), 60_000, fault('pause', 'end')],
  ],
  'nobody-expires-early': [
    [...BEGIN, 12_000, expired(100)],
    [...BEGIN, 5_000, expired(1_000, 1_500)],
    // A deadline moves by a sleep, be it by all of it, and whether it was over or not: what comes then is no waking.
    [...BEGIN, ...slept(8_000, 15_000), ...slept(17_700, 18_050), 18_100, expired(1_000)],
    [...BEGIN, ...slept(3_000, 11_500), ...slept(18_000, 18_300), 18_400, expired(1_000)],
    // It was over for less than a second when it woke: nothing says that it slept.
    [...BEGIN, ...slept(10_500, 11_600), expired(1_000)],
    // It woke long ago; the second sleep was none.
    [...BEGIN, ...slept(1_000, 60_000), ...slept(60_800, 60_804), 61_000, expired(900)],
  ],
  'nothing-breaks': [
    [...BEGIN, fault('rot'), node('broker-a', 'failed', 'CORRUPT_LOG')],
    // A slave begins its log anew where old messages leave that of its master.
    [{ kind: 'run', seed: 1, flush: 'sync', beginsAnew: true }, node('broker-a-1', 'failed', 'RESTART_REQUIRED')],
    [...BEGIN, fault('syncFails'), node('broker-a', 'failed', 'STORE_IO'), invoked(1), ended(1, 'unknown')],
    // A message with a key waits for a broker that restarts as planned, and its call had less time than that.
    [...BEGIN, invoked(1), node('broker-a', 'stopping'), 3_000, node('broker-a', 'started'), 1_000, ended(1, 'rejected')],
    // So does one of several attempts, however long ago the first one was.
    [
      ...BEGIN,
      invoked(1),
      30_000,
      node('broker-a', 'stopping'),
      3_000,
      node('broker-a', 'started'),
      1_000,
      { ...ended(1, 'rejected'), fromMs: 30_000 } as HistoryFact,
    ],
  ],
};

const verdictsOf = (name: string, facts: readonly (HistoryFact | number)[]): readonly string[] =>
  check(
    history(...facts),
    CHECKERS.filter((checker) => checker.name === name),
  ).map(({ sentence }) => sentence);

describe('the checkers of histories', () => {
  it('find nothing in a history that breaks no rule', () => {
    expect(check(history(...RIGHT))).toEqual([]);
  });

  it.each(CHECKERS.map(({ name }) => name))('%s finds what breaks its rule', (name) => {
    const wrong = WRONG[name] ?? [];
    expect(wrong.length).toBeGreaterThan(0);
    for (const facts of wrong) expect({ facts, verdicts: verdictsOf(name, facts).length > 0 }).toEqual({ facts, verdicts: true });
  });

  it.each(Object.keys(EXCUSED))('%s keeps quiet about what only looks like it', (name) => {
    for (const facts of EXCUSED[name] ?? [])
      expect({ facts, verdicts: verdictsOf(name, facts) }).toEqual({ facts, verdicts: [] });
  });

  it('names the checker, says it in a sentence and shows the events', () => {
    const [verdict] = check(history(...BEGIN, ...ONE, delivered(9, 1)));
    expect(verdict).toMatchObject({ checker: 'no-phantom', sentence: 't/broker-a/0 1 is p:9, which nobody had sent' });
    expect(verdict?.events).toHaveLength(1);
  });
});
