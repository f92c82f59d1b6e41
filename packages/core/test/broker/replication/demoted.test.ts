// Goal: what an operator is told of a master that he demoted, while nobody is elected yet.
import { MemoryConsensus } from '@qanat/simulator';
import { expect, it } from 'vitest';
import { MASTER, ReplicaWorld } from './replica-world.ts';

it('a demoted master that is elected stays known to have everything until it stands again', () => {
  const world: ReplicaWorld = new ReplicaWorld({ consensus: (host) => store.client(host) });
  const store = new MemoryConsensus(world.cluster.clock);
  world.startMaster();
  const client = world.client(MASTER);
  expect(client.request('DEMOTE', {}).error).toBeUndefined();
  const said = client.request('BROKER_DESCRIBE', {}).response.header;
  expect(said).toMatchObject({ state: 'slave', inSync: true, elected: true, haltedBy: '' });
  world.cluster.runUntil(() => world.state(MASTER)?.startsWith('master') === true, 30_000);
});
