import { type Clause, judgeThat } from '../../clause/clause.ts';
import type { Exchange, Header, View } from '../../history/view.ts';
import { lineOf } from './outcome.ts';

/** A registration of several frames, and what a NameServer may know of its broker by nothing else. */
interface Joined {
  readonly exchange: Exchange;
  readonly broker: string;
  /** By topic: queues. */
  readonly topics: ReadonlyMap<string, number>;
  /** Place of the last frame; undefined when it was never sent. */
  readonly lastIndex: number | undefined;
  readonly firstIndex: number;
}

const registrationsOf = (view: View): readonly Exchange[] => view.requests('REGISTER_BROKER', 'kit');

/**
 * Registrations of more than one frame whose broker is registered once in this history, so that nothing else explains a
 * route.
 */
function joinedOf(view: View): readonly Joined[] {
  const all = registrationsOf(view);
  const count = (broker: string): number => all.filter(({ header }) => header?.broker === broker).length;
  const left = new Set(view.requests('UNREGISTER_BROKER', 'kit').map(({ header }) => header?.broker));
  return all.flatMap((exchange) => {
    const { header, request, requests } = exchange;
    if (header === undefined || header.broker === '' || !request.more || count(header.broker) !== 1 || left.has(header.broker))
      return [];
    if (requests.some((one) => one.header === undefined)) return [];
    const last = requests.at(-1);
    const topics = new Map<string, number>(header.topics.map((share: Header) => [share.topic, share.queues]));
    const lastIndex = last !== undefined && !last.more ? last.index : undefined;
    return [{ exchange, broker: header.broker, topics, lastIndex, firstIndex: request.index }];
  });
}

/** The queues that a route query was told of each topic at one broker. */
function sharesIn({ answer }: Exchange, broker: string): ReadonlyMap<string, number> {
  const shares = new Map<string, number>();
  for (const route of answer?.routes ?? [])
    for (const share of route.shares) if (share.broker === broker) shares.set(route.topic, share.queues);
  return shares;
}

const asks = ({ header, answer }: Exchange, topic: string): boolean =>
  answer !== undefined && header !== undefined && (header.all || header.topics.includes(topic));

/** A broker is heard of for this long behind its registration, whatever happens to its connection. */
const REMEMBERED_MS = 4_000;

const allTogether: Clause = {
  id: 'QNT-FRM-011',
  roles: ['nameserver'],
  check(view, judge) {
    for (const { exchange, broker, topics, lastIndex, firstIndex } of joinedOf(view))
      for (const query of view.requests('ROUTE_QUERY', 'kit')) {
        const shares = sharesIn(query, broker);
        for (const [topic, queues] of topics) {
          const { response, request } = query;
          if (response === undefined || !asks(query, topic) || response.index < firstIndex) continue;
          const share = shares.get(topic);
          if (lastIndex === undefined || response.index < lastIndex)
            judgeThat(
              judge,
              response,
              share === undefined,
              () => `joined frames take effect with the last one; got a share of ${topic} before it`,
              'routes',
            );
          else if (exchange.response !== undefined && exchange.code === undefined && request.index > exchange.response.index) {
            if (request.atMs - exchange.response.atMs > REMEMBERED_MS) continue;
            judgeThat(
              judge,
              response,
              share === queues,
              () => `joined frames take effect all together: ${topic} with ${queues} queues at ${broker}; got ${share ?? 'none'}`,
              'routes',
            );
          }
        }
      }
  },
};

/** Lists are joined, every other field is of the first frame: what a heartbeat then has to name. */
const firstFieldsAndAllLists: Clause = {
  id: 'QNT-FRM-012',
  roles: ['nameserver'],
  check(view, judge) {
    for (const { exchange, broker } of joinedOf(view)) {
      const { requests, response, code, header } = exchange;
      const differs = requests.some((one) => one.header.term !== header.term || one.header.revision !== header.revision);
      if (response === undefined || code !== undefined || !differs) continue;
      for (const beat of view.requests('BROKER_HEARTBEAT', 'kit')) {
        const { request, answer } = beat;
        if (beat.response === undefined || answer === undefined || beat.header?.broker !== broker) continue;
        if (request.index < response.index || request.atMs - response.atMs > REMEMBERED_MS) continue;
        const known = beat.header.term === header.term && beat.header.revision === header.revision;
        if (beat.header.storeId.join() !== header.storeId.join()) continue;
        judgeThat(
          judge,
          beat.response,
          answer.register === !known,
          () =>
            `term and revision are those of the first frame (${header.term}, ${header.revision}); a heartbeat with ${beat.header.term} and ${beat.header.revision} got register = ${answer.register}`,
          'register',
        );
      }
    }
  },
};

export const JOINED_CLAUSES: readonly Clause[] = [
  allTogether,
  firstFieldsAndAllLists,
  lineOf('QNT-FRM-013', ['nameserver']),
  lineOf('QNT-FRM-015', ['nameserver']),
];
