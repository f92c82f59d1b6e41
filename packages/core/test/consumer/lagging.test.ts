import type { Delivery } from '@qanat/core';
import { describe, expect, test } from 'vitest';
import { World } from './world.ts';

describe('a consumer that falls behind', () => {
  test('says so once, and again after it had caught up', () => {
    const world = new World();
    let stuck: Delivery[] = [];
    world.onDelivery = (delivery) => void stuck.push(delivery);
    const { broker } = world.joined({ lagMessages: 100 });
    broker.fill('t', 0, 150);
    world.host.advance(15_000);
    expect(world.of('lagging')).toEqual([]);
    world.host.advance(60_000);
    const queues = [{ topic: 't', broker: 'b1', queue: 0, lag: 150 }];
    expect(world.of('lagging')).toEqual([{ kind: 'lagging', consumer: 3, queues }]);
    world.onDelivery = (delivery) => delivery.done();
    for (const delivery of stuck) delivery.done();
    world.host.advance(20_000);
    expect(world.offsets(0)).toHaveLength(150);
    stuck = [];
    world.onDelivery = (delivery) => void stuck.push(delivery);
    broker.fill('t', 0, 120);
    world.host.advance(30_000);
    expect(world.of('lagging').map((event) => event.queues[0]?.lag)).toEqual([150, 120]);
  });

  test('does not when its backlog shrinks, nor when it holds its queue back by itself', () => {
    const world = new World();
    world.onDelivery = (delivery) => {
      world.host.engine.timers.at(world.host.engine.nowMs() + 20, () => delivery.done());
    };
    const { broker, consumer } = world.joined({ lagMessages: 100 });
    broker.fill('t', 0, 3_000);
    world.host.advance(55_000);
    expect(world.of('lagging')).toEqual([]);
    consumer.pause();
    broker.fill('t', 0, 3_000);
    world.host.advance(60_000);
    expect(world.of('lagging')).toEqual([]);
  });

  test('has no timer left when it is closed', () => {
    const world = new World();
    const { consumer } = world.joined();
    consumer.close({}, () => {});
    world.host.advance(20_000);
    expect(world.host.engine.timers.nextDeadlineMs()).toBeUndefined();
  });
});
