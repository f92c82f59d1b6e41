import { describe, expect, it } from 'vitest';
import { brokerSettings } from '../../src/broker/broker-options.ts';
import type { NameServerLink } from '../../src/broker/name-server-link.ts';
import { Topics } from '../../src/broker/topics.ts';
import { Topology } from '../../src/broker/topology.ts';
import { EngineContext } from '../../src/context.ts';
import { LIMITS, portablePlatform, Random, type Routes, wireNumberOf } from '../../src/index.ts';

class Link {
  readonly asked: string[][] = [];
  readonly session = {
    request: (_name: string, header: { readonly topics: string[] }) => {
      this.asked.push(header.topics);
    },
  };

  get link(): NameServerLink {
    return this as unknown as NameServerLink;
  }
}

class World {
  readonly context = new EngineContext(new Random(1));
  readonly links: Link[];
  readonly changed: string[] = [];
  readonly topology: Topology;
  readonly topics = new Topics(undefined as never);

  constructor(links = 2) {
    this.links = Array.from({ length: links }, () => new Link());
    this.topology = new Topology({
      host: this.context,
      settings: brokerSettings({ name: 'b1', platform: portablePlatform, random: new Random(1) }),
      topics: this.topics,
      links: this.links.map(({ link }) => link),
      changed: (topic) => this.changed.push(topic),
    });
    this.context.enter(1_000);
  }

  advance(ms: number): void {
    this.context.enter(this.context.nowMs() + ms);
    this.context.timers.tick(this.context.nowMs());
  }

  /** What NameServer `i` says of the topic `t`: queues by broker; those in `away` are away. */
  say(i: number, shares: Readonly<Record<string, number>>, away: readonly string[] = [], code = 0): void {
    const route = { topic: 't', code, shares: Object.entries(shares).map(([broker, queues]) => ({ broker, queues })) };
    const brokers = Object.keys(shares).map((broker) => ({ broker, away: away.includes(broker) }));
    this.topology.routes((this.links[i] as Link).link, [{ routes: [route], brokers } as unknown as Routes]);
  }

  shares(): Record<string, number> {
    return Object.fromEntries(this.topology.shares('t').map(({ broker, queues }) => [broker, queues]));
  }
}

describe('the queues of a topic over all brokers', () => {
  it('are the union of what the NameServers say, this broker by its own topics, sorted [QNT-GRP-031]', () => {
    const world = new World();
    world.topics.changed({ topicId: 1, topic: 't', queues: 4 });
    world.topology.watch('t');
    world.say(0, { b3: 1, b1: 99 });
    world.say(1, { b0: 2 });
    expect(world.topology.shares('t')).toEqual([
      { broker: 'b0', queues: 2 },
      { broker: 'b1', queues: 4 },
      { broker: 'b3', queues: 1 },
    ]);
    expect(world.changed).toEqual(['t', 't']);
  });

  it('are asked for at every NameServer, once', () => {
    const world = new World();
    world.topology.watch('t');
    world.topology.watch('t');
    world.topology.flush();
    world.topology.flush();
    expect(world.links.map(({ asked }) => asked)).toEqual([[['t']], [['t']]]);
    world.topology.linkOpened((world.links[0] as Link).link);
    expect(world.links[0]?.asked).toHaveLength(2);
  });

  it('change only when they do', () => {
    const world = new World(1);
    world.topology.watch('t');
    world.say(0, { b2: 1 });
    world.say(0, { b2: 1 });
    world.say(0, { b2: 1 }, ['b2']);
    expect(world.changed).toEqual(['t']);
    world.say(0, { b2: 3 });
    expect(world.changed).toEqual(['t', 't']);
  });

  it('keep the place of a broker that vanished for BROKER_AWAY_MS [QNT-GRP-032]', () => {
    const world = new World(1);
    world.topology.watch('t');
    world.say(0, { b2: 1, b3: 1 });
    world.say(0, { b3: 1 });
    world.advance(LIMITS.BROKER_AWAY_MS - 1);
    expect(world.shares()).toEqual({ b2: 1, b3: 1 });
    world.advance(1);
    expect(world.shares()).toEqual({ b3: 1 });
    expect(world.changed).toHaveLength(2);
  });

  it('end that place once, at whatever time it began: the sums of the timer and of who looks at the clock are one [QNT-GRP-032]', () => {
    // The time and BROKER_AWAY_MS make a sum that is rounded down: their difference is less than the time.
    const awkwardMs = [503_885.617_284, 505_439.864_197, 506_994.111_11, 508_548.358_024];
    for (const beganMs of awkwardMs) {
      expect(beganMs + LIMITS.BROKER_AWAY_MS - LIMITS.BROKER_AWAY_MS).not.toBe(beganMs);
      const world = new World(1);
      world.context.enter(beganMs);
      world.topology.watch('t');
      world.say(0, { b2: 1, b3: 1 });
      world.say(0, { b3: 1 });
      const dueMs = world.context.timers.nextDeadlineMs() as number;
      world.context.enter(dueMs);
      world.context.timers.tick(dueMs);
      expect(world.shares()).toEqual({ b3: 1 });
      expect(world.context.timers.nextDeadlineMs()).toBeUndefined();
    }
  });

  it('count that time from when the last NameServer named the broker, and not while one says that it is away [QNT-GRP-032]', () => {
    const world = new World(1);
    world.topology.watch('t');
    world.say(0, { b2: 1 });
    world.say(0, { b2: 1 }, ['b2']);
    world.advance(LIMITS.BROKER_AWAY_MS * 2);
    expect(world.shares()).toEqual({ b2: 1 });
    world.say(0, {});
    world.advance(LIMITS.BROKER_AWAY_MS - 1);
    world.say(0, { b2: 1 });
    world.advance(LIMITS.BROKER_AWAY_MS * 2);
    expect(world.shares()).toEqual({ b2: 1 });
    world.say(0, {});
    world.advance(LIMITS.BROKER_AWAY_MS - 1);
    expect(world.shares()).toEqual({ b2: 1 });
    world.advance(1);
    expect(world.shares()).toEqual({});
  });

  it('lose nothing by a NameServer that cannot be reached, or that has just started', () => {
    const world = new World(1);
    world.topology.watch('t');
    world.say(0, { b2: 1 });
    world.topology.linkClosed((world.links[0] as Link).link);
    world.advance(LIMITS.BROKER_AWAY_MS * 2);
    world.say(0, {}, [], wireNumberOf('NOT_READY'));
    world.advance(LIMITS.BROKER_AWAY_MS * 2);
    expect(world.shares()).toEqual({ b2: 1 });
  });

  it('follow the NameServer that is there when another one has gone', () => {
    const world = new World();
    world.topology.watch('t');
    world.say(0, { b2: 1 });
    world.say(1, { b3: 1 });
    world.topology.linkClosed((world.links[0] as Link).link);
    expect(world.shares()).toEqual({ b2: 1, b3: 1 });
    world.advance(LIMITS.BROKER_AWAY_MS);
    expect(world.shares()).toEqual({ b3: 1 });
  });
});
