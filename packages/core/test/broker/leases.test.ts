import { describe, expect, it } from 'vitest';
import { type Assignment, codeNumber, GroupKind, Position } from '../../src/index.ts';
import { FakeDisk } from '../log/fake-disk.ts';
import { batchOf, messagesOf } from './batches.ts';
import { type BrokerWorld, runningBroker, type TestClient } from './broker-world.ts';

const subscription = { topics: [{ topic: 't' }], from: Position.FIRST };

/** Joins the group and waits until it has been divided. */
function join(world: BrokerWorld, client: TestClient, member: string): Assignment | undefined {
  client.call('CLIENT_HEARTBEAT', { group: 'g', member, subscription });
  world.advance(500);
  return client.call('CLIENT_HEARTBEAT', { group: 'g', member }).header.assignment;
}

const poll = (client: TestClient, member: string, leaseEpoch: number, queue = 0): number =>
  client.send('PULL', {
    group: 'g',
    member,
    waitMs: 20_000,
    poll: queue,
    topics: [{ topic: 't', queues: [{ queue, offset: 0, leaseEpoch }] }],
  });

describe('PULL under a lease', () => {
  it('is served to the holder and refused to everybody else [QNT-PUL-020]', () => {
    const world = runningBroker();
    const client = world.client();
    client.call('TOPIC_CREATE', { topic: 't', queues: 1 });
    client.call('SEND', { topic: 't' }, [batchOf(['a'])]);
    const lease = join(world, client, 'm1')?.leases[0];
    expect(lease).toMatchObject({ topic: 't', queue: 0, startOffset: 0 });
    const epoch = lease?.epoch as number;
    const served = client.answer('PULL', poll(client, 'm1', epoch));
    expect(messagesOf(served?.payload as Uint8Array)).toEqual(['0:a']);
    const code = (member: string, leaseEpoch: number) =>
      client.answer('PULL', poll(client, member, leaseEpoch))?.header.results[0]?.code;
    expect(code('m1', epoch + 1)).toBe(codeNumber('LEASE_FENCED'));
    expect(code('m2', epoch)).toBe(codeNumber('LEASE_FENCED'));
    expect(code('m2', 0)).toBe(codeNumber('UNKNOWN_MEMBER'));
  });

  it('that waits is answered when its lease ends [QNT-PUL-021]', () => {
    const world = runningBroker();
    const client = world.client();
    client.call('TOPIC_CREATE', { topic: 't', queues: 1 });
    const lease = join(world, client, 'm1')?.leases[0];
    const waiting = poll(client, 'm1', lease?.epoch as number);
    expect(client.answer('PULL', waiting)).toBeUndefined();
    world.client().call('LEAVE', { group: 'g', member: 'm1' });
    expect(client.answer('PULL', waiting)?.header.results).toMatchObject([{ code: codeNumber('LEASE_FENCED') }]);
  });

  it('gives nothing away that was read while the lease ended [QNT-PUL-021, QNT-GRP-039]', () => {
    const log = { blockBytes: 1_024, cacheBytes: 4_096 };
    const world = runningBroker({ log });
    const client = world.client();
    client.call('TOPIC_CREATE', { topic: 't', queues: 1 });
    for (let i = 0; i < 20; i++) client.call('SEND', { topic: 't' }, [batchOf(['a'], { bytes: 1_000 })]);
    const lease = join(world, client, 'm1')?.leases[0];
    const other = world.client();
    const pull = poll(client, 'm1', lease?.epoch as number);
    expect(world.disk.pending.map(({ op }) => op)).toContain('read');
    other.send('LEAVE', { group: 'g', member: 'm1' });
    world.pump();
    const answer = client.answer('PULL', pull);
    expect(answer?.header.results).toMatchObject([{ code: codeNumber('LEASE_FENCED'), nextOffset: 0 }]);
    expect(answer?.payload).toHaveLength(0);
  });

  it('goes on under the same lease after a restart [QNT-GRP-046]', () => {
    const disk = new FakeDisk();
    const world = runningBroker({}, disk);
    const client = world.client();
    client.call('TOPIC_CREATE', { topic: 't', queues: 1 });
    const lease = join(world, client, 'm1')?.leases[0];
    world.broker.stop(world.nowMs);
    world.perform();
    world.pump();
    const after = runningBroker({}, disk, 2);
    const again = after.client();
    again.call('CLIENT_HEARTBEAT', { group: 'g', member: 'm1', subscription });
    again.call('SEND', { topic: 't' }, [batchOf(['a'])]);
    const served = again.answer('PULL', poll(again, 'm1', lease?.epoch as number));
    expect(messagesOf(served?.payload as Uint8Array)).toEqual(['0:a']);
  });

  it('needs none in a free group [QNT-PUL-022]', () => {
    const client = runningBroker().client();
    client.call('TOPIC_CREATE', { topic: 't', queues: 1 });
    client.call('SEND', { topic: 't' }, [batchOf(['a'])]);
    const commit = { group: 'g', kind: GroupKind.FREE, offsets: [{ topic: 't', queue: 0, offset: 1 }] };
    expect(client.call('OFFSET_COMMIT', commit).header.results).toEqual([]);
    const served = client.answer('PULL', poll(client, 'm1', 0));
    expect(messagesOf(served?.payload as Uint8Array)).toEqual(['0:a']);
  });
});
