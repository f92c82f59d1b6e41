// Goal: the operator of simulated groups promotes who may be master, and gives up what nobody has only where it is told to.
import { portablePlatform, Random } from '@qanat/core';
import { describe, expect, it } from 'vitest';
import { History } from '../src/history/index.ts';
import { Operator } from '../src/simulation/operator.ts';
import { Replicas } from '../src/simulation/replicas.ts';
import { VirtualCluster } from '../src/virtual-cluster.ts';

const MASTER = 'broker-a';
const SLAVE = 'broker-a-1';

function groupWithOperator(flush: 'sync' | 'async', acceptsLoss: boolean) {
  const cluster = new VirtualCluster({
    platform: portablePlatform,
    brokers: 1,
    slaves: 1,
    nameServers: 1,
    replication: { lagMs: 2_000 },
    broker: { flush },
  });
  const { clock, hosts } = cluster;
  const history = new History(clock);
  const replicas = new Replicas(hosts);
  cluster.start();
  cluster.runUntil(() => replicas.together, 30_000);
  // Until that is on record.
  cluster.run(1_000);
  const plan = { slaves: 1, minInSync: 1, lagMs: 2_000, promoteMs: 2_000 };
  new Operator({ hosts, replicas, clock, history, random: new Random(1), plan, acceptsLoss }).start();
  const told = (): readonly string[] => history.events.flatMap((event) => (event.kind === 'fault' ? event.fault : []));
  return { cluster, replicas, told };
}

/** With asynchronous flush nobody stands for what it had before. */
function restartAll({ hosts }: VirtualCluster): void {
  for (const node of [MASTER, SLAVE]) hosts.killBroker(node);
  for (const node of [MASTER, SLAVE]) hosts.startBroker(node);
}

describe('the operator', () => {
  it('promotes the slave of a master that is dead', () => {
    const { cluster, replicas, told } = groupWithOperator('sync', false);
    cluster.hosts.killBroker(MASTER);
    cluster.runUntil(() => replicas.leads(SLAVE), 30_000);
    expect(new Set(told())).toEqual(new Set(['promote']));
  });

  it('leaves a group without a master whose replicas may all have lost something', () => {
    const { cluster, replicas, told } = groupWithOperator('async', false);
    restartAll(cluster);
    cluster.run(120_000);
    expect([replicas.leads(MASTER), replicas.leads(SLAVE), told().includes('acceptLoss')]).toEqual([false, false, false]);
  });

  it('accepts the loss where it is told to, once all replicas run', () => {
    const { cluster, replicas, told } = groupWithOperator('async', true);
    restartAll(cluster);
    cluster.hosts.killBroker(SLAVE);
    cluster.run(60_000);
    expect(told().includes('acceptLoss')).toBe(false);
    cluster.hosts.startBroker(SLAVE);
    cluster.runUntil(() => replicas.together, 60_000);
    expect([told().includes('acceptLoss'), replicas.disagreement()]).toEqual([true, undefined]);
  });
});
