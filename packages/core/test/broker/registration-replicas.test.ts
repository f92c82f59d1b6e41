// Goal: a replica says at its NameServers which one it is, and learns from them where its master is.
import { describe, expect, it } from 'vitest';
import { type BrokerSettings, brokerSettings, LAG_MS_MIN } from '../../src/broker/broker-options.ts';
import { NameServerLink } from '../../src/broker/name-server-link.ts';
import { Registration } from '../../src/broker/registration.ts';
import type { Topics } from '../../src/broker/topics.ts';
import {
  Driver,
  type Engine,
  EngineContext,
  type Input,
  LIMITS,
  type MasterRoute,
  portablePlatform,
  Random,
  ReplicaRole,
} from '../../src/index.ts';
import { NamingWorld } from './naming-world.ts';

const STORE = new Uint8Array(16).fill(1);
const { MASTER, SLAVE } = ReplicaRole;

/** The side of a broker that registers, and nothing else of it. */
class Replica implements Engine {
  readonly context = new EngineContext(new Random(9));
  readonly registration: Registration;
  readonly seen: MasterRoute[] = [];
  readonly fenced: number[] = [];
  readonly #links: readonly NameServerLink[];
  readonly #driver: Driver;
  role: ReplicaRole | undefined;
  term: number;

  constructor(world: NamingWorld, replica: number, role: ReplicaRole | undefined, term: number) {
    this.role = role;
    this.term = term;
    const endpoints = [{ listener: 'default', scheme: 'mem', address: `b-${replica}:7610` }];
    const settings: BrokerSettings = brokerSettings({
      name: 'b',
      nameServers: ['ns'],
      replication: { replica },
      endpoints,
      platform: portablePlatform,
      random: new Random(1),
    });
    this.#links = world.addresses.map(
      (address) =>
        new NameServerLink(this.context, address, { software: 'test', label: 'b' }, undefined, {
          onOpen: (link) => this.registration.linkOpened(link),
          onRoutes: () => {},
          onClosed: (link, error) => this.registration.linkClosed(link, error),
        }),
    );
    this.registration = new Registration({
      host: this.context,
      settings,
      topics: { size: 0, all: () => [] } as unknown as Topics,
      links: this.#links,
      storeId: () => STORE,
      term: () => this.term,
      replicaRole: () => this.role,
      masterSeen: (master) => this.seen.push(master),
      fenced: (fencedTerm) => this.fenced.push(fencedTerm),
      fatal: () => {},
    });
    this.#driver = new Driver(this, { clock: world.clock, transports: [world.network.transport(`b-${replica}`)] });
    this.call(() => {
      for (const link of this.#links) link.connect();
    });
    world.run(500);
  }

  /** @param run is called in the engine's time. */
  call(run: () => void): void {
    this.#driver.enter((nowMs) => {
      this.context.enter(nowMs);
      run();
    });
    this.#driver.perform();
  }

  become(role: ReplicaRole, term: number): void {
    this.call(() => {
      this.role = role;
      this.term = term;
      this.registration.changed();
    });
  }

  handle(input: Input, nowMs: number): void {
    this.context.enter(nowMs);
    if (!this.context.handle(input)) for (const link of this.#links) if (link.handle(input)) break;
  }

  tick(nowMs: number): void {
    this.context.enter(nowMs);
    this.context.timers.tick(nowMs);
  }

  drain() {
    return this.context.drain();
  }

  nextDeadlineMs(): number | undefined {
    return this.context.timers.nextDeadlineMs();
  }
}

const groupAt = (world: NamingWorld) => world.ask('ns-1:7600', 'ROUTE_QUERY', { all: true })[0]?.brokers[0];

describe('registration of replicas', () => {
  it('names number and role, and again when the role is another one [QNT-REG-029]', () => {
    const world = new NamingWorld(1);
    const [one, two] = [new Replica(world, 1, MASTER, 1), new Replica(world, 2, SLAVE, 1)];
    expect(groupAt(world)).toMatchObject({ replica: 1, term: 1, slaves: [{ replica: 2 }] });
    two.become(MASTER, 2);
    one.become(SLAVE, 2);
    world.run(1_000);
    expect(groupAt(world)).toMatchObject({ replica: 2, term: 2, away: false, slaves: [{ replica: 1, away: false }] });
    one.call(() => one.registration.unregister(() => {}));
    world.run(100);
    expect(groupAt(world)).toMatchObject({ replica: 2, away: false, slaves: [{ replica: 1, away: true }] });
  });

  it('does not begin before a slave has the log of its group; until then a heartbeat asks for the master [QNT-REG-030]', () => {
    const world = new NamingWorld(1);
    const master = new Replica(world, 1, MASTER, 3);
    const slave = new Replica(world, 2, undefined, 0);
    expect(slave.seen.at(-1)).toMatchObject({ replica: 1, term: 3, endpoints: [{ address: 'b-1:7610' }] });
    world.run(10_000);
    expect(slave.seen.length).toBeGreaterThan(2);
    expect(groupAt(world)?.slaves).toEqual([]);
    slave.become(SLAVE, 3);
    world.run(1_000);
    expect(groupAt(world)?.slaves).toMatchObject([{ replica: 2 }]);
    expect(master.seen).toEqual([]);
  });

  it('tells a superseded master its fenced term, and who has the name now, within a heartbeat [QNT-REG-030, QNT-REG-028]', () => {
    const world = new NamingWorld(1);
    const old = new Replica(world, 1, MASTER, 3);
    new Replica(world, 2, MASTER, 4);
    world.run(5_000);
    expect(old.fenced[0]).toBe(3);
    expect(old.seen[0]).toMatchObject({ replica: 2, term: 4, endpoints: [{ address: 'b-2:7610' }] });
    const late = new Replica(world, 3, MASTER, 4);
    expect(late.fenced).toEqual([4]);
    expect(late.seen).toMatchObject([{ replica: 2, term: 4 }]);
  });

  it('takes no lag below LAG_MS_MIN: slaves would leave the set at every pause', () => {
    const lagging = (lagMs: number) => () =>
      brokerSettings({
        name: 'b',
        nameServers: ['ns'],
        replication: { replica: 0, lagMs },
        platform: portablePlatform,
        random: new Random(1),
      });
    expect(lagging(LAG_MS_MIN)).not.toThrow();
    expect(lagging(LAG_MS_MIN - 1)).toThrow(/replication.lagMs: 1000 ms or more, not 999/);
  });

  it('takes a number below REPLICAS_MAX', () => {
    const numbered = (replica: number) =>
      brokerSettings({
        name: 'b',
        nameServers: ['ns'],
        replication: { replica },
        platform: portablePlatform,
        random: new Random(1),
      });
    expect(numbered(LIMITS.REPLICAS_MAX - 1).replica).toBe(LIMITS.REPLICAS_MAX - 1);
    for (const bad of [LIMITS.REPLICAS_MAX, -1, 1.5])
      expect(() => numbered(bad)).toThrow(expect.objectContaining({ code: 'BAD_CONFIG' }));
  });
});
