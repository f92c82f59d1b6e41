import type { Traffic } from '@qanat/core';
import type { Metric } from './metric.ts';

interface Node {
  figures(): { readonly ready: boolean; readonly connections: number };
}

interface Server {
  figures(): { readonly traffic: Traffic };
}

/** What all nodes have in common. */
export const NODE_METRICS: readonly Metric<Node>[] = [
  {
    name: 'qanat_ready',
    help: '1 when the node serves, 0 while it recovers or stops.',
    type: 'gauge',
    read: (server) => [[server.figures().ready ? 1 : 0]],
  },
  {
    name: 'qanat_connections',
    help: 'Connections that are open.',
    type: 'gauge',
    read: (server) => [[server.figures().connections]],
  },
];

/** What brokers and NameServers have in common. */
export const TRAFFIC_METRICS: readonly Metric<Server>[] = [
  {
    name: 'qanat_connections_accepted_total',
    help: 'Connections that were accepted.',
    type: 'counter',
    read: (server) => [[server.figures().traffic.accepted]],
  },
  {
    name: 'qanat_connections_ended_total',
    help: 'Connections that the node ended, by the error code that it gave.',
    type: 'counter',
    labels: ['code'],
    read: (server) => byLabel(server.figures().traffic.ended),
  },
  {
    name: 'qanat_received_bytes_total',
    help: 'Bytes of frames that came.',
    type: 'counter',
    read: (server) => [[server.figures().traffic.receivedBytes]],
  },
  {
    name: 'qanat_sent_bytes_total',
    help: 'Bytes of frames that were sent.',
    type: 'counter',
    read: (server) => [[server.figures().traffic.sentBytes]],
  },
  {
    name: 'qanat_requests_total',
    help: 'Requests, by frame.',
    type: 'counter',
    labels: ['frame'],
    read: (server) => byLabel(server.figures().traffic.requests),
  },
  {
    name: 'qanat_request_errors_total',
    help: 'Requests that were answered with an error, by its code.',
    type: 'counter',
    labels: ['code'],
    read: (server) => byLabel(server.figures().traffic.errors),
  },
];

function* byLabel(counts: ReadonlyMap<string, number>): Iterable<[number, string]> {
  for (const [label, count] of counts) yield [count, label];
}
