// Goal: what the replicas of a group have in the end is compared byte by byte, whatever they say of themselves.
import { portablePlatform } from '@qanat/core';
import { expect, it } from 'vitest';
import { Replicas } from '../src/simulation/replicas.ts';
import { VirtualCluster } from '../src/virtual-cluster.ts';

const SLAVE = 'broker-a-1';

function settled(): { readonly cluster: VirtualCluster; readonly replicas: Replicas } {
  const cluster = new VirtualCluster({ platform: portablePlatform, brokers: 1, slaves: 1, nameServers: 1 });
  const replicas = new Replicas(cluster.hosts);
  cluster.start();
  cluster.runUntil(() => replicas.together, 60_000);
  return { cluster, replicas };
}

it('finds nothing where a slave has what its master has', () => {
  const { replicas } = settled();
  expect([replicas.figures(SLAVE)?.committed, replicas.disagreement()]).toEqual([expect.any(Number), undefined]);
  expect(replicas.figures(SLAVE)?.committed).toBeGreaterThan(0);
});

it('finds a committed entry that is another one on the disk of a slave', () => {
  const { cluster, replicas } = settled();
  const file = cluster.hosts.disk(SLAVE)?.file('log/00000000000000000000.seg');
  file?.rot(file.size - 1, 0);
  expect([replicas.together, replicas.disagreement()]).toEqual([
    true,
    'broker-a and broker-a-1 have committed different entries',
  ]);
});

it('tells of a replica that is down', () => {
  const { cluster, replicas } = settled();
  cluster.hosts.killBroker(SLAVE);
  expect([replicas.together, replicas.disagreement()]).toEqual([
    false,
    expect.stringMatching(/^the replicas of broker-a .*; down$/),
  ]);
});
