// Goal: of two brokers that both began a group the one that came second finds its way into it, and nothing is lost for that.
import { type ClusterHostsOptions, MemoryConsensus } from '@qanat/simulator';
import { describe, expect, it } from 'vitest';
import { RECORD_FILE } from '../../../src/name-server/record-file.ts';
import { MASTER, ReplicaWorld, SLAVE } from './replica-world.ts';

const LONG_MS = 60_000;

/** Each is configured as the first master. */
function firstMasters(options: Partial<ClusterHostsOptions> = {}): ReplicaWorld {
  const world = new ReplicaWorld({ replication: { role: 'master' }, ...options });
  world.cluster.hosts.startNameServer('ns-1');
  return world;
}

describe('the second of two first masters', () => {
  it.each([
    [MASTER, SLAVE],
    [SLAVE, MASTER],
  ])('begins again as a slave, for its log of another store is empty: %s, then %s', (first, second) => {
    const world = firstMasters();
    for (const node of [first, second]) world.cluster.hosts.startBroker(node);
    world.cluster.runUntil(() => world.ends.length > 0, LONG_MS);
    expect(world.ends).toMatchObject([{ node: second, error: { code: 'RESTART_REQUIRED' } }]);
    world.cluster.runUntil(() => world.state(first) === 'master' && world.state(second) === 'slave', LONG_MS);
    world.cluster.run(5_000);
    expect(world.entries(second)).toEqual(world.entries(first));
    expect(world.ends).toHaveLength(1);
  });

  it('begins again in automatic mode too', () => {
    const world: ReplicaWorld = firstMasters({ consensus: (host) => store.client(host) });
    const store = new MemoryConsensus(world.cluster.clock);
    for (const node of [MASTER, SLAVE]) world.cluster.hosts.startBroker(node);
    const states = (): string => [MASTER, SLAVE].map((node) => world.state(node)?.split(' ')[0]).join(' ');
    world.cluster.runUntil(() => world.ends.length > 0, LONG_MS);
    world.cluster.run(10_000);
    expect(['master slave', 'slave master']).toContain(states());
    expect(world.ends).toMatchObject([{ error: { code: 'RESTART_REQUIRED' } }]);
    expect(world.entries(SLAVE)).toEqual(world.entries(MASTER));
  });

  it('that had ended before it heard of the group joins it as a slave', () => {
    const world = firstMasters();
    const { hosts } = world.cluster;
    hosts.startBroker(SLAVE);
    world.cluster.runUntil(() => world.events(SLAVE).includes('broker.ready'), LONG_MS);
    hosts.killBroker(SLAVE);
    hosts.startBroker(MASTER);
    world.cluster.runUntil(() => world.state(MASTER) === 'master', LONG_MS);
    hosts.startBroker(SLAVE);
    world.cluster.runUntil(() => world.same && world.inSync === 2, LONG_MS);
    expect([world.entries(SLAVE), world.ends]).toEqual([world.entries(MASTER), []]);
  });

  it('keeps a log of another store that has entries, and is told to put it away', () => {
    const world = firstMasters();
    world.restarts = false;
    const { hosts } = world.cluster;
    hosts.startBroker(SLAVE);
    world.cluster.runUntil(() => world.state(SLAVE) === 'master', LONG_MS);
    hosts.killBroker(SLAVE);
    const entries = world.entries(SLAVE);
    hosts.killNameServer('ns-1');
    world.disk('ns-1').unlink(RECORD_FILE, () => {});
    world.cluster.run(10);
    world.startMaster();
    world.startSlave();
    world.cluster.runUntil(() => world.ends.length > 0, LONG_MS);
    const hint = 'another replica began the group: put the directory of this one away, and start it with --slave';
    expect(world.ends).toMatchObject([{ node: SLAVE, error: { code: 'NAME_IN_USE', hint } }]);
    expect([entries.length > 0, world.entries(SLAVE)]).toEqual([true, entries]);
  });
});
