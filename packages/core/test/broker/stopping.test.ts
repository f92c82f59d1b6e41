import { describe, expect, it } from 'vitest';
import { type Assignment, Flag, LIMITS, Position, wireNumberOf } from '../../src/index.ts';
import { FakeDisk } from '../log/fake-disk.ts';
import { type BrokerWorld, runningBroker, type TestClient } from './broker-world.ts';

const subscription = { topics: [{ topic: 't' }], from: Position.FIRST };

function beat(client: TestClient, member: string): Assignment | undefined {
  return client.call('CLIENT_HEARTBEAT', { group: 'g', member, subscription }).header.assignment;
}

/** A broker with a member that holds both queues of a topic, and a connection that its end is not heard of. */
function withMember(groups = {}) {
  const disk = new FakeDisk();
  const world = runningBroker({ groups }, disk);
  const client = world.client();
  client.call('TOPIC_CREATE', { topic: 't', queues: 2 });
  beat(client, 'm1');
  world.advance(500);
  const leases = beat(client, 'm1')?.leases.map(({ queue, epoch }) => ({ queue, epoch }));
  expect(leases).toHaveLength(2);
  const lingering = world.client();
  world.clients.delete(lingering.connection);
  return { world, disk, client, lingering, leases };
}

const events = (world: BrokerWorld): string[] => world.others.flatMap((output) => (output.kind === 'log' ? [output.event] : []));

describe('a broker that stops', () => {
  it('takes no member for gone while it waits for its connections: leases outlive the stop (QNT-GRP-046, QNT-GRP-054)', () => {
    const { world, disk, client, leases } = withMember();
    world.broker.stop(world.nowMs);
    world.perform();
    expect(client.closed).toBe(true);
    world.advance(LIMITS.GOAWAY_GRACE_MS - 1);
    expect(world.stopped).toBe(0);
    world.advance(1);
    expect(world.stopped).toBe(1);
    expect(events(world)).not.toContain('group.member.gone');
    const after = runningBroker({}, disk, 2);
    expect(beat(after.client(), 'm1')?.leases.map(({ queue, epoch }) => ({ queue, epoch }))).toEqual(leases);
  });

  it('takes no queue from a member that was asked to release it, and asks nobody for one (QNT-GRP-054)', () => {
    const { world, disk, client, leases } = withMember({ releaseMs: 1_000 });
    beat(world.client(), 'm2');
    world.advance(300);
    expect((client.pushes('ASSIGNMENT').at(-1) as Assignment).leases.map(({ state }) => state)).toContain(1);
    world.broker.stop(world.nowMs);
    world.perform();
    world.advance(LIMITS.GOAWAY_GRACE_MS);
    expect(world.stopped).toBe(1);
    expect(events(world)).not.toContain('group.lease.taken');
    const after = runningBroker({}, disk, 2);
    expect(beat(after.client(), 'm1')?.leases.map(({ queue, epoch }) => ({ queue, epoch }))).toEqual(leases);
  });

  it('says so at once to whoever still comes, and does not wait for it (QNT-CON-015, QNT-CON-017)', () => {
    const { world } = withMember();
    world.broker.stop(world.nowMs);
    world.perform();
    const late = world.accept();
    expect(late.frames.map(({ flags }) => flags)).toEqual([Flag.ONEWAY]);
    expect(late.pushes('GOAWAY')).toMatchObject([{ code: wireNumberOf('SHUTTING_DOWN'), graceMs: 0 }]);
    expect(late.closed).toBe(true);
  });
});
