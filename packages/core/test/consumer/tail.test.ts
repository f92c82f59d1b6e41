import { type ConsumerOptions, Position, wireNumberOf } from '@qanat/core';
import { describe, expect, test } from 'vitest';
import { range, World } from './world.ts';

function tail(options: Partial<ConsumerOptions>, queues = 2) {
  const world = new World();
  const broker = world.broker();
  for (let queue = 0; queue < queues; queue++) broker.fill('t', queue, 3);
  world.host.route('t', [{ broker: 'b1', queues }]);
  const consumer = world.consumer({ mode: 'groupless', ...options });
  world.host.connect('b1');
  world.host.advance(20);
  return { world, broker, consumer };
}

describe('a consumer without leases', () => {
  test('reads every queue from the newest on by default, without heartbeats or commits [QNT-OFS-021]', () => {
    const { world, broker } = tail({});
    expect(world.seen).toEqual([]);
    broker.fill('t', 0, 2);
    world.host.advance(20_000);
    expect(world.offsets(0)).toEqual([3, 4]);
    expect(new Set(world.host.sent.map(({ name }) => name))).toEqual(new Set(['OFFSET_LOOKUP', 'PULL']));
    expect(world.host.requests('PULL')[0]?.header).toMatchObject({ group: '', member: '' });
    expect(world.host.requests('PULL')[0]?.header.topics?.[0]?.queues?.[0]?.leaseEpoch).toBe(0);
  });

  test('reads from the oldest, or from a time', () => {
    expect(tail({ from: 'first' }).world.offsets(1)).toEqual([0, 1, 2]);
    const { world } = tail({ from: { timeMs: 77 } });
    expect(world.host.requests('OFFSET_LOOKUP')[0]?.header.queues).toMatchObject([
      { position: Position.AT_TIME, timeMs: 77 },
      { position: Position.AT_TIME, timeMs: 77 },
    ]);
  });

  test('reads a queue that appears later from its oldest message, so that nothing of a growing topic is skipped', () => {
    const { world, broker } = tail({ from: 'last' });
    broker.fill('t', 2, 4);
    world.host.route('t', [{ broker: 'b1', queues: 3 }]);
    world.host.advance(20);
    expect(world.seen).toEqual(range(0, 4).map((offset) => `2:${offset}`));
  });

  test('reads a topic that appears later from its oldest message', () => {
    const world = new World();
    const broker = world.broker();
    world.host.route('t', undefined);
    world.consumer({ mode: 'groupless', from: 'last' });
    broker.fill('t', 0, 2);
    world.host.route('t', [{ broker: 'b1', queues: 1 }]);
    world.host.connect('b1');
    world.host.advance(20);
    expect(world.offsets(0)).toEqual([0, 1]);
    expect(world.of('waiting-for-topic')).toHaveLength(1);
  });

  test('a route that comes again while offsets are looked up changes nothing', () => {
    const world = new World();
    const broker = world.broker();
    broker.fill('t', 0, 2);
    world.host.route('t', [{ broker: 'b1', queues: 1 }]);
    world.consumer({ mode: 'groupless', from: 'last' });
    world.host.route('t', [{ broker: 'b1', queues: 1 }]);
    world.host.connect('b1');
    world.host.advance(20);
    expect(world.seen).toEqual([]);
  });

  test('goes on where it was after a lost connection [QNT-PUL-033]', () => {
    const { world, broker } = tail({ from: 'first' });
    world.host.disconnect('b1');
    broker.forget();
    world.host.advance(60_000);
    broker.fill('t', 0, 2);
    world.host.connect('b1');
    world.host.advance(20);
    expect(world.offsets(0)).toEqual(range(0, 5));
  });

  test('untilEnd stops at the high watermarks of the start', () => {
    const world = new World();
    const broker = world.broker();
    broker.fill('t', 0, 5);
    broker.queue('t', 1);
    world.host.route('t', [{ broker: 'b1', queues: 2 }]);
    const running: (() => void)[] = [];
    world.onDelivery = (delivery) => void running.push(() => delivery.done());
    world.consumer({ mode: 'groupless', from: 'first', untilEnd: true });
    world.host.connect('b1');
    world.host.advance(4);
    broker.fill('t', 0, 5);
    broker.fill('t', 1, 5);
    for (let i = 0; i < 10; i++) {
      world.host.advance(20);
      running.shift()?.();
    }
    world.host.advance(20);
    expect(world.seen).toEqual(range(0, 5).map((offset) => `0:${offset}`));
    expect(world.ended).toEqual({ error: undefined });
  });

  test('untilEnd cuts a batch that reaches over the end, and ends at once where nothing is', () => {
    const { world } = tail({ from: 'last', untilEnd: true });
    expect(world.ended).toEqual({ error: undefined });
    const other = tail({
      mode: 'broadcasting',
      untilEnd: true,
      offsets: [0, 1].map((queue) => ({ queue: { topic: 't', broker: 'b1', queue }, offset: 1 })),
    });
    expect(other.world.offsets(0)).toEqual([1, 2]);
    expect(other.world.ended).toBeDefined();
  });

  test('seek goes on elsewhere, and what was under way no longer counts', () => {
    const { world, consumer } = tail({ from: 'first' }, 1);
    world.onDelivery = () => {};
    consumer.seek({ topic: 't', broker: 'b1', queue: 0 }, 1);
    world.host.advance(20);
    expect(world.offsets(0)).toEqual([0, 1, 2, 1]);
    world.onDelivery = (delivery) => delivery.done();
    consumer.seek({ topic: 't', broker: 'b1', queue: 0 }, 0);
    world.host.advance(20);
    expect(world.offsets(0)).toEqual([0, 1, 2, 1]);
    world.deliveries.at(-1)?.done();
    world.host.advance(20);
    expect(world.offsets(0)).toEqual([0, 1, 2, 1, 0, 1, 2]);
    expect(() => consumer.seek({ topic: 't', broker: 'b9', queue: 0 }, 0)).toThrow(
      expect.objectContaining({ code: 'QUEUE_NOT_FOUND' }),
    );
  });

  test('a topic that is removed is let go, and read from its beginning when it comes again', () => {
    const { world, broker } = tail({ from: 'first' }, 1);
    broker.intercept = (sent) => {
      if ((sent as { name: string }).name !== 'PULL') return false;
      const result = {
        topic: 't',
        queue: 0,
        code: wireNumberOf('TOPIC_NOT_FOUND'),
        nextOffset: 0,
        highWatermark: 0,
        oldestOffset: 0,
        bytes: 0,
      };
      (sent as { respond(header: object): void }).respond({ results: [result] });
      return true;
    };
    broker.fill('t', 0, 1);
    world.host.advance(20);
    world.host.route('t', undefined);
    world.host.advance(1_100);
    expect(world.of('revoked')).toHaveLength(1);
    expect(world.of('waiting-for-topic')).toHaveLength(1);
    broker.intercept = undefined;
    broker.queues.clear();
    broker.fill('t', 0, 2);
    world.seen.length = 0;
    world.host.route('t', [{ broker: 'b1', queues: 1 }]);
    if (!world.host.isOpen('b1')) world.host.connect('b1');
    world.host.advance(1_100);
    expect(world.offsets(0)).toEqual([0, 1]);
  });
});

describe('broadcasting', () => {
  test('begins where the caller’s store says; queues that the store of a topic does not name begin at their oldest message [QNT-OFS-021]', () => {
    const queue = { topic: 't', broker: 'b1', queue: 0 };
    const elsewhere = { queue: { topic: 't', broker: 'b7', queue: 4 }, offset: 44 };
    const { world, consumer } = tail({ mode: 'broadcasting', from: 'last', offsets: [{ queue, offset: 2 }, elsewhere] });
    expect(world.offsets(0)).toEqual([2]);
    expect(world.offsets(1)).toEqual([0, 1, 2]);
    const expected = [{ queue, offset: 3 }, elsewhere, { queue: { topic: 't', broker: 'b1', queue: 1 }, offset: 3 }];
    expect(consumer.positions()).toEqual(expected);
    consumer.close({}, () => {});
    world.host.advance(10);
    expect(world.ended).toBeDefined();
    expect(consumer.positions()).toEqual(expected);
  });

  test('a position is never above what is handled', () => {
    const world = new World();
    const broker = world.broker();
    world.onDelivery = (delivery) => (delivery.message.offset < 2 ? delivery.done() : undefined);
    broker.fill('t', 0, 5);
    world.host.route('t', [{ broker: 'b1', queues: 1 }]);
    const consumer = world.consumer({ mode: 'broadcasting', from: 'first' });
    world.host.connect('b1');
    world.host.advance(20);
    consumer.close({ drain: false }, () => {});
    world.deliveries.at(-1)?.done();
    expect(consumer.positions()).toMatchObject([{ offset: 2 }]);
  });
});
