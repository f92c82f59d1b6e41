// A client that takes only short frames gets every list, in more of them (spec, chapter of framing).
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { halvesOf } from '../../src/connection/halves.ts';
import {
  codeOfWireNumber,
  decodeFrame,
  ErrorInfo,
  encodeFrame,
  Flag,
  FRAMES,
  type Frame,
  LIMITS,
  type LiveFrame,
  NameServer,
  Random,
  requestCodec,
  responseCodec,
} from '../../src/index.ts';
import { type BrokerWorld, runningBroker, type TestClient } from '../broker/broker-world.ts';
import { joined } from '../conformance/session-bench.ts';

const SHORTEST = LIMITS.FRAME_BEFORE_HELLO_BYTES_MAX;
const FRAME_PREFIX = 12;
const lengthOf = ({ control, payload }: Frame): number => FRAME_PREFIX + control.length + payload.length;

function shortClient(): { world: BrokerWorld; client: TestClient; long: TestClient } {
  const world = runningBroker();
  return { world, client: world.client(SHORTEST), long: world.client() };
}

/** The frames that the client got since, none of them too long. */
function shortFrames(client: TestClient): readonly Frame[] {
  for (const frame of client.frames) expect(lengthOf(frame)).toBeLessThanOrEqual(SHORTEST);
  return client.frames.splice(0);
}

const long = (prefix: string, i: number): string => `${prefix}-${i}`.padEnd(LIMITS.TOPIC_NAME_BYTES_MAX, 'x');

describe('a client with a short frame_bytes_max [QNT-FRM-006, QNT-FRM-031]', () => {
  it('gets topics, queues and groups whole', () => {
    const { client, long: other } = shortClient();
    for (let i = 0; i < 300; i++) {
      other.call('TOPIC_CREATE', { topic: long('t', i), queues: i === 0 ? LIMITS.QUEUES_PER_TOPIC_MAX : 1 });
      other.call('OFFSET_COMMIT', { group: long('g', i), kind: 1, offsets: [{ topic: long('t', i), offset: 0 }] });
    }
    shortFrames(client);
    const topics = client.call('TOPIC_LIST', {}).headers.flatMap((page) => page.topics);
    expect(topics).toHaveLength(300);
    expect(shortFrames(client).length).toBeGreaterThan(2);
    const queues = client.call('TOPIC_DESCRIBE', { topic: long('t', 0) }).headers.flatMap((page) => page.queues);
    expect(queues.map(({ queue }) => queue)).toEqual(Array.from({ length: LIMITS.QUEUES_PER_TOPIC_MAX }, (_, i) => i));
    const groups = client.call('GROUP_LIST', {}).headers.flatMap((page) => page.groups);
    expect(groups.map(({ group }) => group)).toEqual(Array.from({ length: 300 }, (_, i) => long('g', i)).sort());
    shortFrames(client);
  });

  it('gets an assignment of many queues whole, asked for and pushed, and the description of its group', () => {
    const { world, client, long: other } = shortClient();
    const topic = long('t', 0);
    other.call('TOPIC_CREATE', { topic, queues: LIMITS.QUEUES_PER_TOPIC_MAX });
    const heartbeat = { group: 'g', member: 'm', revision: 1, subscription: { topics: [{ topic }] } };
    client.call('CLIENT_HEARTBEAT', heartbeat);
    world.advance(1_000);
    world.pump();
    const pushed = client.pushes('ASSIGNMENT') as { leases: readonly unknown[] }[];
    expect(pushed.length).toBeGreaterThan(2);
    expect(pushed.flatMap(({ leases }) => leases).length % LIMITS.QUEUES_PER_TOPIC_MAX).toBe(0);
    shortFrames(client);
    const pages = client.call('CLIENT_HEARTBEAT', heartbeat).headers;
    const leases = pages.flatMap(({ assignment }) => assignment?.leases ?? []);
    expect(leases.map(({ queue }) => queue)).toEqual(Array.from({ length: LIMITS.QUEUES_PER_TOPIC_MAX }, (_, i) => i));
    expect(new Set(pages.map((page) => page.assignment?.generation)).size).toBe(1);
    const described = client.call('GROUP_DESCRIBE', { group: 'g' }).headers;
    expect(described.flatMap((page) => page.queues)).toHaveLength(LIMITS.QUEUES_PER_TOPIC_MAX);
    expect(described[0]?.subscription?.topics).toEqual([{ topic, filter: '' }]);
    shortFrames(client);
  });

  it('is told LIMIT_EXCEEDED, before anything takes effect, where an answer has to be one frame', () => {
    const { client, long: other } = shortClient();
    const topics = Array.from({ length: 150 }, (_, i) => long('t', i));
    for (const topic of topics) other.call('TOPIC_CREATE', { topic, queues: 1 });
    const queues = topics.map((topic) => ({ topic, queue: 0 }));
    expect(client.call('OFFSET_FETCH', { group: 'g', queues }).code).toBe('LIMIT_EXCEEDED');
    expect(client.call('OFFSET_LOOKUP', { queues }).code).toBe('LIMIT_EXCEEDED');
    const offsets = queues.map((queue) => ({ ...queue, offset: 0 }));
    expect(client.call('OFFSET_COMMIT', { group: 'g', kind: 1, offsets }).code).toBe('LIMIT_EXCEEDED');
    expect(other.call('GROUP_DESCRIBE', { group: 'g' }).code).toBe('GROUP_NOT_FOUND');
    expect(other.call('OFFSET_COMMIT', { group: 'g', kind: 1, offsets }).code).toBeUndefined();
    expect(client.call('OFFSET_COMMIT', { group: 'g', kind: 1, offsets: offsets.slice(0, 50) }).code).toBeUndefined();
    shortFrames(client);
  });

  it('gets routes whole, also of one topic at very many brokers', () => {
    const engine = new NameServer({ name: 'ns', software: 'test', random: new Random(1), warmupMs: 0 });
    const frames: Frame[] = [];
    const ask = (connection: number, name: LiveFrame, header: object, correlation: number): void => {
      const frame = joined(encodeFrame(FRAMES[name].type, 0, correlation, requestCodec(name).encode(header)));
      engine.handle({ kind: 'frame', connection, frame }, 2);
      for (const output of engine.drain())
        if (output.kind === 'send' && output.connection === 2) frames.push(decodeFrame(joined(output.parts)));
    };
    engine.handle({ kind: 'accepted', connection: 2, remote: 'x', listener: 'default' }, 1);
    ask(2, 'HELLO', { frameBytesMax: SHORTEST }, 1);
    for (let i = 0; i < 300; i++) {
      const connection = 4 + 2 * i;
      engine.handle({ kind: 'accepted', connection, remote: 'x', listener: 'default' }, 1);
      ask(connection, 'HELLO', {}, 1);
      const storeId = new Uint8Array(16).fill(i % 256, 0, 8).fill(i >> 8, 8);
      const endpoints = [{ listener: 'default', scheme: 'qanat', address: `host-${i}:7610` }];
      ask(
        connection,
        'REGISTER_BROKER',
        { broker: long('b', i), storeId, endpoints, topics: [{ topic: 'orders', queues: 4 }] },
        3,
      );
    }
    frames.length = 0;
    ask(2, 'ROUTE_QUERY', { topics: ['orders'] }, 3);
    for (const frame of frames) {
      expect(lengthOf(frame)).toBeLessThanOrEqual(SHORTEST);
      if (frame.flags & Flag.ERROR) throw new Error(codeOfWireNumber(ErrorInfo.decode(frame.control).code));
    }
    const pages = frames.map((frame) => responseCodec('ROUTE_QUERY').decode(frame.control)) as {
      routes: { topic: string; shares: { broker: string }[] }[];
      brokers: { broker: string }[];
    }[];
    const names = Array.from({ length: 300 }, (_, i) => long('b', i)).sort();
    const shares = pages.flatMap(({ routes }) => routes).flatMap((route) => route.shares);
    expect(shares.map(({ broker }) => broker)).toEqual(names);
    expect(pages.flatMap(({ brokers }) => brokers.map(({ broker }) => broker)).sort()).toEqual(names);
  });
});

describe('halves of a control header', () => {
  it('join to what they were, and keep every field in the first one', () => {
    const items = fc.array(fc.nat(), { maxLength: 9 });
    fc.assert(
      fc.property(items, items, fc.nat(), (first, second, number) => {
        const header = { number, first, second, message: { text: 'x' } };
        const halves = halvesOf(header);
        if (halves === undefined) {
          expect(Math.max(first.length, second.length)).toBeLessThan(2);
          return;
        }
        const [one, other] = halves as readonly [typeof header, Partial<typeof header>];
        expect([...one.first, ...(other.first ?? [])]).toEqual(first);
        expect([...one.second, ...(other.second ?? [])]).toEqual(second);
        expect([one.number, other.number, one.message]).toEqual([number, number, header.message]);
      }),
    );
  });

  it('are none where nothing may be divided', () => {
    expect(halvesOf({ brokers: [{ endpoints: [1, 2, 3] }] })).toBeUndefined();
    expect(halvesOf({ subscription: { topics: [1, 2] } })).toBeUndefined();
  });
});
