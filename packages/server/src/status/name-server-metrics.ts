import type { NameServer } from '@qanat/core';
import type { Metric } from './metric.ts';

export const NAME_SERVER_METRICS: readonly Metric<NameServer>[] = [
  {
    name: 'qanat_nameserver_topics',
    help: 'Topics with a route.',
    type: 'gauge',
    read: (server) => [[server.figures().topics]],
  },
  {
    name: 'qanat_nameserver_brokers',
    help: 'Brokers that are registered: live ones are heard, those that are away only keep their places.',
    type: 'gauge',
    labels: ['state'],
    read: (server) => [
      [server.figures().brokers, 'live'],
      [server.figures().brokersAway, 'away'],
    ],
  },
];
