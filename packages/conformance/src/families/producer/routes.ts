import { type ClientRun, clientOf, type Facts, once } from '../clients/facts.ts';
import { routesOf } from '../clients/routes-told.ts';
import { crcOf } from './sent-batch.ts';

/** A topic as one connection to a NameServer has told it. */
export interface Route {
  readonly index: number;
  readonly ms: number;
  readonly connection: number;
  readonly client: ClientRun | undefined;
  readonly topic: string;
  /** Sorted by broker, then number. */
  readonly queues: readonly QueueName[];
  readonly away: ReadonlySet<string>;
}

export interface QueueName {
  readonly broker: string;
  readonly queue: number;
}

/** Every state of every topic that was told, in order. */
const routesTold = once((facts: Facts): readonly Route[] => {
  const found: Route[] = [];
  const away = new Map<number, Set<string>>();
  const latest = new Map<string, Route>();
  for (const { connection, last, routes, brokers } of routesOf(facts.view)) {
    const gone = new Set(away.get(connection.number));
    for (const { broker, away: isAway } of brokers) isAway ? gone.add(broker) : gone.delete(broker);
    away.set(connection.number, gone);
    const shares = new Map<string, { broker: string; queues: number }[]>();
    for (const { topic, code, shares: some } of routes)
      if (code === 0) shares.set(topic, [...(shares.get(topic) ?? []), ...some]);
    const known = [...latest.values()].filter((route) => route.connection === connection.number && !shares.has(route.topic));
    const now = [...[...shares].map(([topic, some]) => ({ topic, queues: queuesOf(some) })), ...known];
    for (const { topic, queues } of now) {
      if (queues.length === 0) continue;
      const client = clientOf(facts, connection);
      const route = { index: last.index, ms: last.atMs, connection: connection.number, client, topic, queues, away: gone };
      latest.set(`${connection.number} ${topic}`, route);
      found.push(route);
    }
  }
  return found;
});

const queuesOf = (shares: readonly { broker: string; queues: number }[]): readonly QueueName[] =>
  shares
    .flatMap(({ broker, queues }) => Array.from({ length: queues }, (_, queue) => ({ broker, queue })))
    .sort((a, b) => (a.broker === b.broker ? a.queue - b.queue : a.broker < b.broker ? -1 : 1));

/**
 * The routes that a client may have gone by between two places: the last one of each connection before, and what came meanwhile.
 */
export function routesBetween(
  facts: Facts,
  client: ClientRun | undefined,
  topic: string,
  fromMs: number,
  toIndex: number,
): readonly Route[] {
  const sinceMs = fromMs - facts.view.slackMs;
  const told = routesTold(facts.view).filter(
    (route) => route.topic === topic && route.index < toIndex && (client === undefined || (route.client ?? client) === client),
  );
  const lastBefore = new Map(told.filter(({ ms }) => ms < sinceMs).map((route) => [route.connection, route]));
  return [...lastBefore.values(), ...told.filter(({ ms }) => ms >= sinceMs)];
}

function fmix32(value: number): number {
  let h = value;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

/** The pseudo-code of chapter 11, written down once more: the engines under test bring their own. */
export function queueOfKey(key: string, queues: readonly QueueName[]): QueueName | undefined {
  const mixed = fmix32(crcOf(key));
  let best: QueueName | undefined;
  let bestWeight = -1;
  for (const candidate of queues) {
    const weight = fmix32(mixed ^ crcOf(`${candidate.broker}/${candidate.queue}`));
    if (weight > bestWeight) [best, bestWeight] = [candidate, weight];
  }
  return best;
}
