import { type ConsumerOptions, type Delivery, LIMITS, QanatError } from '@qanat/core';
import { describe, expect, test } from 'vitest';
import { World } from './world.ts';

function closing(world: World, consumer: { close(options: { drain?: boolean }, done: () => void): void }, options = {}) {
  const state: { closedAtMs: number | undefined; readonly fromMs: number } = {
    closedAtMs: undefined,
    fromMs: world.host.engine.nowMs(),
  };
  consumer.close(options, () => {
    state.closedAtMs = world.host.engine.nowMs() - state.fromMs;
  });
  return state;
}

describe('close', () => {
  test('lets started handlers end, hands out nothing more, and leaves with the final offsets [QNT-GRP-013]', () => {
    const world = new World();
    const running: Delivery[] = [];
    world.onDelivery = (delivery) => void running.push(delivery);
    const { consumer, broker } = world.joined({}, 2);
    broker.fill('t', 0, 3);
    broker.fill('t', 1, 3);
    world.host.advance(10);
    const state = closing(world, consumer);
    world.host.advance(2_000);
    expect(broker.left).toBe(false);
    for (const delivery of running) delivery.done();
    world.host.advance(10);
    expect(world.seen).toHaveLength(2);
    expect(broker.left).toBe(true);
    expect(broker.commits.filter(({ by }) => by === 'LEAVE')).toEqual([
      { key: 't/0', offset: 1, by: 'LEAVE' },
      { key: 't/1', offset: 1, by: 'LEAVE' },
    ]);
    expect(state.closedAtMs).toBeLessThan(2_050);
    expect(world.ended).toEqual({ error: undefined });
    expect(world.host.held.get('b1')).toBe(0);
    const sent = world.host.sent.length;
    world.host.advance(60_000);
    expect(world.host.sent).toHaveLength(sent);
  });

  test('without drain does not wait for handlers', () => {
    const world = new World();
    world.onDelivery = () => {};
    const { consumer, broker } = world.joined();
    broker.fill('t', 0, 3);
    world.host.advance(10);
    const state = closing(world, consumer, { drain: false });
    world.host.advance(10);
    expect(state.closedAtMs).toBeDefined();
    expect(broker.commits).toEqual([{ key: 't/0', offset: 0, by: 'LEAVE' }]);
  });

  test('keeps its session while handlers end', () => {
    const world = new World();
    world.onDelivery = () => {};
    const { consumer, broker } = world.joined();
    broker.fill('t', 0, 3);
    world.host.advance(10);
    closing(world, consumer);
    const beats = world.host.requests('CLIENT_HEARTBEAT').length;
    world.host.advance(20_000);
    expect(world.host.requests('CLIENT_HEARTBEAT').length).toBeGreaterThan(beats + 4);
  });

  const worst: [string, (world: World, broker: ReturnType<World['broker']>) => void][] = [
    ['a handler never ends', () => {}],
    [
      'the broker hangs',
      (_, broker) => {
        broker.silent = true;
      },
    ],
    ['the broker is away', (world) => world.host.disconnect('b1')],
    [
      'the broker refuses',
      (_, broker) => {
        broker.intercept = (sent) => {
          sent.fail(new QanatError('NOT_READY', 'no'));
          return true;
        };
      },
    ],
  ];
  test.each(worst)('always ends within the release time and 3 s: %s [QNT-GRP-013]', (_, spoil) => {
    const world = new World();
    world.onDelivery = () => {};
    const { consumer, broker } = world.joined({ releaseMs: 4_000 });
    broker.fill('t', 0, 3);
    world.host.advance(10);
    spoil(world, broker);
    const state = closing(world, consumer);
    world.host.advance(7_000);
    expect(state.closedAtMs).toBeLessThanOrEqual(7_000);
    expect(world.ended).toEqual({ error: undefined });
    world.deliveries[0]?.done();
    expect(world.seen).toEqual(['0:0']);
  });

  test('waits for a broker that restarts, to tell it how far it came: a session at the longest [QNT-GRP-055]', () => {
    const stopped = () => {
      const world = new World();
      const { consumer, broker } = world.joined();
      world.onDelivery = (delivery) => delivery.done();
      broker.fill('t', 0, 3);
      world.host.advance(10);
      world.host.goAway('b1');
      world.host.disconnect('b1');
      return { world, broker, state: closing(world, consumer) };
    };
    const back = stopped();
    back.world.host.advance(7_000);
    expect(back.state.closedAtMs).toBeUndefined();
    back.world.host.connect('b1');
    back.world.host.advance(3_000);
    expect(back.state.closedAtMs).toBeLessThan(LIMITS.MEMBER_SESSION_MS);
    expect(back.broker.commits.at(-1)).toEqual({ key: 't/0', offset: 3, by: 'LEAVE' });
    const gone = stopped();
    gone.world.host.advance(LIMITS.MEMBER_SESSION_MS - 1);
    expect(gone.state.closedAtMs).toBeUndefined();
    gone.world.host.advance(1);
    expect(gone.state.closedAtMs).toBe(LIMITS.MEMBER_SESSION_MS);
  });

  test('no longer waits for a broker that has come back and confirmed the member [QNT-GRP-055]', () => {
    const world = new World();
    const { consumer } = world.joined();
    world.host.goAway('b1');
    world.host.disconnect('b1');
    world.host.connect('b1');
    world.host.advance(100);
    world.host.disconnect('b1');
    const state = closing(world, consumer);
    world.host.advance(4_000);
    expect(state.closedAtMs).toBe(3_000);
  });

  test('twice is once; before any connection it is at once; after the end it is done', () => {
    const world = new World();
    const consumer = world.consumer();
    const [first, second] = [closing(world, consumer), closing(world, consumer)];
    expect([first.closedAtMs, second.closedAtMs]).toEqual([0, 0]);
    expect(closing(world, consumer).closedAtMs).toBe(0);
  });

  test('of the client ends the consumer at once', () => {
    const world = new World();
    world.onDelivery = () => {};
    const { consumer, broker } = world.joined();
    broker.fill('t', 0, 1);
    world.host.advance(10);
    const sent = world.host.sent.length;
    consumer.clientClosed(new QanatError('CLOSED', 'bye'));
    expect(world.ended?.error?.code).toBe('CLOSED');
    world.deliveries[0]?.done();
    world.host.advance(60_000);
    expect(world.host.sent).toHaveLength(sent);
  });
});

describe('options', () => {
  const bad: [string, Partial<ConsumerOptions>][] = [
    ['no subscription', { subscriptions: [] }],
    ['a topic twice', { subscriptions: [{ topic: 't' }, { topic: 't', filter: 'a' }] }],
    ['a concurrency of 0', { concurrency: 0 }],
    ['a group without leases', { mode: 'groupless', group: 'g' }],
    ['an end with leases', { untilEnd: true }],
    ['offsets with leases', { offsets: [] }],
    ['half a message', { batch: { recordsMax: 0.5 } }],
  ];
  test.each(bad)('that cannot be served are refused: %s', (_, options) => {
    expect(() => new World().consumer(options)).toThrow(expect.objectContaining({ code: 'BAD_CONFIG' }));
  });

  test('names and filters are checked', () => {
    expect(() => new World().consumer({ subscriptions: [{ topic: 'a b' }] })).toThrow(
      expect.objectContaining({ code: 'INVALID_NAME' }),
    );
    expect(() => new World().consumer({ subscriptions: [{ topic: 'a', filter: '||' }] })).toThrow(
      expect.objectContaining({ code: 'INVALID_ARGUMENT' }),
    );
  });
});
