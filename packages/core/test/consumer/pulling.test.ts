import { type Delivery, QanatError, wireNumberOf } from '@qanat/core';
import { describe, expect, test } from 'vitest';
import { range, World } from './world.ts';

describe('pulling', () => {
  test('is one waiting PULL with the consumer’s number, and the next leaves before the answer is processed [QNT-PUL-028, QNT-PUL-035]', () => {
    const world = new World();
    const pullsAtDelivery: number[] = [];
    world.onDelivery = (delivery) => {
      pullsAtDelivery.push(world.host.requests('PULL').length);
      delivery.done();
    };
    const { broker } = world.joined();
    const [first] = world.host.requests('PULL');
    expect(first?.header).toMatchObject({ group: 'g', member: 'm1', poll: 3, waitMs: 15_000 });
    broker.fill('t', 0, 1);
    world.host.advance(10);
    expect(pullsAtDelivery).toEqual([2]);
    expect(world.host.requests('PULL')[1]?.header.topics).toEqual([
      { topic: 't', filter: '*', queues: [{ queue: 0, offset: 1, leaseEpoch: 100 }] },
    ]);
    world.host.advance(60_000);
    expect(world.host.requests('PULL').filter(({ open }) => open)).toHaveLength(1);
    expect(world.host.requests('PULL').length).toBeLessThan(8);
  });

  test('a new queue replaces the waiting PULL; nothing comes twice [QNT-PUL-035]', () => {
    const world = new World();
    const { broker } = world.joined();
    broker.fill('t', 1, 3);
    broker.assign([...broker.leases, broker.lease('t', 1, 5)]);
    world.host.advance(1);
    broker.fill('t', 0, 3);
    world.host.advance(50);
    expect(world.offsets(0)).toEqual([0, 1, 2]);
    expect(world.offsets(1)).toEqual([0, 1, 2]);
  });

  test('stops above the budget and goes on below half of it [QNT-PUL-034]', () => {
    const world = new World();
    const held: Delivery[] = [];
    world.onDelivery = (delivery) => void held.push(delivery);
    const { consumer, broker } = world.joined({ prefetchBytes: 10_000 });
    broker.batchesPerPull = 1;
    for (let i = 0; i < 40; i++) broker.store('t', 0, [{ body: new Uint8Array(900) }]);
    world.host.advance(1_000);
    expect(consumer.heldBytes).toBeGreaterThan(5_000);
    expect(consumer.heldBytes).toBeLessThanOrEqual(10_000);
    expect(world.host.requests('PULL').filter(({ open }) => open)).toHaveLength(0);
    const pulls = world.host.requests('PULL').length;
    held.pop()?.done();
    world.host.advance(10);
    while (consumer.heldBytes > 5_000) held.pop()?.done();
    world.host.advance(10);
    expect(world.host.requests('PULL').length).toBeGreaterThan(pulls);
    while (held.length > 0) {
      held.pop()?.done();
      world.host.advance(5);
    }
    expect(world.offsets(0)).toEqual(range(0, 40));
    expect(consumer.heldBytes).toBe(0);
  });

  test('below the oldest offset goes on at the oldest one, with an error event [QNT-PUL-032]', () => {
    const world = new World();
    const { broker } = world.joined();
    world.host.disconnect('b1');
    broker.forget();
    broker.fill('t', 0, 5);
    broker.fill('t', 0, 5);
    broker.queue('t', 0).oldest = 5;
    world.host.connect('b1');
    world.host.advance(20);
    expect(world.offsets(0)).toEqual(range(5, 10));
    expect(world.of('error')).toMatchObject([{ error: { code: 'OFFSET_OUT_OF_RANGE' } }]);
  });

  test('above the high watermark goes on at it, with an error event, under the same lease [QNT-PUL-032]', () => {
    const world = new World();
    const broker = world.broker();
    broker.fill('t', 0, 3);
    broker.leases = [broker.lease('t', 0, 1, 5)];
    world.host.route('t', [{ broker: 'b1', queues: 1 }]);
    world.consumer();
    world.host.connect('b1');
    world.host.advance(5_000);
    expect(world.seen).toEqual([]);
    expect(world.of('error')).toMatchObject([{ error: { code: 'OFFSET_OUT_OF_RANGE' } }]);
    broker.fill('t', 0, 4);
    world.host.advance(1_100);
    expect(world.offsets(0)).toEqual([3, 4, 5, 6]);
    expect(world.of('revoked')).toEqual([]);
    expect(broker.committed.get('t/0')).toBe(7);
  });

  test('an answer without progress does not make it spin', () => {
    const world = new World();
    const { broker } = world.joined();
    broker.intercept = (sent) => {
      if ((sent as { name: string }).name === 'PULL') (sent as { respond(header: object): void }).respond({ results: [] });
      return (sent as { name: string }).name === 'PULL';
    };
    broker.fill('t', 0, 1);
    world.host.advance(10_000);
    expect(world.host.requests('PULL').length).toBeLessThan(110);
  });

  test('a broker that takes PULLs and never answers is suspected [QNT-PUL-036]', () => {
    const world = new World();
    const { broker } = world.joined();
    broker.intercept = (sent) => (sent as { name: string }).name === 'PULL';
    broker.fill('t', 0, 1);
    world.host.advance(16_000);
    world.host.disconnect('b1');
    world.host.connect('b1');
    world.host.advance(18_100);
    expect(world.host.suspected).toEqual(['b1']);
  });

  test('a broker that says it is the wrong one makes it ask for the route [QNT-RTE-024]', () => {
    const world = new World();
    const { broker } = world.joined();
    let refusals = 1;
    broker.intercept = (sent) => {
      if ((sent as { name: string }).name !== 'PULL' || refusals-- <= 0) return false;
      sent.fail(new QanatError('WRONG_BROKER', 'no broker of this cluster'));
      return true;
    };
    broker.fill('t', 0, 1);
    world.host.advance(20_000);
    expect(world.host.refreshed).toEqual(['t']);
    expect(world.seen).toEqual(['0:0']);
  });

  test('a queue that the broker does not have is asked for again, and the route too [QNT-PUL-033]', () => {
    const world = new World();
    const { broker } = world.joined();
    let missing = 2;
    broker.intercept = (sent) => {
      if ((sent as { name: string }).name !== 'PULL' || missing-- <= 0) return false;
      const result = {
        topic: 't',
        queue: 0,
        code: wireNumberOf('QUEUE_NOT_FOUND'),
        nextOffset: 0,
        highWatermark: 0,
        oldestOffset: 0,
        bytes: 0,
      };
      (sent as { respond(header: object): void }).respond({ results: [result] });
      return true;
    };
    broker.fill('t', 0, 2);
    world.host.disconnect('b1');
    broker.forget();
    world.host.connect('b1');
    world.host.advance(3_000);
    expect(world.offsets(0)).toEqual([0, 1]);
    expect(world.host.refreshed).toContain('t');
    expect(world.of('error')).toHaveLength(1);
  });

  test('pause hands out and pulls nothing more of a queue; resume goes on without a gap', () => {
    const world = new World();
    const held: Delivery[] = [];
    world.onDelivery = (delivery) => void held.push(delivery);
    const { consumer, broker } = world.joined({}, 2);
    const queue = { topic: 't', broker: 'b1', queue: 0 };
    broker.fill('t', 0, 5);
    broker.fill('t', 1, 5);
    world.host.advance(10);
    consumer.pause(queue);
    world.onDelivery = (delivery) => delivery.done();
    for (const delivery of held) delivery.done();
    world.host.advance(1_000);
    expect(world.offsets(0)).toEqual([0]);
    expect(world.offsets(1)).toEqual(range(0, 5));
    consumer.resume(queue);
    world.host.advance(20);
    expect(world.offsets(0)).toEqual(range(0, 5));
    consumer.pause();
    broker.fill('t', 0, 1);
    world.host.advance(20);
    expect(world.offsets(0)).toEqual(range(0, 5));
    consumer.resume();
    world.host.advance(20);
    expect(world.offsets(0)).toEqual(range(0, 6));
  });

  test('an answer that was asked for before the buffer was dropped leaves no gap', () => {
    const world = new World();
    world.onDelivery = () => {};
    const { consumer, broker } = world.joined();
    broker.fill('t', 0, 5);
    world.host.advance(10);
    world.deliveries[0]?.done();
    consumer.pause();
    consumer.resume();
    broker.fill('t', 0, 5);
    world.onDelivery = (delivery) => delivery.done();
    world.deliveries[1]?.done();
    world.host.advance(300);
    expect(world.offsets(0)).toEqual(range(0, 10));
  });
});

describe('commits', () => {
  test('go once a second, all queues of a broker in one, and only when something moved [QNT-OFS-015]', () => {
    const world = new World();
    const { broker } = world.joined({}, 3);
    for (const queue of range(0, 3)) broker.fill('t', queue, 2);
    world.host.advance(3_000);
    const commits = world.host.requests('OFFSET_COMMIT');
    expect(commits).toHaveLength(1);
    expect(commits[0]?.header.offsets?.map(({ queue, offset, leaseEpoch }) => [queue, offset, leaseEpoch])).toEqual([
      [0, 2, 100],
      [1, 2, 101],
      [2, 2, 102],
    ]);
    broker.fill('t', 1, 1);
    world.host.advance(3_000);
    expect(world.host.requests('OFFSET_COMMIT')[1]?.header.offsets).toMatchObject([{ queue: 1, offset: 3 }]);
  });

  test('come again on a new connection: the broker may have lost the newest with its power [QNT-OFS-015]', () => {
    const world = new World();
    const { broker } = world.joined();
    broker.fill('t', 0, 2);
    world.host.advance(3_000);
    expect(broker.committed.get('t/0')).toBe(2);
    world.host.disconnect('b1');
    broker.committed.set('t/0', 1);
    world.host.connect('b1');
    world.host.advance(3_000);
    expect(broker.committed.get('t/0')).toBe(2);
    expect(world.offsets(0)).toEqual(range(0, 2));
  });

  test('that failed come again with the next [QNT-OFS-016]', () => {
    const world = new World();
    const { broker } = world.joined();
    let failures = 2;
    broker.intercept = (sent) => {
      if ((sent as { name: string }).name !== 'OFFSET_COMMIT' || failures-- <= 0) return false;
      sent.fail(new QanatError('DISK_FULL', 'full'));
      return true;
    };
    broker.fill('t', 0, 2);
    world.host.advance(3_500);
    expect(broker.committed.get('t/0')).toBe(2);
  });
});
