import { LeaseState, QanatError } from '@qanat/core';
import { describe, expect, test } from 'vitest';
import { World } from './world.ts';

describe('a consumer and its group (spec, chapter of groups)', () => {
  test('a surplus member is told once, when every broker says so, with the counts [QNT-GRP-014]', () => {
    const world = new World();
    const [b1, b2] = [world.broker('b1'), world.broker('b2')];
    b1.queue('t', 0);
    b1.idle = b2.idle = true;
    b1.members = b2.members = 2;
    world.host.route('t', [
      { broker: 'b1', queues: 1 },
      { broker: 'b2', queues: 1 },
    ]);
    world.consumer();
    world.host.connect('b1');
    world.host.advance(3_000);
    expect(world.of('idle')).toEqual([]);
    world.host.connect('b2');
    world.host.advance(10_000);
    expect(world.of('idle')).toEqual([
      { kind: 'idle', consumer: 3, members: 2, queues: 1, message: '2 members for 1 queue: this one gets none' },
    ]);
    b1.assign([b1.lease('t', 0, 5)]);
    world.host.advance(10);
    b1.assign([]);
    world.host.advance(10);
    expect(world.of('idle')).toHaveLength(2);
  });

  test('waits for a topic that does not exist, says so once, and starts when it appears', () => {
    const world = new World();
    const broker = world.broker();
    broker.fill('t', 0, 3);
    broker.leases = [broker.lease('t', 0, 5)];
    world.consumer();
    world.host.route('t', undefined);
    world.host.route('t', undefined);
    world.host.advance(60_000);
    expect(world.events).toEqual([{ kind: 'waiting-for-topic', topic: 't' }]);
    world.host.route('t', [{ broker: 'b1', queues: 1 }]);
    world.host.connect('b1');
    world.host.advance(20);
    expect(world.offsets(0)).toEqual([0, 1, 2]);
  });

  test('joins a broker that the topic grows to, and lets go of one that no route names [QNT-GRP-002]', () => {
    const world = new World();
    const { broker } = world.joined();
    const b2 = world.broker('b2');
    b2.fill('t', 0, 2);
    b2.leases = [b2.lease('t', 0, 5)];
    world.host.route('t', [
      { broker: 'b1', queues: 1 },
      { broker: 'b2', queues: 1 },
    ]);
    world.host.connect('b2');
    world.host.advance(20);
    expect(world.seen).toEqual(['0:0', '0:1']);
    broker.assign([]);
    world.host.advance(10);
    world.host.route('t', [{ broker: 'b2', queues: 1 }]);
    expect(world.host.held.get('b1')).toBe(1);
    world.host.disconnect('b1');
    expect(world.host.held.get('b1')).toBe(0);
  });

  test('ends with the error when the group refuses it', () => {
    const world = new World();
    const broker = world.broker();
    broker.intercept = (sent) => {
      sent.fail(new QanatError('SUBSCRIPTION_CONFLICT', 'the group has t | a, this member t | b'));
      return true;
    };
    world.host.route('t', [{ broker: 'b1', queues: 1 }]);
    world.consumer();
    world.host.connect('b1');
    world.host.advance(3_100);
    expect(world.ended?.error?.code).toBe('SUBSCRIPTION_CONFLICT');
    expect(world.host.held.get('b1')).toBe(0);
  });

  test('an error that the broker gets over is told once and tried again', () => {
    const world = new World();
    const broker = world.broker();
    broker.fill('t', 0, 1);
    broker.leases = [broker.lease('t', 0, 5)];
    let refusals = 3;
    broker.intercept = (sent) => {
      if (refusals-- <= 0) return false;
      sent.fail(new QanatError('NOT_READY', 'starting'));
      return true;
    };
    world.host.route('t', [{ broker: 'b1', queues: 1 }]);
    world.consumer();
    world.host.connect('b1');
    world.host.advance(3_500);
    expect(world.seen).toEqual(['0:0']);
    expect(world.of('error')).toHaveLength(1);
  });

  test('ignores an assignment of another member', () => {
    const world = new World();
    const { broker } = world.joined();
    const assignment = { group: 'g', member: 'm2', generation: 99, members: 1, queues: 1, leases: [], idle: true };
    world.host.push('b1', 'ASSIGNMENT', [assignment]);
    broker.fill('t', 0, 1);
    world.host.advance(10);
    expect(world.seen).toEqual(['0:0']);
  });

  test('joins the pages of an assignment [QNT-FRM-012]', () => {
    const world = new World();
    const { broker } = world.joined();
    broker.fill('t', 1, 1);
    const page = { group: 'g', member: 'm1', generation: 9, members: 1, queues: 2, idle: false };
    broker.leases = [broker.lease('t', 0, 100), broker.lease('t', 1, 5)];
    broker.generation = 9;
    world.host.push('b1', 'ASSIGNMENT', [
      { ...page, leases: [broker.leases[0] as never] },
      // Only its list counts.
      { ...page, generation: 0, members: 0, queues: 0, leases: [broker.leases[1] as never] },
    ]);
    world.host.advance(10);
    expect(world.offsets(1)).toEqual([0]);
    expect(world.of('revoked')).toEqual([]);
    world.host.advance(3_000);
    expect(world.host.sent.findLast(({ name }) => name === 'CLIENT_HEARTBEAT')?.header).toMatchObject({ generation: 9 });
  });

  test.each(['CLIENT_HEARTBEAT', 'OFFSET_COMMIT', 'RELEASE', 'LEAVE'] as const)(
    'does not repeat %s before retry_after_ms has passed [QNT-ERR-006]',
    (name) => {
      const world = new World();
      const { broker, consumer } = world.joined();
      let refusedAtMs: number | undefined;
      broker.intercept = (sent) => {
        if ((sent as { name: string }).name !== name || refusedAtMs !== undefined) return false;
        refusedAtMs = world.host.engine.nowMs();
        sent.fail(new QanatError('NOT_READY', 'later', { retryAfterMs: 2_500 }));
        return true;
      };
      broker.fill('t', 0, 1);
      world.host.advance(4_000);
      if (name === 'RELEASE') broker.assign([broker.lease('t', 0, 100, 0, LeaseState.RELEASING)]);
      if (name === 'LEAVE') consumer.close({}, () => {});
      world.host.advance(6_000);
      const again = world.host.sent.find((sent) => sent.name === name && sent.atMs > (refusedAtMs ?? Number.POSITIVE_INFINITY));
      expect(again?.atMs).toBeGreaterThanOrEqual((refusedAtMs as number) + 2_500);
    },
  );
});
