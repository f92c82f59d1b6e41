import { portablePlatform } from '@qanat/core';
import { VirtualCluster } from '@qanat/simulator';
import { describe, expect, it } from 'vitest';

describe('the hosts of a cluster', () => {
  it('may be killed at once after their start, and start again on the same disk', () => {
    const cluster = new VirtualCluster({ platform: portablePlatform, brokers: 1 });
    cluster.start();
    const [name] = cluster.hosts.brokerNames as [string];
    cluster.hosts.killBroker(name);
    for (let i = 0; i < 3; i++) {
      const node = cluster.hosts.startBroker(name);
      cluster.hosts.killBroker(name);
      cluster.run(1);
      expect(node.ready).toBe(false);
      expect(node.address).toBeUndefined();
    }
    const node = cluster.hosts.startBroker(name);
    cluster.runUntil(() => cluster.hosts.complete, 60_000);
    expect(node.failure).toBeUndefined();
    expect(node.engine.figures().term).toBeGreaterThan(1);
  });

  it('restart as planned, and come back when their power was cut', () => {
    const cluster = new VirtualCluster({ platform: portablePlatform, brokers: 1, nameServers: 1 });
    cluster.start();
    cluster.restartBroker('broker-a');
    cluster.hosts.cutPower('broker-a');
    cluster.run(10);
    cluster.hosts.startBroker('broker-a');
    cluster.runUntil(() => cluster.hosts.complete, 60_000);
  });
});
