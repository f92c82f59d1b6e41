// What a broker group looks like from outside: in routes, and in answers to its replicas.
import { DEFAULT_LISTENER } from '../scheme.ts';
import type { BrokerRouteInit, Endpoint } from '../wire/gen/messages.ts';
import type { MasterRouteInit } from '../wire/gen/registration-messages.ts';
import { type BrokerEntry, isAway, type ReplicaEntry } from './broker-entry.ts';

/**
 * What a broker looks like in a route.
 * @param network the name of the listener that the asker came in on.
 */
export const brokerRoute = (entry: BrokerEntry, network: string): BrokerRouteInit => ({
  broker: entry.name,
  cluster: entry.cluster,
  storeId: entry.storeIdBytes,
  term: entry.term,
  endpoints: endpointsIn(entry.master?.endpoints ?? [], network),
  away: isAway(entry),
  createsTopics: entry.createsTopics,
  replica: entry.holder ?? 0,
  zone: entry.master?.zone ?? '',
  slaves: slavesOf(entry).map(({ replica, endpoints, zone, state }) => ({
    replica,
    endpoints: endpointsIn(endpoints, network),
    away: state === 'away',
    zone,
  })),
});

/**
 * Where the master of the group is; undefined where none is known, or where the asker is the one.
 * @param asker number of the replica that asks.
 */
export function masterRoute(entry: BrokerEntry | undefined, asker: number, network: string): MasterRouteInit | undefined {
  const master = entry?.master;
  if (entry === undefined || master === undefined || master.replica === asker) return undefined;
  const endpoints = endpointsIn(master.endpoints, network);
  return { replica: master.replica, term: entry.term, endpoints, away: master.state === 'away' };
}

/** Two equal texts: the route of the topic through this broker is the same. */
export function routeText(entry: BrokerEntry, topic: string): string {
  const queues = entry.topics.get(topic);
  if (queues === undefined) return '';
  const { cluster, storeId, term, holder, createsTopics, master } = entry;
  const slaves = slavesOf(entry).map((slave) => `${slave.replica} ${slave.state} ${placeText(slave)}`);
  return [queues, cluster, storeId, term, holder, createsTopics, isAway(entry), placeText(master), ...slaves].join('|');
}

const slavesOf = ({ slaves }: BrokerEntry): readonly ReplicaEntry[] => [...slaves.values()].sort((a, b) => a.replica - b.replica);

const placeText = (replica: ReplicaEntry | undefined): string =>
  replica === undefined ? '' : [replica.zone, ...replica.endpoints.map((e) => `${e.listener} ${e.scheme} ${e.address}`)].join();

/** Who came in over one network reaches a broker there, where it has an endpoint of that name (QNT-RTE-026). */
function endpointsIn(endpoints: readonly Endpoint[], network: string): readonly Endpoint[] {
  const near = endpoints.filter(({ listener }) => (listener || DEFAULT_LISTENER) === network);
  return near.length > 0 ? near : endpoints;
}
