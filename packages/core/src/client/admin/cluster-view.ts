import type { BrokerRoute } from '../../wire/gen/messages.ts';
import { readRoutes } from '../routes-answer.ts';
import type { BrokerInfo, TopicSummary } from './admin-types.ts';

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
  view.brokers.map(({ broker, cluster, endpoints, away }) => ({
    broker,
    cluster,
    addresses: endpoints.map(({ scheme, address }) => `${scheme}://${address}`),
    away,
  }));

/** Brokers that can be asked. */
export const liveBrokers = (view: ClusterView): string[] => view.brokers.filter(({ away }) => !away).map(({ broker }) => broker);
