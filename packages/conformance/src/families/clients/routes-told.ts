import type { ConnectionSeen, FrameSeen, Header } from '../../history/view.ts';
import { type Facts, framesOf, isNameServer, once } from './facts.ts';

/** A broker, or the master of a group, as a route names it. */
export interface BrokerTold {
  readonly broker: string;
  readonly storeId: Uint8Array;
  readonly term: number;
  readonly replica: number;
  readonly away: boolean;
  readonly createsTopics: boolean;
  readonly endpoints: readonly { readonly listener: string; readonly scheme: string; readonly address: string }[];
  readonly slaves: readonly { readonly replica: number; readonly away: boolean }[];
}

/** Routes as a NameServer of the kit told them, their frames joined. */
export interface RoutesTold {
  readonly connection: ConnectionSeen;
  readonly first: FrameSeen;
  readonly last: FrameSeen;
  readonly frames: readonly FrameSeen[];
  readonly routes: readonly { topic: string; code: number; shares: readonly { broker: string; queues: number }[] }[];
  readonly brokers: readonly BrokerTold[];
}

function toldOn(connection: ConnectionSeen, endIndex: number): readonly RoutesTold[] {
  const found: RoutesTold[] = [];
  const begun = new Map<string, FrameSeen[]>();
  for (const frame of framesOf(connection, 'kit')) {
    const bearsRoutes = (frame.name === 'ROUTE_QUERY' && frame.isResponse && !frame.isError) || frame.name === 'ROUTE_UPDATE';
    if (!bearsRoutes || frame.index >= endIndex || frame.header === undefined) continue;
    const key = frame.isResponse ? `${frame.correlation}` : 'push';
    const frames = [...(begun.get(key) ?? []), frame];
    begun.set(key, frames);
    if (frame.more) continue;
    begun.delete(key);
    const all = (name: 'routes' | 'brokers'): Header => frames.flatMap(({ header }) => header[name]);
    found.push({
      connection,
      first: frames[0] as FrameSeen,
      last: frame,
      frames,
      routes: all('routes'),
      brokers: all('brokers'),
    });
  }
  return found;
}

export const routesOf = once((facts: Facts): readonly RoutesTold[] =>
  facts.connections
    .filter(({ node }) => isNameServer(node))
    .flatMap((connection) => toldOn(connection, facts.end.index))
    .toSorted((a, b) => a.last.index - b.last.index),
);
