import { isOfSecurity } from '../../history/entry.ts';
import type { Exchange, Header, View } from '../../history/view.ts';
import { hexOf } from '../../json.ts';

/** Places in a history between which something took effect, and when those were. */
export interface Window {
  readonly from: number;
  readonly to: number;
  readonly fromMs: number;
  readonly toMs: number;
}

/** The text of a registration, as routes repeat it. */
export interface Registration {
  readonly storeId: string;
  readonly term: number;
  readonly revision: number;
  readonly cluster: string;
  readonly endpoints: string;
  readonly createsTopics: boolean;
  readonly topics: ReadonlyMap<string, number>;
  /** Told twice, with other numbers: which one holds is nobody's rule. */
  readonly unclear: ReadonlySet<string>;
  readonly frames: number;
}

/** What a request of the kit means for one broker in the table of a NameServer. */
export interface BrokerOperation {
  readonly kind: 'register' | 'heartbeat' | 'unregister';
  readonly broker: string;
  readonly exchange: Exchange;
  readonly window: Window;
  /** `open`: nobody knows whether it took effect. */
  readonly end: 'accepted' | 'refused' | 'open';
}

const KINDS = { REGISTER_BROKER: 'register', BROKER_HEARTBEAT: 'heartbeat', UNREGISTER_BROKER: 'unregister' } as const;

/** Requests that concern brokers, in the order in which they were sent. Those that never became whole are none. */
export function operationsOf(view: View): readonly BrokerOperation[] {
  return view.exchanges.flatMap((exchange) => {
    const kind = KINDS[exchange.name as keyof typeof KINDS];
    const last = exchange.requests.at(-1);
    if (kind === undefined || last === undefined || exchange.request.from !== 'kit') return [];
    const broker = exchange.header?.broker;
    if (typeof broker !== 'string' || (last.more && exchange.response === undefined)) return [];
    const { response } = exchange;
    const window = {
      from: last.index,
      to: response?.index ?? view.events.length,
      fromMs: last.atMs,
      toMs: response?.atMs ?? Number.POSITIVE_INFINITY,
    };
    return [{ kind, broker, exchange, window, end: endOf(exchange) }];
  });
}

function endOf(exchange: Exchange): BrokerOperation['end'] {
  if (exchange.response === undefined) return 'open';
  if (exchange.code !== undefined) return isUncertain(exchange) ? 'open' : 'refused';
  if (exchange.requests.some(({ wrong }) => wrong !== undefined) || exchange.answer === undefined) return 'open';
  return exchange.name === 'BROKER_HEARTBEAT' && exchange.answer.register === true ? 'refused' : 'accepted';
}

/** Codes that a server may give whatever it was asked. */
const GENERAL = new Set(['LIMIT_EXCEEDED', 'TOO_MANY_REQUESTS', 'SHUTTING_DOWN', 'NOT_READY', 'STORAGE_FAILED']);

/** The answer is about what was asked, not about the connection or the state of the server. */
export const isToTheMatter = ({ connection, request, response, code }: Exchange): boolean =>
  connection.hello?.response !== undefined &&
  connection.helloOk !== undefined &&
  connection.hello.response.index < request.index &&
  response !== undefined &&
  !(code !== undefined && GENERAL.has(code)) &&
  !isOfSecurity(connection, code);

/** An error of the class 6xxx: it may have taken effect. */
function isUncertain({ response }: Exchange): boolean {
  const number: number = response?.header?.code ?? 6_000;
  return number >= 6_000 && number < 7_000;
}

/** Registrations of which frames have come and not the last one, at a place in the history. */
export function unfinishedAt(view: View, broker: string, index: number): boolean {
  return view.requests('REGISTER_BROKER', 'kit').some(({ header, requests }) => {
    const last = requests.at(-1);
    return (
      header?.broker === broker &&
      (requests[0]?.index ?? index) < index &&
      (last === undefined || last.more || last.index > index)
    );
  });
}

export const endpointsText = (endpoints: readonly Header[]): string =>
  JSON.stringify(endpoints.map(({ listener, scheme, address }) => [listener, scheme, address]));

/** What a registration says, all its frames together. */
export function registrationOf({ requests, header }: Exchange): Registration {
  const topics = new Map<string, number>();
  const unclear = new Set<string>();
  for (const { topic, queues } of header.topics) {
    if (topics.has(topic) && topics.get(topic) !== queues) unclear.add(topic);
    topics.set(topic, queues);
  }
  return {
    storeId: hexOf(header.storeId),
    term: header.term,
    revision: header.revision,
    cluster: header.cluster,
    endpoints: endpointsText(header.endpoints),
    createsTopics: header.createsTopics,
    topics,
    unclear,
    frames: requests.length,
  };
}
