// Every limit of the registry that a peer can pass, passed (spec, chapter of limits).
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import {
  BATCH_AT,
  codeOfWireNumber,
  decodeFrame,
  ErrorInfo,
  encodeBatch,
  encodeFrame,
  Flag,
  FRAMES,
  FrameSplitter,
  FrameType,
  LIMITS,
  type LiveFrame,
  NameServer,
  portablePlatform,
  Random,
  RecordReader,
  ReplicaRole,
  type RequestInit,
  requestCodec,
  writeUint32At,
} from '../../src/index.ts';
import { batchOf } from '../broker/batches.ts';
import { type BrokerWorld, runningBroker, type TestClient } from '../broker/broker-world.ts';
import { FakeSession, GroupWorld } from '../groups/group-world.ts';
import { TestMember } from '../groups/test-member.ts';
import { type Put, stateWorld } from '../keyed-state/state-world.ts';
import { AUTH, askingBroker } from '../security/login.ts';
import { codeOf, table, user } from '../security/users.ts';
import { joined, ServerBench } from './session-bench.ts';

type Limit = keyof typeof LIMITS;

const registry = readFileSync(new URL('../../../../spec/v1/registry/limits.md', import.meta.url), 'utf8');
const rows = [...registry.matchAll(/^\| \*\*(\w+)\*\* \| ([\d\s]+) \| (\w+) \| (.*?) \| (\w+|–) \| (default|fixed) \|$/gm)].map(
  ([, name, value, , , code, kind]) => ({ name: name as Limit, value: Number(value?.replace(/\s/g, '')), code, kind }),
);

const text = (length: number): string => 'x'.repeat(length);
const bytesOf = (error: unknown): string | undefined => (error as { code?: string } | undefined)?.code;

function withTopic(options: Parameters<typeof runningBroker>[0] = {}): {
  readonly world: BrokerWorld;
  readonly client: TestClient;
} {
  const world = runningBroker(options);
  const client = world.client();
  client.call('TOPIC_CREATE', { topic: 't', queues: 1 });
  return { world, client };
}

const ask = <N extends LiveFrame>(name: N, header: RequestInit<N>, payload: readonly Uint8Array[] = []): string | undefined =>
  withTopic().client.call(name, header, payload).code;

const subscribe = (subscription: object, more: object = {}): string | undefined =>
  ask('CLIENT_HEARTBEAT', { group: 'g', member: 'm', subscription: subscription as never, ...more });

const stateWrite = (changes: readonly Put[], options: Parameters<typeof stateWorld>[0] = {}): string | undefined =>
  stateWorld(options).state.write(...changes).code;

/** The code of the GOAWAY or of the last error. */
const told = (bench: ServerBench): string | undefined => codeOfWireNumber(bench.codes[0] ?? 0);

/** What a NameServer answers the last of some requests with. */
function nameServer(options: object, requests: readonly (readonly [LiveFrame, object])[]): string | undefined {
  const engine = new NameServer({ name: 'ns', software: 'test', random: new Random(1), warmupMs: 0, ...options });
  engine.handle({ kind: 'accepted', connection: 2, remote: 'x', listener: 'default' }, 1);
  let code: string | undefined;
  [['HELLO', {}] as const, ...requests].forEach(([name, header], i) => {
    const frame = joined(encodeFrame(FRAMES[name].type, 0, 2 * i + 1, requestCodec(name).encode(header)));
    engine.handle({ kind: 'frame', connection: 2, frame }, 2);
    for (const output of engine.drain()) {
      if (output.kind !== 'send') continue;
      const answer = decodeFrame(joined(output.parts));
      code = answer.flags & Flag.ERROR ? codeOfWireNumber(ErrorInfo.decode(answer.control).code) : undefined;
    }
  });
  return code;
}

const lengthField = (length: number): Uint8Array => Uint8Array.of(length >>> 24, length >>> 16, length >>> 8, length);

function splitter(frameBytesMax: number | undefined, length: number): string | undefined {
  const frames = new FrameSplitter();
  if (frameBytesMax !== undefined) frames.frameBytesMax = frameBytesMax;
  return bytesOf(frames.push(lengthField(length), () => {}));
}

/** Passes each limit, and gives the code that came. */
const PROBES: Partial<Record<Limit, () => string | undefined>> = {
  FRAME_BYTES_MAX: () => splitter(LIMITS.FRAME_BYTES_MAX, LIMITS.FRAME_BYTES_MAX + 1),
  FRAME_BEFORE_HELLO_BYTES_MAX: () => splitter(undefined, LIMITS.FRAME_BEFORE_HELLO_BYTES_MAX + 1),
  CONTROL_HEADER_BYTES_MAX: () => {
    const server = new ServerBench().open();
    const frame = joined(
      encodeFrame(FrameType.PING, 0, 9, new Uint8Array(0), [new Uint8Array(LIMITS.CONTROL_HEADER_BYTES_MAX + 1)]),
    );
    writeUint32At(frame, 12, LIMITS.CONTROL_HEADER_BYTES_MAX + 1);
    server.bytes(frame);
    return told(server);
  },
  BATCH_BYTES_MAX: () => {
    const { client } = withTopic({ limits: { batchBytesMax: 65_536 } });
    return client.call('SEND', { topic: 't' }, [batchOf(['a'], { bytes: 70_000 })]).code;
  },
  BATCH_RECORDS_MAX: () => {
    const batch = batchOf(Array.from({ length: LIMITS.BATCH_RECORDS_MAX }, () => ''));
    writeUint32At(batch, BATCH_AT.recordCount, LIMITS.BATCH_RECORDS_MAX + 1);
    writeUint32At(batch, BATCH_AT.bodyChecksum, portablePlatform.crc32(batch.subarray(36), 0));
    return ask('SEND', { topic: 't' }, [batch]);
  },
  BATCH_INFLATED_BYTES_MAX: () => {
    const batch = batchOf(['a']);
    batch[37] = 1;
    writeUint32At(batch, 64, LIMITS.BATCH_INFLATED_BYTES_MAX + 1);
    try {
      return String(new RecordReader(portablePlatform, batch).next());
    } catch (error) {
      return bytesOf(error);
    }
  },
  IN_FLIGHT_REQUESTS_MAX: () => {
    const server = new ServerBench({ inFlightMax: 32 }).open();
    for (let i = 0; i < 33; i++) server.send('TOPIC_LIST', {});
    return told(server);
  },
  TAG_BYTES_MAX: () => encodes({ tag: text(LIMITS.TAG_BYTES_MAX + 1) }),
  LABEL_BYTES_MAX: () => subscribe({ topics: [{ topic: 't' }] }, { label: text(LIMITS.LABEL_BYTES_MAX + 1) }),
  ADDRESS_BYTES_MAX: () => register({ endpoints: [{ address: text(LIMITS.ADDRESS_BYTES_MAX + 1) }] }),
  FILTER_BYTES_MAX: () => subscribe({ topics: [{ topic: 't', filter: text(LIMITS.FILTER_BYTES_MAX + 1) }] }),
  FILTER_TAGS_MAX: () => {
    const filter = Array.from({ length: LIMITS.FILTER_TAGS_MAX + 1 }, (_, i) => `t${i}`).join('||');
    return subscribe({ topics: [{ topic: 't', filter }] });
  },
  QUEUES_PER_TOPIC_MAX: () => ask('TOPIC_CREATE', { topic: 'u', queues: LIMITS.QUEUES_PER_TOPIC_MAX + 1 }),
  TOPICS_PER_BROKER_MAX: () => {
    const { client } = withTopic({ limits: { topicsMax: 1 } });
    return client.call('TOPIC_CREATE', { topic: 'u' }).code;
  },
  REPLICAS_MAX: () => {
    const replica = (number: number) =>
      ['REGISTER_BROKER', { broker: 'b', storeId: new Uint8Array(16), replica: number, replicaRole: ReplicaRole.SLAVE }] as const;
    return nameServer(
      {},
      Array.from({ length: LIMITS.REPLICAS_MAX + 1 }, (_, i) => replica(i)),
    );
  },
  BROKERS_MAX: () => {
    const broker = (name: string) => ['REGISTER_BROKER', { broker: name, storeId: new Uint8Array(16) }] as const;
    return nameServer({ brokersMax: 1 }, [broker('a'), broker('b')]);
  },
  ENDPOINTS_PER_BROKER_MAX: () => register({ endpoints: Array(LIMITS.ENDPOINTS_PER_BROKER_MAX + 1).fill({ address: 'a' }) }),
  LIST_ITEMS_MAX: () => ask('OFFSET_FETCH', { group: 'g', queues: Array(LIMITS.LIST_ITEMS_MAX + 1).fill({ topic: 't' }) }),
  MORE_FRAMES_MAX: () => {
    const server = new ServerBench().open();
    const header = { broker: 'b', storeId: new Uint8Array(16) };
    for (let i = 0; i <= LIMITS.MORE_FRAMES_MAX; i++) server.send('REGISTER_BROKER', header, Flag.MORE, undefined, 9);
    return told(server);
  },
  WATCHED_TOPICS_MAX: () => {
    const watch = (from: number, count: number) => {
      const topics = Array.from({ length: count }, (_, i) => `t${from + i}`);
      return ['ROUTE_QUERY', { topics, watch: true }] as const;
    };
    const whole = Array.from({ length: LIMITS.WATCHED_TOPICS_MAX / 4_000 }, (_, i) => watch(i * 4_000, 4_000));
    return nameServer({}, [...whole, watch(900_000, 1)]);
  },
  GROUPS_PER_BROKER_MAX: () =>
    members({ groupsMax: 1 }, [
      ['a', 'g'],
      ['a', 'h'],
    ]),
  MEMBERS_PER_GROUP_MAX: () =>
    members({ membersPerGroupMax: 1 }, [
      ['a', 'g'],
      ['b', 'g'],
    ]),
  SUBSCRIPTIONS_PER_GROUP_MAX: () => {
    const topics = Array.from({ length: LIMITS.SUBSCRIPTIONS_PER_GROUP_MAX + 1 }, (_, i) => ({ topic: `t${i}` }));
    return subscribe({ topics });
  },
  PRODUCERS_MAX: () => {
    const { world, client } = withTopic({ limits: { producersMax: 1 } });
    const { producerId } = client.call('INIT_PRODUCER', {}).header;
    world.client().call('INIT_PRODUCER', {});
    return client.call('SEND', { topic: 't' }, [batchOf(['a'], { producerId })]).code;
  },
  PRODUCER_IDLE_MS: () => {
    const { world, client } = withTopic({ limits: { producerIdleMs: 10_000 } });
    const { producerId } = client.call('INIT_PRODUCER', {}).header;
    world.advance(10_001);
    return client.call('SEND', { topic: 't' }, [batchOf(['a'], { producerId })]).code;
  },
  PENDING_RESPONSE_BYTES_MAX: () => {
    const server = new ServerBench({ pendingBytesMax: 1_000 }).open();
    server.input('blocked');
    for (let i = 0; i < 100; i++) server.send('PING', {});
    return told(server);
  },
  PULL_WAIT_MS_MAX: () => ask('PULL', { waitMs: LIMITS.PULL_WAIT_MS_MAX + 1, topics: [{ topic: 't', queues: [{}] }] }),
  POLLS_PER_CONNECTION_MAX: () => {
    const { client } = withTopic({ session: { inFlightMax: 5_000 } });
    const poll = (number: number) => client.send('PULL', { poll: number, waitMs: 9_000, topics: [{ topic: 't', queues: [{}] }] });
    for (let i = 0; i < LIMITS.POLLS_PER_CONNECTION_MAX; i++) poll(i);
    return client.answer('PULL', poll(LIMITS.POLLS_PER_CONNECTION_MAX))?.code;
  },
  AUTH_DEADLINE_MS: () => {
    const world = askingBroker(table(user('ann')));
    const client = world.accept();
    client.call('HELLO', AUTH);
    world.advance(LIMITS.AUTH_DEADLINE_MS);
    return codeOf(client.frames.at(-1));
  },
  AUTH_DATA_BYTES_MAX: () => {
    const world = askingBroker(table(user('ann')));
    const client = world.accept();
    client.call('HELLO', AUTH);
    return client.call('AUTH', { mechanism: 1, data: new Uint8Array(LIMITS.AUTH_DATA_BYTES_MAX + 1) }).code;
  },
  HELLO_DEADLINE_MS: () => {
    const server = new ServerBench();
    server.advance(LIMITS.HELLO_DEADLINE_MS);
    return told(server);
  },
  IDLE_MS: () => {
    const server = new ServerBench().open();
    server.advance(LIMITS.IDLE_MS);
    return told(server);
  },
  STAGED_BYTES_MAX: () => {
    const { client } = withTopic({ limits: { stagedBytesMax: 1_000 } });
    const sent = Array.from({ length: 3 }, () => client.send('SEND', { topic: 't' }, [batchOf(['a'], { bytes: 600 })]));
    return client.answer('SEND', sent[2] as number)?.code;
  },
  MEMBER_SESSION_MS_MIN: () => subscribe({ topics: [{ topic: 't' }] }, { sessionMs: LIMITS.MEMBER_SESSION_MS_MIN - 1 }),
  MEMBER_SESSION_MS_MAX: () => subscribe({ topics: [{ topic: 't' }] }, { sessionMs: LIMITS.MEMBER_SESSION_MS_MAX + 1 }),
  STATE_KEY_BYTES_MAX: () => stateWrite([{ key: text(LIMITS.STATE_KEY_BYTES_MAX + 1) }]),
  STATE_VALUE_BYTES_MAX: () => stateWrite([{ key: 'k', value: text(LIMITS.STATE_VALUE_BYTES_MAX + 1) }]),
  STATE_CHANGES_MAX: () => stateWrite(Array.from({ length: LIMITS.STATE_CHANGES_MAX + 1 }, (_, i) => ({ key: `${i}` }))),
  STATE_WRITE_BYTES_MAX: () => stateWrite(['a', 'b'].map((key) => ({ key, value: text(LIMITS.STATE_VALUE_BYTES_MAX) }))),
  STATE_QUEUE_BYTES_MAX: () => stateWrite([{ key: 'k', value: text(100) }], { limits: { stateQueueBytesMax: 100 } }),
  CONNECTIONS_MAX: () => {
    const server = new ServerBench();
    for (let i = 0; i < 10; i++)
      server.sessions.handle({ kind: 'accepted', connection: 4 + 2 * i, remote: 'x', listener: 'default' });
    return told(server.drain());
  },
};

/** A name or a part of a message that is too long. */
for (const [limit, probe] of [
  ['TOPIC_NAME_BYTES_MAX', (name: string) => ask('TOPIC_CREATE', { topic: name })],
  ['GROUP_NAME_BYTES_MAX', (name: string) => subscribe({ topics: [{ topic: 't' }] }, { group: name })],
  [
    'BROKER_NAME_BYTES_MAX',
    (name: string) => nameServer({}, [['REGISTER_BROKER', { broker: name, storeId: new Uint8Array(16) }]]),
  ],
  ['KEY_BYTES_MAX', (key: string) => encodes({ key })],
  ['PROPERTIES_BYTES_MAX', (value: string) => encodes({ properties: { a: value } })],
] as const)
  PROBES[limit] = () => probe(text(LIMITS[limit] + 1));

/** What this implementation's producer says of a message; a broker looks into none. */
function encodes(more: object): string | undefined {
  try {
    batchOfRecord(more);
    return undefined;
  } catch (error) {
    return bytesOf(error);
  }
}

function batchOfRecord(more: object): void {
  const fields = { bornTimeMs: 5, producerId: 0, producerEpoch: 0, baseSequence: 0 };
  encodeBatch(portablePlatform, [{ body: new Uint8Array(1), ...more }], fields);
}

const register = (more: object): string | undefined =>
  nameServer({}, [['REGISTER_BROKER', { broker: 'b', storeId: new Uint8Array(16), ...more }]]);

function members(options: object, joins: readonly (readonly [string, string])[]): string | undefined {
  const world = new GroupWorld(options);
  world.topic('orders', 1);
  expect(new FakeSession('x').alive).toBe(true);
  return joins
    .map(([member, group]) => {
      const answer = new TestMember(world, member, { topics: [{ topic: 'orders' }] }, group).heartbeat();
      world.settle();
      return answer.error?.code;
    })
    .at(-1);
}

/** Passing them is answered in another place of the specification than by a server's code. */
const ELSEWHERE: Partial<Record<Limit, string>> = {
  REPLICATE_WAIT_MS_MAX: 'only a master of a group answers REPLICATE: broker/replication/master.test.ts passes it',
  ERROR_MESSAGE_BYTES_MAX: 'a server sends it, and cuts it; a client refuses a longer one as any field',
};

describe('the limits', () => {
  it('have the values of the registry, each of them [QNT-LIM-003]', () => {
    expect(rows.map(({ name, value }) => [name, value])).toEqual(Object.entries(LIMITS));
  });

  const bounded = rows.filter(({ code, name }) => code !== '–' && !(name in ELSEWHERE));
  it.each(bounded.map(({ name, code }) => [name, code] as const))(
    '%s: passing it is answered with %s [QNT-LIM-001, QNT-LIM-002]',
    (name, code) => {
      const probe = PROBES[name];
      if (probe === undefined) throw new Error(`nobody passes ${name}`);
      // A field with a limit of its own is refused as such a field is, also where it is a name (spec, chapter of names).
      const codes = name.endsWith('NAME_BYTES_MAX') ? ['INVALID_NAME', 'INVALID_ARGUMENT'] : [code];
      expect(codes).toContain(probe());
    },
  );
});
