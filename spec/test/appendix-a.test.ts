// The frames of appendix A, sent byte for byte to a broker of the reference implementation.
import { decodeFrame, Flag, FRAMES, type FrameName } from '@qanat/core';
import { describe, expect, it } from 'vitest';
import {
  canonical,
  controlOf,
  type FrameKind,
  fromCore,
  type HeaderJson as Json,
} from '../../packages/conformance/src/codec/schema-json.ts';
import { type BrokerWorld, runningBroker, type TestClient } from '../../packages/core/test/broker/broker-world.ts';
import type { FrameExample } from './example-runs.ts';
import { type Fence, fencesOf, hexOf, jsonOf } from './fences.ts';

const PAGE = 'v1/appendix-a-minimal-client.md';
const fences = fencesOf(PAGE);
/** What differs from run to run. */
const ANY = new Set(['software', 'store_id', 'store_time_ms', 'generation', 'session_ms', 'heartbeat_ms', 'oldest_offset']);

function fence(name: string, kind: FrameKind): Fence {
  const found = fences.find(({ info }) => info[2] === name && info[3] === kind);
  if (found === undefined) throw new Error(`${PAGE} has no ${name} ${kind}`);
  return found;
}

const withoutAny = (json: Json): Json => JSON.parse(JSON.stringify(json, (key, value) => (ANY.has(key) ? undefined : value)));

/** Sends the bytes of a fence and gives the frames that came since. */
function exchange(world: BrokerWorld, client: TestClient, bytes: Uint8Array): readonly Uint8Array[] {
  const before = client.frames.length;
  client.sendBytes([bytes]);
  world.pump();
  return client.frames.slice(before).map(({ control }) => control);
}

function expectAnswer(client: TestClient, name: string, kind: FrameKind): void {
  const { message, codec } = controlOf(name, kind);
  const example = jsonOf(fence(name, kind).body) as FrameExample;
  const flag = kind === 'push' ? Flag.ONEWAY : Flag.RESPONSE;
  const frame = client.frames.filter(({ type, flags }) => type === FRAMES[name as FrameName].type && flags === flag).at(-1);
  if (frame === undefined) throw new Error(`no ${name} ${kind} came`);
  expect(withoutAny(fromCore(message, codec.decode(frame.control)))).toEqual(withoutAny(canonical(message, example.header)));
}

describe('appendix A', () => {
  // QNT-CON-001, QNT-SND-018, QNT-GRP-017, QNT-PUL-001, QNT-OFS-001, QNT-GRP-044
  it('is a producer and a consumer that a broker serves', () => {
    const world = runningBroker();
    world.pump();
    const admin = world.client();
    expect(admin.call('TOPIC_CREATE', { topic: 'orders', queues: 1 }).header).toMatchObject({ queues: 1 });

    const producer = world.accept();
    const hello = hexOf((fences.find(({ info }) => info[1] === 'stream') as Fence).body).subarray(8);
    exchange(world, producer, hello);
    expectAnswer(producer, 'HELLO', 'response');
    expect(exchange(world, producer, hexOf(fence('PING', 'request').body)).length).toBe(1);
    exchange(world, producer, hexOf(fence('INIT_PRODUCER', 'request').body));
    expectAnswer(producer, 'INIT_PRODUCER', 'response');
    exchange(world, producer, hexOf(fence('SEND', 'request').body));
    expectAnswer(producer, 'SEND', 'response');

    const consumer = world.accept();
    exchange(world, consumer, hello);
    exchange(world, consumer, hexOf(fence('CLIENT_HEARTBEAT', 'request').body));
    world.advance(1_000);
    world.pump();
    expectAnswer(consumer, 'ASSIGNMENT', 'push');
    exchange(world, consumer, hexOf(fence('PULL', 'request').body));
    expectAnswer(consumer, 'PULL', 'response');
    const pulled = consumer.frames.at(-1) as { payload: Uint8Array };
    const shown = decodeFrame(hexOf(fence('PULL', 'response').body)).payload;
    // Byte for byte what the producer sent, behind what the broker stamped.
    expect(pulled.payload.slice(32)).toEqual(shown.slice(32));
    exchange(world, consumer, hexOf(fence('OFFSET_COMMIT', 'request').body));
    exchange(world, consumer, hexOf(fence('LEAVE', 'request').body));
    expect(admin.call('OFFSET_FETCH', { group: 'g', queues: [{ topic: 'orders' }] }).header.offsets[0]).toMatchObject({
      committed: true,
      offset: 1,
    });
    expect(admin.call('GROUP_DESCRIBE', { group: 'g' }).header).toMatchObject({ members: [], queues: [{ member: '' }] });
  });
});
