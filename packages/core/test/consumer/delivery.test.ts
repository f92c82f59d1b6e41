import { BATCH_AT, type Message, utf8 } from '@qanat/core';
import { describe, expect, test } from 'vitest';
import { range, text, World } from './world.ts';

const tagged = (...tags: (string | undefined)[]) => tags.map((tag) => ({ tag }));

describe('messages', () => {
  test.each([false, true])('are decoded when asked for (compressed: %s)', (compress) => {
    const world = new World();
    const { broker } = world.joined();
    const properties = { a: '1', größe: 'ü'.repeat(60) };
    const records = [{}, { body: utf8('x'.repeat(500)), key: 'k1', tag: 'red', properties, bornTimeMs: 900 }];
    broker.store('t', 0, records, undefined, compress);
    world.host.advance(10);
    const [first, second] = world.deliveries.map(({ message }) => message) as [Message, Message];
    expect(first).toMatchObject({ topic: 't', broker: 'b1', queue: 0, offset: 0, key: undefined, tag: undefined, attempt: 1 });
    expect(first).toMatchObject({ bornTimeMs: 1_000, storeTimeMs: 2_000 });
    expect(first.properties).toEqual({});
    expect(second).toMatchObject({ offset: 1, key: 'k1', tag: 'red', bornTimeMs: 900 });
    expect({ ...second.properties }).toEqual(properties);
    expect(text(second.body)).toBe('x'.repeat(500));
  });

  test('below the offset wanted are skipped in a batch that holds it [QNT-PUL-029]', () => {
    const world = new World();
    const broker = world.broker();
    broker.fill('t', 0, 10);
    broker.leases = [broker.lease('t', 0, 1, 7)];
    world.host.route('t', [{ broker: 'b1', queues: 1 }]);
    world.consumer();
    world.host.connect('b1');
    world.host.advance(20);
    expect(world.offsets(0)).toEqual([7, 8, 9]);
  });

  test('are filtered by the text of their tag, and the offsets of the others are passed and committed [QNT-PUL-030, QNT-PUL-028]', () => {
    const world = new World();
    const { broker } = world.joined({ subscriptions: [{ topic: 't', filter: 'b||a' }] });
    broker.store('t', 0, tagged('a', 'c', undefined, 'b', 'ab'));
    broker.store('t', 0, tagged('c', 'c'));
    broker.store('t', 0, tagged(undefined));
    world.host.advance(20);
    expect(world.offsets(0)).toEqual([0, 3]);
    expect(world.host.requests('PULL')[0]?.header.topics?.[0]?.filter).toBe('a || b');
    world.host.advance(1_100);
    expect(broker.committed.get('t/0')).toBe(8);
  });

  test('of a batch that breaks its checksum are told of and passed by the header’s count [QNT-BAT-011, QNT-BAT-013]', () => {
    const world = new World();
    const { broker } = world.joined();
    broker.fill('t', 0, 2);
    broker.store('t', 0, [{}, {}, {}], (bytes) => {
      bytes[bytes.length - 3] = (bytes[bytes.length - 3] as number) ^ 0xff;
    });
    broker.fill('t', 0, 1);
    world.host.advance(10);
    expect(world.offsets(0)).toEqual([0, 1, 5]);
    expect(world.of('undecodable')).toMatchObject([{ offset: 2, count: 3, consumer: 3, error: { code: 'INVALID_BATCH' } }]);
    world.host.advance(1_100);
    expect(broker.committed.get('t/0')).toBe(6);
  });

  test('behind a batch without a credible length or offset are not lost silently [QNT-BAT-014]', () => {
    const world = new World();
    const { broker } = world.joined();
    const queue = broker.queue('t', 0);
    broker.fill('t', 0, 2);
    broker.store('t', 0, [{}, {}], (bytes) => {
      bytes[BATCH_AT.baseOffset + 7] = 99;
    });
    broker.fill('t', 0, 2);
    world.host.advance(20);
    expect(world.offsets(0)).toEqual([0, 1, 4, 5]);
    expect(world.of('undecodable')).toMatchObject([{ offset: 2, count: 2 }]);
    broker.store('t', 0, [{}, {}, {}], (bytes) => {
      bytes[BATCH_AT.length] = 0x7f;
    });
    broker.fill('t', 0, 2);
    world.host.advance(20);
    expect(world.of('undecodable').slice(1)).toMatchObject([{ offset: 6 }]);
    world.host.advance(1_500);
    expect(broker.committed.get('t/0')).toBe(queue.next);
  });
});

describe('order and concurrency', () => {
  test('by default each queue has one delivery at a time, queues beside each other', () => {
    const world = new World();
    world.onDelivery = () => {};
    const { broker } = world.joined({}, 3);
    for (const queue of range(0, 3)) broker.fill('t', queue, 3);
    world.host.advance(10);
    expect(world.seen.toSorted()).toEqual(['0:0', '1:0', '2:0']);
    world.deliveries[1]?.done();
    expect(world.seen).toHaveLength(4);
    expect(world.seen[3]).toBe(`${world.deliveries[1]?.queue.queue}:1`);
  });

  test('concurrency bounds the deliveries of all queues, and gives the queues their turns', () => {
    const world = new World();
    world.onDelivery = () => {};
    const { broker } = world.joined({ concurrency: 2, ordered: true }, 4);
    for (const queue of range(0, 4)) broker.fill('t', queue, 2);
    world.host.advance(10);
    expect(world.deliveries).toHaveLength(2);
    for (let i = 0; i < 8; i++) world.deliveries[i]?.done();
    expect(world.seen.slice(0, 4).map((item) => item.slice(2))).toEqual(['0', '0', '0', '0']);
    for (const queue of range(0, 4)) expect(world.offsets(queue)).toEqual([0, 1]);
  });

  test('concurrency without order: several of one queue, and only what is handled without a gap is committed [QNT-OFS-014]', () => {
    const world = new World();
    world.onDelivery = () => {};
    const { broker } = world.joined({ concurrency: 3 });
    broker.fill('t', 0, 6);
    world.host.advance(10);
    expect(world.offsets(0)).toEqual([0, 1, 2]);
    world.deliveries[2]?.done();
    world.deliveries[1]?.done();
    world.host.advance(1_100);
    expect(broker.committed.get('t/0')).toBeUndefined();
    world.deliveries[0]?.done();
    world.host.advance(1_100);
    expect(broker.committed.get('t/0')).toBe(3);
  });

  test('a handler that ends at once does not grow the stack', () => {
    const world = new World();
    const { broker } = world.joined();
    for (let i = 0; i < 20; i++) broker.fill('t', 0, 4_096);
    world.host.advance(500);
    expect(world.offsets(0)).toHaveLength(81_920);
  });
});

describe('batch handlers', () => {
  test('get consecutive messages of one queue, over the borders of batches, at most as many as asked for', () => {
    const world = new World();
    const { broker } = world.joined({ batch: { recordsMax: 4 } }, 2);
    world.host.disconnect('b1');
    broker.forget();
    for (const count of [3, 3, 3]) broker.fill('t', 0, count);
    broker.fill('t', 1, 1);
    world.host.connect('b1');
    world.host.advance(20);
    const offsets = world.deliveries.map(({ messages }) => messages.map((message) => `${message.queue}:${message.offset}`));
    const ofFirst = offsets.filter(([first]) => first?.startsWith('0:'));
    expect(ofFirst).toEqual([['0:0', '0:1', '0:2', '0:3'], ['0:4', '0:5', '0:6', '0:7'], ['0:8']]);
    expect(offsets.filter(([first]) => first?.startsWith('1:'))).toEqual([['1:0']]);
    world.host.advance(1_100);
    expect(broker.committed).toEqual(
      new Map([
        ['t/0', 9],
        ['t/1', 1],
      ]),
    );
  });

  test('get the same messages again when they fail', () => {
    const world = new World();
    let failures = 1;
    world.onDelivery = (delivery) => delivery.done(failures-- > 0 ? new Error('no') : undefined);
    const { broker } = world.joined({ batch: { recordsMax: 10 } });
    broker.fill('t', 0, 3);
    world.host.advance(200);
    expect(world.offsets(0)).toEqual([0, 1, 2, 0, 1, 2]);
    expect(world.deliveries[1]?.messages.map(({ attempt }) => attempt)).toEqual([2, 2, 2]);
  });
});

describe('failed messages', () => {
  test('come again in place after a back-off that doubles, and their offset is not passed', () => {
    const world = new World();
    const times: number[] = [];
    const attempts: number[] = [];
    world.onDelivery = (delivery) => {
      if (delivery.message.offset === 1 && delivery.attempt < 5) {
        times.push(world.host.engine.nowMs());
        attempts.push(delivery.message.attempt);
        delivery.done('broken');
      } else delivery.done();
    };
    const { broker } = world.joined();
    broker.fill('t', 0, 3);
    world.host.advance(1_200);
    expect(broker.committed.get('t/0')).toBe(1);
    world.host.advance(3_000);
    expect(world.offsets(0)).toEqual([0, 1, 1, 1, 1, 1, 2]);
    expect(attempts).toEqual([1, 2, 3, 4]);
    expect(times.slice(1).map((ms, i) => ms - (times[i] as number))).toEqual([100, 200, 400]);
    const queue = { topic: 't', broker: 'b1', queue: 0 };
    expect(world.of('retrying')[0]).toEqual({ kind: 'retrying', consumer: 3, queue, offset: 1, attempt: 2, error: 'broken' });
    expect(broker.committed.get('t/0')).toBe(3);
  });

  test('never give up, and never wait longer than the longest back-off', () => {
    const world = new World();
    world.onDelivery = (delivery) => delivery.done(new Error('never'));
    const { broker } = world.joined({ retryMs: { first: 10, max: 1_000 } });
    broker.fill('t', 0, 1);
    world.host.advance(60_000);
    expect(world.deliveries.length).toBeGreaterThan(60);
    expect(broker.commits).toEqual([]);
  });

  test('hold up only their own queue, even when they hold the whole budget', () => {
    const world = new World();
    world.onDelivery = (delivery) => delivery.done(delivery.queue.queue === 0 ? new Error('stuck') : undefined);
    const { broker } = world.joined({ prefetchBytes: 1_000 }, 2);
    for (let i = 0; i < 20; i++) broker.store('t', 0, [{ body: new Uint8Array(500) }]);
    world.host.advance(1_000);
    for (let i = 0; i < 20; i++) broker.store('t', 1, [{ body: new Uint8Array(500) }]);
    world.host.advance(1_000);
    expect(world.offsets(1)).toEqual(range(0, 20));
  });

  test('an end that comes twice counts once', () => {
    const world = new World();
    world.onDelivery = (delivery) => {
      delivery.done();
      delivery.done(new Error('late'));
    };
    const { consumer, broker } = world.joined();
    broker.fill('t', 0, 2);
    world.host.advance(500);
    expect(world.offsets(0)).toEqual([0, 1]);
    expect(consumer.running).toBe(0);
  });
});
