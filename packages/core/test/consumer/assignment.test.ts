import { type Delivery, GroupKind, LeaseState, LIMITS, Position, QanatError } from '@qanat/core';
import { describe, expect, test } from 'vitest';
import { range, World } from './world.ts';

describe('a member of a group (spec, chapter of groups)', () => {
  test('joins each broker of its topics with its subscription, and reads its leases from their start offsets [QNT-GRP-002, QNT-OFS-020]', () => {
    const world = new World();
    const [b1, b2] = [world.broker('b1'), world.broker('b2')];
    b1.fill('t', 0, 5);
    b2.fill('t', 0, 3);
    b1.leases = [b1.lease('t', 0, 7, 2)];
    b2.leases = [b2.lease('t', 0, 9)];
    world.host.route('t', [
      { broker: 'b1', queues: 1 },
      { broker: 'b2', queues: 1 },
    ]);
    world.consumer({ label: 'left', from: { timeMs: 5 }, subscriptionVersion: 4, subscriptions: [{ topic: 't', filter: '*' }] });
    expect([...world.host.held]).toEqual([
      ['b1', 1],
      ['b2', 1],
    ]);
    world.host.connect('b1');
    world.host.connect('b2');
    world.host.advance(20);
    const first = world.host.requests('CLIENT_HEARTBEAT', 'b1')[0]?.header;
    expect(first).toMatchObject({ group: 'g', member: 'm1', label: 'left', generation: 0 });
    const topics = [{ topic: 't', filter: '*' }];
    expect(first?.subscription).toMatchObject({
      kind: GroupKind.ASSIGNED,
      version: 4,
      topics,
      from: Position.AT_TIME,
      fromTimeMs: 5,
    });
    expect(world.deliveries.map(({ message }) => `${message.broker}:${message.offset}`).sort()).toEqual([
      'b1:2',
      'b1:3',
      'b1:4',
      'b2:0',
      'b2:1',
      'b2:2',
    ]);
    expect(world.of('assigned').map(({ queues }) => queues)).toEqual([
      [{ topic: 't', broker: 'b1', queue: 0 }],
      [{ topic: 't', broker: 'b2', queue: 0 }],
    ]);
  });

  test('sends the subscription only when it is new or asked for, and beats as the broker says [QNT-GRP-003, QNT-GRP-005, QNT-GRP-016]', () => {
    const world = new World();
    const { broker } = world.joined();
    world.host.advance(9_000);
    const beats = world.host.requests('CLIENT_HEARTBEAT');
    expect(beats.map(({ header }) => header.subscription !== undefined)).toEqual([true, false, false, false]);
    expect(beats[1]?.header).toMatchObject({ generation: broker.generation });
    expect(beats[1]?.header.joinedAgoMs).toBeGreaterThanOrEqual(3_000);
    broker.knowsMember = false;
    world.host.advance(3_010);
    expect(world.host.requests('CLIENT_HEARTBEAT').at(-1)?.header.subscription).toBeDefined();
    expect(broker.knowsMember).toBe(true);
  });

  test('takes queues that a push gives, and tells so', () => {
    const world = new World();
    const { broker } = world.joined();
    broker.fill('t', 1, 2);
    broker.assign([...broker.leases, broker.lease('t', 1, 200)]);
    world.host.advance(10);
    expect(world.offsets(1)).toEqual([0, 1]);
    expect(world.of('assigned')).toHaveLength(2);
  });

  test('gives a queue back when its handler has ended, with the offset behind the last one handled [QNT-GRP-009]', () => {
    const world = new World();
    const running: Delivery[] = [];
    world.onDelivery = (delivery) => void (delivery.message.offset < 2 ? delivery.done() : running.push(delivery));
    const { broker } = world.joined();
    broker.fill('t', 0, 10);
    world.host.advance(10);
    broker.assign([broker.lease('t', 0, 100, 0, LeaseState.RELEASING)]);
    world.host.advance(500);
    expect(world.host.requests('RELEASE')).toHaveLength(0);
    running[0]?.done();
    world.host.advance(10);
    expect(world.offsets(0)).toEqual([0, 1, 2]);
    expect(world.host.requests('RELEASE').map(({ header }) => header.offsets)).toEqual([
      [{ topic: 't', queue: 0, offset: 3, leaseEpoch: 100 }],
    ]);
    expect(world.of('revoked')).toHaveLength(1);
  });

  test('kept after all, before it was given back, goes on with what had failed', () => {
    const world = new World();
    const running: Delivery[] = [];
    world.onDelivery = (delivery) => void running.push(delivery);
    const { broker } = world.joined({ concurrency: 2 });
    broker.fill('t', 0, 3);
    world.host.advance(10);
    broker.assign([broker.lease('t', 0, 100, 0, LeaseState.RELEASING)]);
    world.host.advance(10);
    running[0]?.done(new Error('no'));
    broker.assign([broker.lease('t', 0, 100)]);
    world.host.advance(10);
    world.onDelivery = (delivery) => delivery.done();
    running[1]?.done();
    running[2]?.done();
    world.host.advance(1_100);
    expect(world.offsets(0)).toEqual([0, 1, 0, 2]);
    expect(world.of('revoked')).toEqual([]);
    expect(broker.commits).toEqual([{ key: 't/0', offset: 3, by: 'OFFSET_COMMIT' }]);
  });

  test('a message that fails while its queue is given back stays for the next member', () => {
    const world = new World();
    const { broker } = world.joined();
    world.onDelivery = () => {};
    broker.fill('t', 0, 3);
    world.host.advance(10);
    broker.assign([broker.lease('t', 0, 100, 0, LeaseState.RELEASING)]);
    world.host.advance(10);
    world.deliveries[0]?.done(new Error('no'));
    world.host.advance(500);
    expect(world.host.requests('RELEASE')[0]?.header.offsets).toMatchObject([{ offset: 0 }]);
    expect(world.seen).toEqual(['0:0']);
  });

  test('does not wait for a handler longer than the release time, and its late end changes nothing', () => {
    const world = new World();
    world.onDelivery = () => {};
    const { broker } = world.joined({ releaseMs: 5_000 });
    broker.fill('t', 0, 3);
    world.host.advance(10);
    broker.assign([broker.lease('t', 0, 100, 0, LeaseState.RELEASING)]);
    world.host.advance(5_020);
    expect(world.host.requests('RELEASE').map(({ header }) => header.offsets?.[0]?.offset)).toEqual([0]);
    world.deliveries[0]?.done();
    world.host.advance(2_000);
    expect(broker.commits).toEqual([{ key: 't/0', offset: 0, by: 'RELEASE' }]);
  });

  test('releases again until the broker has answered', () => {
    const world = new World();
    const { broker } = world.joined();
    let refusals = 2;
    broker.intercept = (sent) => {
      if ((sent as { name: string }).name !== 'RELEASE' || refusals-- <= 0) return false;
      sent.fail(new QanatError('STORAGE_REJECTED', 'not now'));
      return true;
    };
    broker.fill('t', 0, 3);
    world.host.advance(10);
    broker.assign([broker.lease('t', 0, 100, 0, LeaseState.RELEASING)]);
    world.host.advance(3_000);
    expect(world.host.requests('RELEASE')).toHaveLength(3);
    expect(broker.commits.at(-1)).toEqual({ key: 't/0', offset: 3, by: 'RELEASE' });
  });

  test('drops a queue at once that is no longer named: no commit, one event [QNT-GRP-006, QNT-GRP-010]', () => {
    const world = new World();
    world.onDelivery = () => {};
    const { broker } = world.joined();
    broker.fill('t', 0, 3);
    world.host.advance(10);
    broker.assign([]);
    world.host.advance(10);
    expect(world.of('revoked').map(({ queues }) => queues)).toEqual([[{ topic: 't', broker: 'b1', queue: 0 }]]);
    world.deliveries[0]?.done();
    world.host.advance(3_000);
    expect(world.seen).toEqual(['0:0']);
    expect(broker.commits).toEqual([]);
  });

  test('another epoch is another lease: it begins at its start offset when the old handler has ended [QNT-GRP-008]', () => {
    const world = new World();
    world.onDelivery = () => {};
    const { broker } = world.joined();
    broker.fill('t', 0, 3);
    world.host.advance(10);
    broker.assign([broker.lease('t', 0, 101, 1)]);
    world.host.advance(10);
    expect(world.seen).toEqual(['0:0']);
    world.onDelivery = (delivery) => delivery.done();
    world.deliveries[0]?.done();
    world.host.advance(1_100);
    expect(world.seen).toEqual(['0:0', '0:1', '0:2']);
    expect(world.of('revoked')).toHaveLength(1);
    expect(broker.commits).toEqual([{ key: 't/0', offset: 3, by: 'OFFSET_COMMIT' }]);
  });

  test('a fenced commit drops the queue and asks for the whole assignment at once [QNT-GRP-010]', () => {
    const world = new World();
    const { broker } = world.joined();
    broker.fill('t', 0, 3);
    broker.leases = [broker.lease('t', 0, 300, 3)];
    world.host.advance(1_100);
    expect(world.of('revoked')).toHaveLength(1);
    broker.fill('t', 0, 2);
    world.host.advance(200);
    expect(world.offsets(0)).toEqual([0, 1, 2, 3, 4]);
    const whole = world.host.requests('CLIENT_HEARTBEAT').filter(({ header }, i) => i > 0 && header.generation === 0);
    expect(whole.length).toBeGreaterThan(0);
  });

  test('a reconnect goes on without handing anything out twice when the epoch is unchanged [QNT-GRP-003, QNT-GRP-012, QNT-PUL-033]', () => {
    const world = new World();
    const { broker } = world.joined();
    broker.fill('t', 0, 5);
    world.host.advance(10);
    world.host.disconnect('b1');
    broker.forget();
    world.host.advance(2_000);
    broker.fill('t', 0, 5);
    world.host.connect('b1');
    world.host.advance(20);
    expect(world.offsets(0)).toEqual(range(0, 10));
    expect(world.host.requests('CLIENT_HEARTBEAT').at(-1)?.header.subscription).toBeDefined();
    expect(world.of('revoked')).toEqual([]);
    world.host.advance(1_100);
    expect(broker.committed.get('t/0')).toBe(10);
  });

  test('what is buffered is handed out while the broker is away, but not after its time to lose a member', () => {
    const world = new World();
    world.onDelivery = () => {};
    const { broker } = world.joined();
    broker.fill('t', 0, 5);
    world.host.advance(10);
    world.host.disconnect('b1');
    world.host.advance(1_000);
    world.deliveries[0]?.done();
    expect(world.offsets(0)).toEqual([0, 1]);
    world.host.advance(LIMITS.MEMBER_LOST_MS);
    world.deliveries[1]?.done();
    expect(world.offsets(0)).toEqual([0, 1]);
    expect(world.of('error').map(({ error }) => error.code)).toEqual(['TIMEOUT']);
    broker.forget();
    world.host.connect('b1');
    world.host.advance(20);
    expect(world.offsets(0)).toEqual([0, 1, 2]);
  });

  test('holds a silent broker’s queues back after the session, counted from the last answered heartbeat’s sending [QNT-GRP-011]', () => {
    const world = new World();
    const held: Delivery[] = [];
    world.onDelivery = (delivery) => void held.push(delivery);
    const { broker } = world.joined();
    broker.fill('t', 0, 50);
    world.host.advance(3_100);
    broker.silent = true;
    const sentMs = world.host.requests('CLIENT_HEARTBEAT').at(-1)?.atMs ?? 0;
    world.host.advance(sentMs + 9_990 - world.host.engine.nowMs());
    // The connection was given up on the way: reconnect, and the broker stays silent.
    expect(world.host.suspected).toContain('b1');
    world.host.advance(100);
    const before = world.seen.length;
    held.pop()?.done();
    expect(world.seen.length).toBe(before);
    broker.silent = false;
    broker.forget();
    world.host.connect('b1');
    world.host.advance(20);
    expect(world.seen.length).toBe(before + 1);
  });

  test('a process that was stopped hands out nothing before the broker has confirmed its leases [QNT-GRP-011]', () => {
    const world = new World();
    world.onDelivery = () => {};
    const { broker } = world.joined();
    broker.fill('t', 0, 5);
    world.host.advance(10);
    broker.assign([], false);
    world.host.engine.enter(world.host.engine.nowMs() + 60_000);
    world.deliveries[0]?.done();
    expect(world.offsets(0)).toEqual([0]);
    world.host.jump(0);
    world.host.advance(50);
    expect(world.offsets(0)).toEqual([0]);
    expect(world.of('revoked')).toHaveLength(1);
  });

  test('an unknown member joins again at once and goes on at the same epoch', () => {
    const world = new World();
    const { broker } = world.joined();
    broker.knowsMember = false;
    broker.fill('t', 0, 3);
    world.host.advance(300);
    expect(world.offsets(0)).toEqual([0, 1, 2]);
    expect(broker.knowsMember).toBe(true);
  });

  test('what an unknown member holds is held back until the broker has confirmed it', () => {
    const world = new World();
    world.onDelivery = () => {};
    const { broker } = world.joined();
    broker.fill('t', 0, 3);
    world.host.advance(10);
    broker.knowsMember = false;
    broker.intercept = (sent) => (sent as { name: string }).name === 'CLIENT_HEARTBEAT';
    broker.fill('t', 0, 1);
    world.host.advance(50);
    world.deliveries[0]?.done();
    expect(world.offsets(0)).toEqual([0]);
    broker.intercept = undefined;
    world.host.advance(3_050);
    expect(world.offsets(0)).toEqual([0, 1]);
  });
});
