import { describe, expect, it } from 'vitest';
import { Broker, LIMITS, portablePlatform, Random, wireNumberOf } from '../../src/index.ts';
import { batchOf } from './batches.ts';
import { runningBroker } from './broker-world.ts';

const name = (i: number): string => `${'t'.repeat(120)}${i}`;

describe('the limits of a connection', () => {
  it('end a HELLO that takes shorter frames than everyone has to (QNT-LIM-007)', () => {
    const world = runningBroker();
    const least = LIMITS.FRAME_BEFORE_HELLO_BYTES_MAX;
    for (const frameBytesMax of [0, least, least + 1, 2 ** 32 - 1]) {
      const client = world.accept();
      expect(client.call('HELLO', { frameBytesMax }).code).toBeUndefined();
      expect(client.closed).toBe(false);
    }
    for (const frameBytesMax of [1, least - 1]) {
      const client = world.accept();
      expect(client.call('HELLO', { frameBytesMax }).code).toBe('INVALID_ARGUMENT');
      expect(client.pushes('GOAWAY')).toMatchObject([{ code: wireNumberOf('INVALID_ARGUMENT') }]);
      expect(client.closed).toBe(true);
    }
  });

  it('let a broker take batches of 65,536 bytes whatever it is configured with (QNT-LIM-008)', () => {
    const make = (batchBytesMax: number) => () =>
      new Broker({ name: 'b', platform: portablePlatform, random: new Random(1), limits: { batchBytesMax } });
    expect(make(65_535)).toThrow('limits.batchBytesMax');
    expect(make(65_536)).not.toThrow();
    const client = runningBroker({ limits: { batchBytesMax: 65_536 } }).client();
    client.call('TOPIC_CREATE', { topic: 't' });
    const overhead = batchOf(['a'], { bytes: 60_000 }).length - 60_000;
    expect(client.call('SEND', { topic: 't' }, [batchOf(['a'], { bytes: 65_536 - overhead })]).code).toBeUndefined();
    expect(client.call('SEND', { topic: 't' }, [batchOf(['a'], { bytes: 65_537 - overhead })]).code).toBe('BATCH_TOO_LARGE');
  });
});

describe('a peer that does not read', () => {
  function withTopics() {
    const world = runningBroker();
    const client = world.client();
    for (let i = 0; i < 1_000; i++) client.send('TOPIC_CREATE', { topic: name(i), queues: 1 });
    world.pump();
    client.frames.length = 0;
    const blocked = (on: boolean) => world.input({ kind: on ? 'blocked' : 'drained', connection: client.connection });
    const bytes = () => client.frames.reduce((sum, frame) => sum + frame.control.length, 0);
    const list = () => {
      for (let i = 0; i < 40 && !client.closed; i++) client.send('TOPIC_LIST', {});
    };
    return { client, blocked, bytes, list };
  }

  it('is closed with SLOW_READER before more than PENDING_RESPONSE_BYTES_MAX wait for it (QNT-LIM-010)', () => {
    const { client, blocked, bytes, list } = withTopics();
    blocked(true);
    for (let i = 0; i < 20; i++) list();
    expect(client.closed).toBe(true);
    expect(bytes()).toBeGreaterThan(LIMITS.PENDING_RESPONSE_BYTES_MAX * 0.9);
    expect(bytes()).toBeLessThan(LIMITS.PENDING_RESPONSE_BYTES_MAX);
    expect(client.pushes('GOAWAY')).toMatchObject([{ code: wireNumberOf('SLOW_READER') }]);
  });

  it('is one again only when it was blocked again: what it has taken does not count (QNT-LIM-010)', () => {
    const { client, blocked, bytes, list } = withTopics();
    for (let i = 0; i < 4; i++) {
      blocked(true);
      list();
      blocked(false);
      list();
    }
    expect(client.closed).toBe(false);
    expect(bytes()).toBeGreaterThan(2 * LIMITS.PENDING_RESPONSE_BYTES_MAX);
  });
});
