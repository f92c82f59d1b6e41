// The conversations of whole roles that are recorded as session vectors.
import { encodeStateEntries, type StateEntry, StateEntryFlag, utf8 } from '@qanat/core';
import { batchBytes } from '../../packages/conformance/src/codec/batch-json.ts';
import { REPLICA_MASTER_SCENARIOS } from './replica-master-scenarios.ts';
import { REPLICA_SLAVE_SCENARIOS } from './replica-slave-scenarios.ts';
import { type Heard, SessionRecorder } from './session-recorder.ts';

const STORE_ID = '000102030405060708090a0b0c0d0e0f';
const BROKER_HELLO = {
  role: 'BROKER',
  name: 'b1',
  store_id: STORE_ID,
  term: 1,
  frame_bytes_max: 4259840,
  batch_bytes_max: 4194304,
};
const HELLO = { ...BROKER_HELLO, in_flight_max: 1024, idle_ms: 60000 };
const NAMESERVER_HELLO = { role: 'NAMESERVER', name: 'ns', frame_bytes_max: 4259840, in_flight_max: 1024, idle_ms: 60000 };
const ENDPOINTS = [{ listener: 'default', scheme: 'qanat', address: '10.0.0.1:7610' }];
const BROKER = { broker: 'b1', cluster: 'default', store_id: STORE_ID, term: 1, endpoints: ENDPOINTS };
const route = (queues: number) => ({ routes: [{ topic: 'orders', shares: [{ broker: 'b1', queues }] }], brokers: [BROKER] });

const headerOf = (heard: readonly Heard[], frame: string): Record<string, unknown> => {
  const found = heard.find((one) => one.frame === frame);
  if (found === undefined) throw new Error(`no ${frame} came`);
  return found.header;
};

const clauses = (ids: string): readonly string[] => ids.split(' ').map((id) => `QNT-${id}`);

const batch = (producerId: number, sequence: number, bodies: readonly string[], bornMs = 1700000000000): Uint8Array =>
  batchBytes({
    producer_id: producerId,
    base_sequence: sequence,
    born_time_ms: bornMs,
    records: bodies.map((body) => ({ body })),
  });

const NO_VALUE = new Uint8Array(0);
/** An entry of a write or of a question; without a value the key is removed where a version or `undefined` is given. */
function entry(...given: readonly [string, (string | undefined)?, number?]): StateEntry {
  const [key, value, expected] = given;
  const removed = given.length > 1 && value === undefined ? StateEntryFlag.REMOVED : 0;
  const flags = removed | (expected === undefined ? 0 : StateEntryFlag.EXPECTED);
  return { key: utf8(key), flags, version: expected ?? 0, value: value === undefined ? NO_VALUE : utf8(value) };
}

const stored = (offset: number, bodies: readonly string[]): Uint8Array =>
  batchBytes({
    born_time_ms: 1700000000000,
    stamp: { base_offset: offset, term: 1, store_time_ms: 1700000000005 },
    records: bodies.map((body) => ({ body })),
  });

function brokerSends(): SessionRecorder {
  const session = new SessionRecorder({
    id: 'broker-sends',
    title: 'a producer stores, repeats and leaves a gap; a consumer without a group reads',
    clauses: clauses(
      'ADM-002 SND-012 SND-013 SND-015 SND-019 SND-020 SND-040 BAT-002 PUL-001 PUL-002 PUL-003 PUL-006 PUL-013 OFS-010 OFS-012 CON-008',
    ),
    free: ['the store id, and every message to people'],
    setup: { layer: 'broker', identity: { name: 'b1' }, wall_ms: 1700000000000, seed: 1 },
  });
  session.until(1000);
  session.event(2, 'accepted');
  session.request(2, 'HELLO', { software: 'vector' });
  session.request(2, 'TOPIC_CREATE', { topic: 'orders', queues: 2 });
  session.request(2, 'TOPIC_CREATE', { topic: 'orders' });
  session.request(2, 'TOPIC_CREATE', { topic: 'orders', queues: 3 });
  const { producer_id: id } = headerOf(session.request(2, 'INIT_PRODUCER', {}), 'INIT_PRODUCER') as unknown as {
    producer_id: number;
  };
  const send = (connection: number, sequence: number, bodies: readonly string[]): void =>
    void session.request(connection, 'SEND', { topic: 'orders' }, batch(id, sequence, bodies));
  send(2, 0, ['a', 'b']);
  send(2, 2, ['c']);
  send(2, 0, ['a', 'b']);
  send(2, 5, ['f']);
  send(2, 2, ['x']);
  session.event(4, 'accepted');
  session.request(4, 'HELLO', {});
  send(4, 3, ['d']);
  session.request(4, 'INIT_PRODUCER', { producer_id: 77 });
  session.request(4, 'INIT_PRODUCER', { producer_id: id });
  send(4, 3, ['d']);
  send(2, 4, ['e']);
  const from = (offset: number) => ({ topics: [{ topic: 'orders', queues: [{ offset }] }] });
  session.request(4, 'PULL', from(1));
  session.request(4, 'PULL', from(9));
  session.request(4, 'PULL', { ...from(4), wait_ms: 500 });
  session.until(1500);
  session.request(4, 'PULL', { ...from(4), wait_ms: 30000 });
  session.until(2000);
  session.request(2, 'SEND', { topic: 'orders' }, batch(0, 0, ['g']));
  const places = [
    { topic: 'orders', position: 'LAST' },
    { topic: 'orders', position: 'AT_TIME', time_ms: 1700000001500 },
    { topic: 'orders', position: 'AT_TIME', time_ms: 1700000002001 },
    { topic: 'none' },
    { topic: 'orders', queue: 7 },
    { topic: 'orders' },
  ];
  session.request(2, 'OFFSET_LOOKUP', { queues: places });
  session.event(2, 'closed');
  return session;
}

function brokerState(): SessionRecorder {
  const session = new SessionRecorder({
    id: 'broker-state',
    title: 'keyed state is written, refused, read, watched and removed; a message with a dedup id is stored once',
    clauses: clauses(
      'KST-001 KST-002 KST-003 KST-006 KST-007 KST-008 KST-011 KST-013 KST-015 KST-016 KST-017 KST-020 KST-021 KST-024 KST-026 KST-028',
    ),
    free: [
      'the store id, and every message to people',
      'the versions, in headers and entries: the reference implementation begins with 2^32 in term 1, and counts',
    ],
    setup: { layer: 'broker', identity: { name: 'b1' }, wall_ms: 1700000000000, seed: 1 },
  });
  session.until(1000);
  session.event(2, 'accepted');
  session.request(2, 'HELLO', { software: 'vector', features: [2, 3] });
  session.request(2, 'TOPIC_CREATE', { topic: 'orders', queues: 1 });
  const place = { topic: 'orders' };
  const write = (...entries: readonly StateEntry[]): number => {
    const heard = session.request(2, 'STATE_WRITE', place, encodeStateEntries(entries));
    const answer = heard.find(({ kind }) => kind === 'response');
    return answer === undefined ? 0 : (answer.header as { version: number }).version;
  };
  const scan = (header: object): void => void session.request(2, 'STATE_SCAN', { ...place, ...header });
  const get = (...keys: readonly string[]): void =>
    void session.request(2, 'STATE_GET', place, encodeStateEntries(keys.map((key) => entry(key))));
  const first = write(entry('s/1', 'a', 0), entry('s/2', 'b', 0), entry('t/1', 'c'));
  write(entry('s/3', 'd'), entry('s/1', 'e', first + 1));
  get('s/2', 's/3', 's/1');
  const second = write(entry('s/1', 'f', first), entry('s/2', undefined, first));
  get('s/2', 's/1');
  scan({ prefix: '732f' });
  scan({ limit: 1 });
  scan({ after: '732f31' });
  scan({ changes: true });
  scan({ prefix: '732f', changes: true, since: first });
  scan({ changes: true, since: second });
  scan({ since: second });
  scan({ topic: 'none', since: second });
  write();
  write(entry('s/1'), entry('s/1', 'g'));
  session.request(2, 'STATE_WRITE', place, encodeStateEntries([entry('s/1', 'h')]).subarray(0, 18));
  scan({ prefix: '732f', changes: true, since: second, wait_ms: 5000 });
  session.until(2000);
  write(entry('t/1', 'i'));
  write(entry('s/2', 'j'));
  const { producer_id: id } = headerOf(session.request(2, 'INIT_PRODUCER', {}), 'INIT_PRODUCER') as unknown as {
    producer_id: number;
  };
  const send = (sequence: number, body: string, dedupId: string): void =>
    void session.request(2, 'SEND', { ...place, ...(dedupId === '' ? {} : { dedup_id: dedupId }) }, batch(id, sequence, [body]));
  send(0, 'm', 'd/1');
  send(1, 'n', 'd/1');
  send(2, 'o', '');
  send(1, 'n', 'd/1');
  scan({ prefix: '642f' });
  write(entry('d/1', undefined));
  send(3, 'p', 'd/1');
  session.event(4, 'accepted');
  session.request(4, 'HELLO', {});
  session.request(4, 'STATE_SCAN', place);
  session.request(4, 'SEND', { ...place, dedup_id: 'd/1' }, batch(0, 0, ['q']));
  session.event(2, 'closed');
  return session;
}

function brokerGroup(): SessionRecorder {
  const session = new SessionRecorder({
    id: 'broker-group',
    title: 'a member joins, pulls and commits; another one joins, takes a queue over, and leaves',
    clauses: clauses(
      'GRP-018 GRP-020 GRP-021 GRP-030 GRP-034 GRP-039 GRP-043 OFS-003 OFS-006 OFS-009 OFS-012 OFS-019 PUL-020 PUL-021',
    ),
    free: [
      'the store id',
      'the numbers of generations and of lease epochs, beyond their order: the members name those that they were told',
    ],
    setup: { layer: 'broker', identity: { name: 'b1' }, wall_ms: 1700000000000, seed: 1 },
  });
  const hello = (connection: number): void => {
    session.event(connection, 'accepted');
    session.request(connection, 'HELLO', {});
  };
  session.until(1000);
  hello(2);
  session.request(2, 'TOPIC_CREATE', { topic: 'orders', queues: 2 });
  for (const queue of [0, 1]) session.request(2, 'SEND', { topic: 'orders', queue }, batch(0, 0, ['a', 'b', 'c']));
  const subscription = { topics: [{ topic: 'orders' }] };
  const beat = (connection: number, member: string, more: object): Heard[] =>
    session.request(connection, 'CLIENT_HEARTBEAT', { group: 'billing', member, label: member, revision: 1, ...more });
  beat(2, 'm1', {});
  const told = assignmentOf(beat(2, 'm1', { subscription }));
  const [zero, one] = told.leases.map(({ epoch }) => epoch) as [number, number];
  beat(2, 'm1', { generation: told.generation });
  const pull = (connection: number, member: string, queue: number, offset: number, epoch: number, more: object = {}): void => {
    const queues = [{ queue, offset, lease_epoch: epoch }];
    session.request(connection, 'PULL', { group: 'billing', member, topics: [{ topic: 'orders', queues }], ...more });
  };
  pull(2, 'm1', 0, 0, zero);
  pull(2, 'm1', 0, 0, one);
  pull(2, 'stranger', 0, 0, 0);
  const offsets = (queue: number, offset: number, epoch: number) => ({
    offsets: [{ topic: 'orders', queue, offset, lease_epoch: epoch }],
  });
  session.request(2, 'OFFSET_COMMIT', { group: 'billing', member: 'm1', ...offsets(0, 2, zero) });
  session.request(2, 'OFFSET_COMMIT', { group: 'billing', member: 'm1', ...offsets(0, 1, zero) });
  session.request(2, 'OFFSET_COMMIT', { group: 'billing', member: 'm1', ...offsets(0, 3, zero + 1000) });
  session.request(2, 'OFFSET_FETCH', {
    group: 'billing',
    queues: [{ topic: 'orders' }, { topic: 'orders', queue: 1 }, { topic: 'none' }],
  });
  pull(2, 'm1', 1, 3, one, { wait_ms: 20000, poll: 1 });
  hello(4);
  session.until(1500);
  beat(4, 'm2', { subscription });
  session.until(2000);
  session.request(2, 'RELEASE', { group: 'billing', member: 'm1', ...offsets(1, 3, one) });
  session.request(2, 'OFFSET_COMMIT', { group: 'billing', member: 'm1', ...offsets(1, 3, one) });
  session.request(2, 'RELEASE', { group: 'billing', member: 'm1', ...offsets(1, 3, one) });
  session.until(2500);
  session.request(4, 'LEAVE', { group: 'billing', member: 'm2' });
  session.until(3000);
  session.request(4, 'LEAVE', { group: 'nobody', member: 'm2' });
  session.event(4, 'closed');
  return session;
}

interface Told {
  readonly generation: number;
  readonly leases: readonly { readonly epoch: number }[];
}

/** The last assignment that was told. */
function assignmentOf(heard: readonly Heard[]): Told {
  const told = heard
    .map(({ frame, header }) => (frame === 'ASSIGNMENT' ? header : header.assignment))
    .filter((one) => one !== undefined);
  const last = told.at(-1) as Told | undefined;
  if (last === undefined) throw new Error('no assignment came');
  return last;
}

const OWN_AFFAIR = [
  'fields of requests that are not named, and the frames PING',
  'the times: the client does it by then',
  'the order of frames on different connections',
];

function connected(session: SessionRecorder): void {
  session.event(1, 'opened');
  session.answer('HELLO', NAMESERVER_HELLO);
  session.answer('ROUTE_QUERY', route(1));
  session.event(3, 'opened');
  session.answer('HELLO', HELLO);
}

function producerRepeats(): SessionRecorder {
  const session = new SessionRecorder({
    id: 'producer-repeats',
    title: 'a send whose answer is lost is sent again under the same id, with the same bytes; the next one has the next number',
    clauses: clauses('CON-001 SND-009 SND-010 SND-028 SND-030'),
    free: OWN_AFFAIR,
    setup: { layer: 'producer', seed: 1 },
  });
  session.ask({ name: 's1', do: 'send', topic: 'orders', key: 'k', tag: 'paid', body: 'a' });
  connected(session);
  session.answer('INIT_PRODUCER', { producer_id: 1048576 });
  session.until(10);
  session.event(3, 'closed');
  session.until(200);
  session.event(5, 'opened');
  session.answer('HELLO', HELLO);
  session.answer('INIT_PRODUCER', { producer_id: 1048576 });
  session.answer('SEND', { base_offset: 40, store_time_ms: 1700000000005, duplicate: true });
  session.ask({ name: 's2', do: 'send', topic: 'orders', key: 'k', body: 'b' });
  session.answer('SEND', { base_offset: 41, store_time_ms: 1700000000006 });
  return session;
}

function consumerMember(): SessionRecorder {
  const session = new SessionRecorder({
    id: 'consumer-member',
    title: 'a member joins, reads from the start of its lease, commits, gives the queue back and leaves',
    clauses: clauses('GRP-002 GRP-003 GRP-005 GRP-009 GRP-013 OFS-014 OFS-020 PUL-028 PUL-029'),
    free: OWN_AFFAIR,
    setup: { layer: 'consumer', member: 'm1', seed: 1 },
  });
  const assignment = (generation: number, leases: readonly object[]) => ({
    group: 'billing',
    member: 'm1',
    generation,
    members: 1,
    queues: 1,
    leases,
  });
  const lease = { topic: 'orders', epoch: 1048577, start_offset: 41 };
  session.ask({ name: 'c1', do: 'consume', group: 'billing', topic: 'orders' });
  connected(session);
  session.answer('CLIENT_HEARTBEAT', {
    generation: 1048577,
    heartbeat_ms: 3000,
    session_ms: 10000,
    assignment: assignment(1048577, [lease]),
  });
  session.until(100);
  const payload = stored(40, ['a', 'b', 'c']);
  const results = [{ topic: 'orders', next_offset: 43, high_watermark: 43, bytes: payload.length }];
  session.answer('PULL', { results }, payload);
  session.until(1500);
  session.answer('OFFSET_COMMIT', {});
  session.until(3500);
  session.answer('CLIENT_HEARTBEAT', { generation: 1048577, heartbeat_ms: 3000, session_ms: 10000 });
  session.push(3, 'ASSIGNMENT', assignment(1048578, [{ ...lease, state: 'RELEASING' }]));
  session.until(3600);
  session.answer('RELEASE', {});
  session.push(3, 'ASSIGNMENT', assignment(1048579, []));
  session.ask({ name: 'c1', do: 'close' });
  session.answer('LEAVE', {});
  return session;
}

function adminLooks(): SessionRecorder {
  const session = new SessionRecorder({
    id: 'admin-looks',
    title: 'a tool lists and describes topics, and plans a reset',
    clauses: clauses('CON-001 CON-002 COR-001'),
    free: OWN_AFFAIR,
    setup: { layer: 'admin', seed: 1 },
  });
  session.ask({ name: 'list', do: 'list-topics' });
  session.event(1, 'opened');
  session.answer('HELLO', NAMESERVER_HELLO);
  session.answer('ROUTE_QUERY', route(1));
  session.ask({ name: 'describe', do: 'describe-topic', topic: 'orders' });
  session.answer('ROUTE_QUERY', route(1));
  session.event(3, 'opened');
  session.answer('HELLO', HELLO);
  session.answer('TOPIC_DESCRIBE', { queues: [{ high_watermark: 42, oldest_offset: 7, last_store_time_ms: 1700000000005 }] });
  session.ask({ name: 'reset', do: 'reset-group', group: 'billing', to: 'first', dry_run: true });
  session.answer('ROUTE_QUERY', route(1));
  session.answer('GROUP_RESET', { results: [{ topic: 'orders', had_offset: true, from_offset: 40, to_offset: 7 }] });
  return session;
}

/** By the name of the file. */
export function recordSessions(): ReadonlyMap<string, string> {
  return new Map(
    Object.entries({
      'broker-sends': brokerSends,
      'broker-group': brokerGroup,
      'broker-state': brokerState,
      'producer-repeats': producerRepeats,
      'consumer-member': consumerMember,
      'admin-looks': adminLooks,
      ...REPLICA_MASTER_SCENARIOS,
      ...REPLICA_SLAVE_SCENARIOS,
    }).map(([id, record]) => [`${id}.json`, record().text()]),
  );
}
