// Goal: masters that a consensus store elects, as the simulation has them: its store may be cut off, away and lossy.
import { portablePlatform, Random } from '@qanat/core';
import { describe, expect, it } from 'vitest';
import { History } from '../src/history/index.ts';
import { askBroker } from '../src/simulation/ask-broker.ts';
import { Elections, STORE } from '../src/simulation/elections.ts';
import { Replicas } from '../src/simulation/replicas.ts';
import { VirtualCluster } from '../src/virtual-cluster.ts';

const MASTER = 'broker-a';
const SLAVE = 'broker-a-1';
/** A lease of 5 s, and what is round about it. */
const ELECTED_MS_MAX = 12_000;

class World {
  readonly cluster: VirtualCluster;
  readonly history: History;
  readonly elections: Elections;
  readonly replicas: Replicas;
  /** What NameServers refused. */
  readonly refusals: unknown[] = [];

  constructor() {
    this.cluster = new VirtualCluster({
      platform: portablePlatform,
      brokers: 1,
      slaves: 1,
      nameServers: 1,
      replication: { lagMs: 2_000 },
      consensus: (host) => this.elections.client(host),
      onLog: (_node, _level, event, fields) => {
        if (event === 'broker.registration.refused') this.refusals.push(fields.code);
      },
    });
    const { clock, hosts } = this.cluster;
    this.history = new History(clock);
    this.elections = new Elections({
      clock,
      history: this.history,
      random: new Random(1),
      clockOf: (host) => hosts.hostClock(host),
      isCut: (from, to) => hosts.network.isCut(from, to),
    });
    this.replicas = new Replicas(hosts);
    this.cluster.start();
    this.cluster.runUntil(() => this.replicas.together, 30_000);
  }

  get masters(): readonly string[] {
    return [MASTER, SLAVE].filter((node) => this.replicas.leads(node));
  }

  get elected(): readonly string[] {
    return this.history.events.flatMap((event) => (event.kind === 'fault' ? (event.nodes ?? []) : []));
  }
}

describe('a group whose master is elected', () => {
  it('has another one when its master is dead, which the history tells', () => {
    const world = new World();
    expect([world.masters, world.elected]).toEqual([[MASTER], []]);
    world.cluster.hosts.killBroker(MASTER);
    world.cluster.run(ELECTED_MS_MAX);
    expect([world.masters, world.elected]).toEqual([[SLAVE], [SLAVE]]);
  });

  it('has none while the slave is cut off from the store, and has one again afterwards', () => {
    const world = new World();
    world.cluster.hosts.network.cutOneWay(SLAVE, STORE);
    world.cluster.hosts.killBroker(MASTER);
    world.cluster.run(2 * ELECTED_MS_MAX);
    expect(world.masters).toEqual([]);
    world.cluster.hosts.network.heal(SLAVE, STORE);
    world.cluster.run(ELECTED_MS_MAX);
    expect(world.masters).toEqual([SLAVE]);
  });

  it('keeps its master while the store is away, and elects no other one', () => {
    const world = new World();
    world.elections.away = true;
    world.cluster.run(60_000);
    expect(world.masters).toEqual([MASTER]);
    world.cluster.hosts.killBroker(MASTER);
    world.cluster.run(2 * ELECTED_MS_MAX);
    expect(world.masters).toEqual([]);
    world.elections.away = false;
    world.cluster.run(ELECTED_MS_MAX);
    expect(world.masters).toEqual([SLAVE]);
  });

  it('comes together though half of the requests to the store go wrong', () => {
    const world = new World();
    world.elections.errorPercent = 50;
    world.cluster.hosts.killBroker(MASTER);
    world.cluster.runUntil(() => world.masters.includes(SLAVE), 300_000);
    world.cluster.hosts.startBroker(MASTER);
    world.cluster.runUntil(() => world.replicas.together, 300_000);
    expect(world.replicas.disagreement()).toBeUndefined();
  });

  it('whose only member comes back with another disk is known to NameServers, and led by it when the loss is accepted [QNT-RPL-026]', () => {
    const world = new World();
    const { clock, hosts } = world.cluster;
    hosts.killBroker(SLAVE);
    world.cluster.runUntil(() => world.replicas.figures(MASTER)?.inSync === 1, 30_000);
    hosts.killBroker(MASTER);
    hosts.replaceDisk(MASTER);
    hosts.startBroker(MASTER);
    world.cluster.run(ELECTED_MS_MAX);
    expect(world.replicas.figures(MASTER)).toMatchObject({ role: 'slave', state: expect.stringMatching(/^halted/) });
    expect(world.refusals).toEqual([]);
    const answers: unknown[] = [];
    const asking = { clock, random: new Random(1), address: `${MASTER}:7610`, transport: hosts.transport('operator') };
    askBroker(asking, 'PROMOTE', { acceptLoss: true }, (error) => answers.push(error));
    world.cluster.run(ELECTED_MS_MAX);
    expect([answers, world.masters]).toEqual([[undefined], [MASTER]]);
  });

  it('does not hear of the store while its process is stopped', () => {
    const world = new World();
    const heard: string[] = [];
    world.cluster.hosts.pause(MASTER);
    world.elections.client(MASTER).start({ op: 'get', prefix: '' }, () => heard.push(MASTER));
    world.cluster.run(ELECTED_MS_MAX);
    expect([heard, world.masters]).toEqual([[], expect.arrayContaining([SLAVE])]);
    world.cluster.hosts.goOn(MASTER);
    expect(heard).toEqual([MASTER]);
    world.cluster.runUntil(() => world.replicas.together, 30_000);
    expect(world.masters).toEqual([SLAVE]);
  });
});
