import type { Broker, NameServer } from '@qanat/core';
import { Counter, collectDefaultMetrics, Gauge, Registry } from 'prom-client';
import type { BridgeView } from '../bridge/bridge-figures.ts';
import type { RunningNode } from '../running-node.ts';
import { SOFTWARE } from '../version.ts';
import { BRIDGE_METRICS } from './bridge-metrics.ts';
import { BROKER_METRICS } from './broker-metrics.ts';
import type { Metric } from './metric.ts';
import { NAME_SERVER_METRICS } from './name-server-metrics.ts';
import { REPLICA_METRICS } from './replica-metrics.ts';
import { NODE_METRICS, TRAFFIC_METRICS } from './traffic-metrics.ts';

/** The metrics of this process and of the nodes in it. Values are read when they are asked for. */
export function createRegistry(nodes: readonly RunningNode[]): Registry {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const info = new Gauge({
    name: 'qanat_info',
    help: 'Always 1.',
    labelNames: ['node', 'role', 'software'],
    registers: [registry],
  });
  for (const { name, role } of nodes) info.set({ node: name, role, software: SOFTWARE }, 1);
  const brokers = nodes.filter((node) => node.role === 'broker');
  const nameServers = nodes.filter((node) => node.role === 'nameserver');
  const servers = nodes.filter((node) => node.role !== 'bridge');
  const bridges = nodes.filter((node) => node.role === 'bridge');
  for (const metric of NODE_METRICS) add(registry, metric, nodes, (node) => node.engine);
  if (servers.length > 0)
    for (const metric of TRAFFIC_METRICS) add(registry, metric, servers, (node) => node.engine as Broker | NameServer);
  if (brokers.length > 0)
    for (const metric of [...BROKER_METRICS, ...REPLICA_METRICS]) add(registry, metric, brokers, (node) => node.engine as Broker);
  if (nameServers.length > 0)
    for (const metric of NAME_SERVER_METRICS) add(registry, metric, nameServers, (node) => node.engine as NameServer);
  if (bridges.length > 0)
    for (const metric of BRIDGE_METRICS) add(registry, metric, bridges, (node) => node.engine as BridgeView);
  return registry;
}

function add<E>(registry: Registry, metric: Metric<E>, nodes: readonly RunningNode[], engineOf: (node: RunningNode) => E): void {
  const { name, help, labels = [] } = metric;
  const settings = { name, help, labelNames: ['node', ...labels], registers: [registry] };
  const each = (take: (labels: Record<string, string>, value: number) => void): void => {
    for (const node of nodes)
      for (const [value, ...texts] of metric.read(engineOf(node)))
        take({ node: node.name, ...Object.fromEntries(labels.map((label, i) => [label, texts[i] as string])) }, value);
  };
  if (metric.type === 'gauge') {
    new Gauge({
      ...settings,
      collect() {
        this.reset();
        each((at, value) => this.set(at, value));
      },
    });
  } else {
    new Counter({
      ...settings,
      collect() {
        this.reset();
        each((at, value) => this.inc(at, value));
      },
    });
  }
}
