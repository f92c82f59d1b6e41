import type { ConnectionSeen, Exchange, FrameSeen, Header, View } from '../../history/view.ts';
import { hexOf } from '../../json.ts';
import { seesAll } from './askers.ts';
import { endpointsText } from './operations.ts';
import { modelOf } from './route-model.ts';

/** What one answer or update says of a topic. */
export interface RouteSeen {
  /** Each is one route; several of them add up. */
  readonly parts: readonly { readonly code: number; readonly shares: readonly { broker: string; queues: number }[] }[];
  /** Queues by broker, added up. */
  readonly shares: ReadonlyMap<string, number>;
}

/** What one answer or update says of a broker, as text where a registration has text. */
export interface BrokerSeen {
  readonly away: boolean;
  readonly storeId: string;
  readonly term: number;
  readonly cluster: string;
  readonly endpoints: string;
  readonly createsTopics: boolean;
}

/** An answer to ROUTE_QUERY, or a ROUTE_UPDATE; frames that MORE joins are one. */
export interface Observation {
  readonly at: FrameSeen;
  readonly connection: ConnectionSeen;
  /** Places between which the NameServer looked into its table. */
  readonly from: number;
  readonly to: number;
  /** Of an answer; undefined for updates. */
  readonly query: Exchange | undefined;
  readonly routes: ReadonlyMap<string, RouteSeen>;
  readonly brokers: ReadonlyMap<string, BrokerSeen>;
}

function routesOf(list: readonly Header[]): ReadonlyMap<string, RouteSeen> {
  const routes = new Map<string, { parts: Header[]; shares: Map<string, number> }>();
  for (const { topic, code, shares } of list) {
    const route = routes.get(topic) ?? { parts: [], shares: new Map<string, number>() };
    routes.set(topic, route);
    route.parts.push({ code, shares });
    for (const { broker, queues } of shares) route.shares.set(broker, (route.shares.get(broker) ?? 0) + queues);
  }
  return routes;
}

const brokersOf = (list: readonly Header[]): ReadonlyMap<string, BrokerSeen> =>
  new Map(
    list.map(({ broker, away, storeId, term, cluster, endpoints, createsTopics }) => [
      broker,
      { away, storeId: hexOf(storeId), term, cluster, endpoints: endpointsText(endpoints), createsTopics },
    ]),
  );

/** Questions of those from whom no topic is hidden. */
export const queriesOf = (view: View): readonly Exchange[] =>
  view.requests('ROUTE_QUERY', 'kit').filter(({ connection }) => seesAll(view, connection));

function answersOf(view: View): readonly Observation[] {
  return queriesOf(view).flatMap((query) => {
    const [first] = query.responses;
    const { response, answer, header } = query;
    if (first === undefined || response === undefined || answer === undefined || header === undefined) return [];
    if (query.responses.some(({ header }) => header === undefined)) return [];
    return [
      {
        at: response,
        connection: query.connection,
        from: query.request.index,
        to: first.index,
        query,
        routes: routesOf(answer.routes),
        brokers: brokersOf(answer.brokers),
      },
    ];
  });
}

function updatesOf(view: View): readonly Observation[] {
  const begun = new Map<ConnectionSeen, FrameSeen[]>();
  return view.oneWays('ROUTE_UPDATE', 'subject').flatMap((frame) => {
    const frames = [...(begun.get(frame.connection) ?? []), frame];
    begun.set(frame.connection, frame.more ? frames : []);
    const [first] = frames;
    if (
      frame.more ||
      first === undefined ||
      !seesAll(view, frame.connection) ||
      frames.some(({ header }) => header === undefined)
    )
      return [];
    return [
      {
        at: frame,
        connection: frame.connection,
        from: modelOf(view).placeAt(first.atMs - view.slackMs),
        to: first.index,
        query: undefined,
        routes: routesOf(frames.flatMap(({ header }) => header.routes)),
        brokers: brokersOf(frames.flatMap(({ header }) => header.brokers)),
      },
    ];
  });
}

/** Whether the kit always read what came: else an update is as old as it likes. */
export const alwaysRead = (view: View): boolean => view.notes('reading').length === 0;

const OBSERVATIONS = new WeakMap<View, readonly Observation[]>();

/** What clients of the NameServer were told, in order. */
export function observationsOf(view: View): readonly Observation[] {
  const made =
    OBSERVATIONS.get(view) ??
    [...answersOf(view), ...(alwaysRead(view) ? updatesOf(view) : [])].sort((a, b) => a.at.index - b.at.index);
  OBSERVATIONS.set(view, made);
  return made;
}

export const isUpdate = ({ query }: Observation): boolean => query === undefined;
