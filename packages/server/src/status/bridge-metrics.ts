import type { ClusterFigures, Figures, Gauges } from '@qanat/mqtt';
import type { BridgeView } from '../bridge/bridge-figures.ts';
import type { Metric } from './metric.ts';

const counter = (name: string, help: string, of: (counters: Readonly<Figures>) => number): Metric<BridgeView> => ({
  name: `qanat_mqtt_${name}_total`,
  help,
  type: 'counter',
  read: (bridge) => [[of(bridge.figures().counters)]],
});

const clusterCounter = (name: string, help: string, of: (figures: ClusterFigures) => number): Metric<BridgeView> => ({
  name: `qanat_mqtt_${name}_total`,
  help,
  type: 'counter',
  read: (bridge) => [[of(bridge.figures().cluster)]],
});

const gauge = (name: string, help: string, of: (gauges: Gauges) => number): Metric<BridgeView> => ({
  name: `qanat_mqtt_${name}`,
  help,
  type: 'gauge',
  read: (bridge) => [[of(bridge.figures().gauges)]],
});

const byQos = (counts: readonly number[]): [number, string][] => counts.map((count, qos) => [count, String(qos)]);

export const BRIDGE_METRICS: readonly Metric<BridgeView>[] = [
  gauge('sessions', 'Devices whose CONNECT was accepted and who are connected.', ({ sessions }) => sessions),
  gauge('subscriptions', 'Subscriptions of connected devices, shared ones not counted.', ({ subscriptions }) => subscriptions),
  gauge('shares', 'Shared subscriptions of connected devices, one that several have counted once.', ({ shares }) => shares),
  gauge('shares_late', 'Of these, those over the limit, which get nothing for now.', ({ sharesLate }) => sharesLate),
  gauge('sessions_behind', 'Connected devices for whom more waits than they take.', ({ sessionsBehind }) => sessionsBehind),
  gauge('under_way', 'Messages of QoS 1 and 2 that devices have not acknowledged.', ({ underWay }) => underWay),
  counter('connections_accepted', 'Connections that were accepted.', ({ connectionsAccepted }) => connectionsAccepted),
  counter('connects_refused', 'CONNECT that was not answered with success.', ({ connectsRefused }) => connectsRefused),
  counter('sessions_taken_over', 'Sessions that went on over another connection.', ({ sessionsTakenOver }) => sessionsTakenOver),
  counter('keep_alive_timeouts', 'Connections that ended since nothing came.', ({ keepAliveTimeouts }) => keepAliveTimeouts),
  counter('protocol_errors', 'Connections that ended because of what came.', ({ protocolErrors }) => protocolErrors),
  counter('publishes_refused', 'PUBLISH of devices that was not stored.', ({ publishesRefused }) => publishesRefused),
  counter('subscriptions_refused', 'Subscriptions that were not granted.', ({ subscriptionsRefused }) => subscriptionsRefused),
  counter('acknowledged', 'Deliveries that devices have acknowledged.', ({ acknowledged }) => acknowledged),
  {
    name: 'qanat_mqtt_connections_refused_total',
    help: 'Connections over a limit of connections.',
    type: 'counter',
    read: (bridge) => [[bridge.figures().counters.connectionsRefused + bridge.figures().connectionsDropped]],
  },
  {
    name: 'qanat_mqtt_published_total',
    help: 'PUBLISH that devices have sent.',
    type: 'counter',
    labels: ['qos'],
    read: (bridge) => byQos(bridge.figures().counters.published),
  },
  {
    name: 'qanat_mqtt_delivered_total',
    help: 'PUBLISH that was sent to devices.',
    type: 'counter',
    labels: ['qos'],
    read: (bridge) => byQos(bridge.figures().counters.delivered),
  },
  {
    name: 'qanat_mqtt_dropped_total',
    help: 'Messages that a device did not get: QoS 0 while it did not read, expired, too large for it, gone from the log.',
    type: 'counter',
    labels: ['why'],
    read: (bridge) => {
      const { droppedSlow, droppedExpired, droppedTooLarge, droppedGone } = bridge.figures().counters;
      return [
        [droppedSlow, 'slow'],
        [droppedExpired, 'expired'],
        [droppedTooLarge, 'too-large'],
        [droppedGone, 'gone'],
      ];
    },
  },
  clusterCounter('shed', 'Messages of QoS 0 that were not stored.', ({ shed }) => shed),
  clusterCounter('wills_dropped', 'Wills that can never be stored.', ({ willsDropped }) => willsDropped),
  clusterCounter('sessions_refused', 'CONNECT over a limit of what is kept.', ({ sessionsRefused }) => sessionsRefused),
  clusterCounter('retained_refused', 'What was not retained, over a limit.', ({ retainedRefused }) => retainedRefused),
  clusterCounter('fetches', 'Reads of the log that recent messages could not serve.', ({ fetches }) => fetches),
  {
    name: 'qanat_mqtt_cluster',
    help: "What stands now at the bridge's side of the cluster, by name.",
    type: 'gauge',
    labels: ['figure'],
    read: (bridge) => {
      const { shed, willsDropped, sessionsRefused, retainedRefused, fetches, ...standing } = bridge.figures().cluster;
      return Object.entries(standing).map(([name, value]) => [value, name]);
    },
  },
  {
    name: 'qanat_mqtt_upstream_connected',
    help: '1 while the other MQTT broker is reached.',
    type: 'gauge',
    labels: ['upstream'],
    read: (bridge) => bridge.figures().upstreams.map(({ name, connected }) => [connected ? 1 : 0, name]),
  },
  {
    name: 'qanat_mqtt_upstream_messages_total',
    help: 'Messages that came from another MQTT broker, went to it, or were dropped.',
    type: 'counter',
    labels: ['upstream', 'what'],
    read: (bridge) =>
      bridge.figures().upstreams.flatMap(({ name, received, sent, dropped }): [number, string, string][] => [
        [received, name, 'received'],
        [sent, name, 'sent'],
        [dropped, name, 'dropped'],
      ]),
  },
];
