import type { BrokerRoute, Endpoint } from '../../wire/gen/messages.ts';
import { readRoutes } from '../routes-answer.ts';
import type { BrokerInfo, ReplicaInfo, TopicSummary } from './admin-types.ts';

/** What a NameServer knows of the cluster: all topics and all brokers. */
export interface ClusterView {
  /** Queues by broker, by topic. */
  readonly topics: ReadonlyMap<string, ReadonlyMap<string, number>>;
  /** Sorted by name. */
  readonly brokers: readonly BrokerRoute[];
}

export function readView(pages: Parameters<typeof readRoutes>[0]): ClusterView {
  const { topics, brokers } = readRoutes(pages);
  return {
    topics: new Map([...topics].map(([topic, { shares }]) => [topic, shares])),
    brokers: brokers.toSorted((a, b) => (a.broker < b.broker ? -1 : 1)),
  };
}

export function topicSummaries(view: ClusterView): TopicSummary[] {
  const summaries = [...view.topics].map(([topic, shares]) => ({
    topic,
    queues: [...shares.values()].reduce((sum, queues) => sum + queues, 0),
    brokers: [...shares.keys()].sort(),
  }));
  return summaries.sort((a, b) => (a.topic < b.topic ? -1 : 1));
}

export const brokerInfos = (view: ClusterView): BrokerInfo[] =>
  view.brokers.map((route) => ({
    broker: route.broker,
    cluster: route.cluster,
    addresses: addressesOf(route.endpoints),
    away: route.away,
    replicas: replicaInfos(route),
  }));

const addressesOf = (endpoints: readonly Endpoint[]): string[] =>
  endpoints.map(({ scheme, address }) => `${scheme}://${address}`);

/** A group may have lost its master, or have one that is a slave by now: then the route has no place of a master. */
function replicaInfos({ replica, endpoints, away, slaves }: BrokerRoute): ReplicaInfo[] {
  const infos = slaves.map((slave): ReplicaInfo => {
    return { replica: slave.replica, role: 'slave', addresses: addressesOf(slave.endpoints), away: slave.away };
  });
  infos.sort((a, b) => a.replica - b.replica);
  if (endpoints.length > 0) infos.unshift({ replica, role: 'master', addresses: addressesOf(endpoints), away });
  return infos;
}

/** Brokers that can be asked. */
export const liveBrokers = (view: ClusterView): string[] => view.brokers.filter(({ away }) => !away).map(({ broker }) => broker);
