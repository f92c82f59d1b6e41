import { type ConsumerOptions, LeaseState, QanatError, utf8 } from '@qanat/core';
import { describe, expect, test } from 'vitest';
import { range, text, World } from './world.ts';

const LIMITED = { deadLetterTopic: 'dead', maxAttempts: 3, retryMs: { first: 10, max: 1_000 } };
const bad = (...offsets: number[]) => {
  const wanted = new Set(offsets);
  return (world: World) => {
    world.onDelivery = (delivery) => delivery.done(wanted.has(delivery.message.offset) ? 'broken' : undefined);
  };
};

function joined(options: Partial<ConsumerOptions> = {}, prepare = bad(1), queues = 1) {
  const world = new World();
  prepare(world);
  return { world, ...world.joined({ ...LIMITED, ...options }, queues) };
}

describe('dead letters (chapters of offsets and registries)', () => {
  test('what failed maxAttempts times is sent to the topic, then passed [QNT-RGY-007, QNT-OFS-022, QNT-OFS-024, QNT-OFS-025]', () => {
    const { world, broker } = joined();
    const properties = { v: '1' };
    const record = { body: utf8('bad'), key: 'k', tag: 'paid', properties, bornTimeMs: 900 };
    broker.store('t', 0, [{}, record, {}]);
    world.host.advance(100);
    expect(world.offsets(0)).toEqual([0, 1, 1, 1, 2]);
    expect(world.host.letters).toHaveLength(1);
    const { topic, record: letter } = world.host.letters[0] as (typeof world.host.letters)[number];
    expect(topic).toBe('dead');
    expect(text(letter.body)).toBe('bad');
    expect(letter).toMatchObject({ key: 'k', tag: 'paid', bornTimeMs: 900 });
    expect(letter.properties).toEqual({ v: '1', 'qnt.origin': 't/b1/0/1', 'qnt.attempt': '3' });
    const queue = { topic: 't', broker: 'b1', queue: 0 };
    const event = { kind: 'dead-letter', consumer: 3, queue, offset: 1, count: 1, attempt: 3, topic: 'dead', error: 'broken' };
    expect(world.of('dead-letter')).toEqual([event]);
    expect(world.of('retrying').map(({ attempt }) => attempt)).toEqual([2, 3]);
    world.host.advance(1_100);
    expect(broker.committed.get('t/0')).toBe(3);
  });

  test('are not passed, and hold up their queue, until they are stored [QNT-OFS-022, QNT-OFS-023]', () => {
    const { world, broker } = joined();
    world.host.sendError = () => new QanatError('NO_BROKER', 'nobody is there');
    broker.fill('t', 0, 3);
    world.host.advance(30_000);
    expect(world.offsets(0)).toEqual([0, 1, 1, 1]);
    expect(broker.committed.get('t/0')).toBe(1);
    const errors = world.of('error');
    expect(errors.length).toBeGreaterThan(20);
    expect(errors[0]?.error).toMatchObject({ code: 'NO_BROKER' });
    expect(errors[0]?.error.message).toContain('dead-letter topic dead');
    world.host.sendError = () => undefined;
    world.host.advance(2_500);
    expect(world.offsets(0)).toEqual([0, 1, 1, 1, 2]);
    expect(world.host.letters).toHaveLength(1);
    expect(broker.committed.get('t/0')).toBe(3);
  });

  test('of a failed batch are all its messages, each once, even where some could not be sent at first [QNT-OFS-023]', () => {
    const prepare = (world: World) => {
      world.onDelivery = (delivery) => delivery.done(delivery.message.offset === 0 ? new Error('no') : undefined);
    };
    const { world, broker } = joined({ batch: { recordsMax: 4 } }, prepare);
    let sends = 0;
    world.host.sendError = () => (++sends % 2 === 0 ? new QanatError('TIMEOUT', 'too slow') : undefined);
    broker.fill('t', 0, 6);
    world.host.advance(1_500);
    const origins = world.host.letters.map(({ record }) => record.properties?.['qnt.origin']);
    expect(origins.toSorted()).toEqual(range(0, 4).map((offset) => `t/b1/0/${offset}`));
    expect(world.of('dead-letter')).toMatchObject([{ offset: 0, count: 4 }]);
    expect(broker.committed.get('t/0')).toBe(6);
  });

  test('of one queue do not hold up the others, nor take the place of a handler', () => {
    const prepare = (world: World) => {
      world.onDelivery = (delivery) => delivery.done(delivery.queue.queue === 0 ? new Error('no') : undefined);
      world.host.sendError = () => new QanatError('NO_BROKER', 'nobody is there');
    };
    const { world, broker } = joined({ concurrency: 1 }, prepare, 2);
    for (const queue of [0, 1]) broker.fill('t', queue, 5);
    world.host.advance(2_000);
    expect(world.offsets(1)).toEqual(range(0, 5));
    expect(new Set(world.offsets(0))).toEqual(new Set([0]));
  });

  test('keep a queue that is to be released until they are stored: its next owner does not get them [QNT-OFS-026]', () => {
    const { world, broker } = joined();
    world.host.delayMs = 500;
    broker.fill('t', 0, 3);
    while (world.offsets(0).length < 4) world.host.advance(10);
    world.host.delayMs = 100;
    broker.assign([broker.lease('t', 0, 100, 0, LeaseState.RELEASING)]);
    world.host.advance(400);
    expect(world.host.requests('RELEASE')).toEqual([]);
    world.host.advance(3_000);
    expect(world.host.requests('RELEASE')[0]?.header.offsets).toMatchObject([{ queue: 0, offset: 2 }]);
    expect(world.host.letters).toHaveLength(1);
    expect(world.offsets(0)).toEqual([0, 1, 1, 1]);
  });

  test('are stored before a consumer that closes leaves, and its producer ends with it [QNT-OFS-026]', () => {
    const { world, broker, consumer } = joined();
    world.host.delayMs = 200;
    broker.fill('t', 0, 3);
    while (world.offsets(0).length < 4) world.host.advance(10);
    consumer.close({}, () => {});
    world.host.advance(100);
    expect(world.host.requests('LEAVE')).toEqual([]);
    world.host.advance(1_000);
    expect(world.host.requests('LEAVE')[0]?.header.offsets).toMatchObject([{ queue: 0, offset: 2 }]);
    expect(world.ended).toEqual({ error: undefined });
    expect(world.host.producersClosed).toBe(1);
  });

  test.each([
    ['maxAttempts', { maxAttempts: 3 }],
    ['subscribed', { deadLetterTopic: 't' }],
    ['member', { mode: 'broadcasting' as const, deadLetterTopic: 'dead' }],
    ['whole number', { deadLetterTopic: 'dead', maxAttempts: 0 }],
  ])('with options that make no sense are refused: %s', (why, options) => {
    expect(() => new World().consumer(options)).toThrow(why);
  });
});
