import { type Clause, judgeThat } from '../../clause/clause.ts';
import type { Exchange, FrameSeen } from '../../history/view.ts';
import { isObject, type JsonObject } from '../../json.ts';
import { numberOf, textOf } from '../../play/program.ts';
import { asked, type ClientRun, clientOf, type Facts, factsOf, once, runsAt } from '../clients/facts.ts';
import { type RecordSeen, readSentBatch } from '../clients/records.ts';
import { keyOf, tellsEvents } from './deliveries.ts';
import { memberRequests, runOfMember, spansFor } from './leases.ts';
import { pullsOf } from './pulls.ts';

const ORIGIN = 'qnt.origin';
const ATTEMPT = 'qnt.attempt';
const RELEASE_MS = 30_000;
/** The longest back-off, and some more. */
const AGAIN_MS = 35_000;
const SOON_MS = 2_000;

/** A copy on its way to a dead-letter topic. */
interface Copy {
  readonly exchange: Exchange;
  readonly request: FrameSeen;
  readonly run: ClientRun;
  readonly topic: string;
  readonly record: RecordSeen;
  /** topic/broker/queue/offset */
  readonly origin: string;
}

const FROM_TEXT = /^(.+)\/(\d+)$/;

/** All copies that consumers sent, in order. */
export const copiesOf = once((facts: Facts): readonly Copy[] =>
  facts.connections
    .flatMap((connection) =>
      asked(connection).flatMap((exchange): Copy[] => {
        const run = clientOf(facts, connection);
        if (exchange.name !== 'SEND' || run?.role !== 'consumer' || exchange.request.index >= facts.end.index) return [];
        return readSentBatch(exchange.request.payload).map((record) => ({
          exchange,
          request: exchange.request,
          run,
          topic: exchange.header?.topic ?? '',
          record,
          origin: record.properties[ORIGIN] ?? '',
        }));
      }),
    )
    .toSorted((a, b) => a.request.index - b.request.index),
);

/** The message of which a copy was sent, as a broker of the kit gave it out. */
function originOf(facts: Facts, origin: string): RecordSeen | undefined {
  const [, key, offset] = FROM_TEXT.exec(origin) ?? [];
  for (const { items } of pullsOf(facts.view))
    for (const item of items)
      if (item.key === key)
        for (const { records } of item.result?.batches ?? []) {
          const found = records.find((record) => record.offset === Number(offset));
          if (found !== undefined) return found;
        }
  return undefined;
}

const goesOnTrying: Clause = {
  id: 'QNT-OFS-023',
  roles: ['consumer'],
  needs: ['dead-letter', 'policy'],
  check(view, judge) {
    const facts = factsOf(view);
    for (const { request, exchange, run, origin } of copiesOf(view)) {
      const { response } = exchange;
      if (response?.isError !== true || origin === '') continue;
      const again = copiesOf(view).find((later) => later.origin === origin && later.request.index > response.index);
      const dueMs = response.atMs + AGAIN_MS;
      if (again !== undefined && wasTold(facts, run, response, again.request)) judge.pass(again.request);
      else if (again !== undefined && isFinal(response))
        judge.fail(
          response,
          `expected the application to be told that the copy of ${origin} cannot be sent (${response.code}), got no event "error"`,
        );
      else if (again === undefined && facts.end.ms > dueMs && runsAt(run, facts.end.index - 1))
        judge.fail(
          request,
          `expected another try to send the copy of ${origin} after ${response.code}, got none within ${AGAIN_MS} ms`,
        );
    }
  },
};

/** A producer inside tries again by itself what is worth it; the rest it tells. */
const isFinal = ({ header }: FrameSeen): boolean => Math.floor((header?.code ?? 0) / 1_000) === 4;

const wasTold = ({ view }: Facts, run: ClientRun, from: FrameSeen, to: FrameSeen): boolean =>
  !tellsEvents(view) ||
  !isFinal(from) ||
  view
    .told('error')
    .some(({ client, index, atMs }) => client === run.name && index > from.index && atMs <= to.atMs + view.slackMs);

export const copiesAreWhole: Clause = {
  id: 'QNT-OFS-024',
  roles: ['consumer'],
  needs: ['dead-letter', 'policy'],
  check(view, judge) {
    const facts = factsOf(view);
    for (const { request, record, origin } of copiesOf(view)) {
      if (origin === '') {
        judge.fail(
          request,
          `expected the property ${ORIGIN} in a copy for the dead-letter topic, got ${JSON.stringify(record.properties)}`,
        );
        continue;
      }
      const source = originOf(facts, origin);
      if (source === undefined) judge.fail(request, `expected ${ORIGIN} to name a message that was read, got ${origin}`);
      else {
        const wrong = difference(source, record);
        judgeThat(judge, request, wrong === undefined, () => `expected the copy of ${origin} to have ${wrong}`);
      }
    }
  },
};

function difference(source: RecordSeen, copy: RecordSeen): string | undefined {
  for (const name of ['body', 'key', 'tag', 'bornTimeMs'] as const)
    if (source[name] !== copy[name])
      return `the ${name} ${JSON.stringify(source[name]).slice(0, 40)}, got ${JSON.stringify(copy[name]).slice(0, 40)}`;
  const { [ORIGIN]: _, [ATTEMPT]: attempt, ...rest } = copy.properties;
  if (!/^[1-9]\d*$/.test(attempt ?? '')) return `a decimal ${ATTEMPT}, got ${JSON.stringify(attempt)}`;
  const { [ORIGIN]: __, [ATTEMPT]: ___, ...own } = source.properties;
  const texts = (of: Readonly<Record<string, string>>): string => JSON.stringify(Object.entries(of).toSorted());
  return texts(own) === texts(rest) ? undefined : `the properties ${texts(own)}, got ${texts(rest)}`;
}

const tellsWhatItPasses: Clause = {
  id: 'QNT-OFS-025',
  roles: ['consumer'],
  needs: ['dead-letter', 'policy', 'events'],
  check(view, judge) {
    const facts = factsOf(view);
    for (const { exchange, run, origin, topic } of copiesOf(view)) {
      const { response } = exchange;
      if (response === undefined || response.isError || origin === '' || !tellsEvents(view)) continue;
      const told = view
        .told('dead-letter')
        .find(
          ({ args, client, index }) =>
            client === run.name &&
            index > exchange.request.index &&
            isObject(args) &&
            isOf(args, origin) &&
            textOf(args, 'topic') === topic,
        );
      const dueMs = response.atMs + SOON_MS + view.slackMs;
      if (told !== undefined) judge.pass(told.index);
      else if (facts.end.ms > dueMs && run.gone.ms > dueMs)
        judge.fail(
          response,
          `expected the application to be told that ${origin} went to ${topic}, got no event "dead-letter" with them`,
        );
    }
  },
};

/** Whether an event tells of a message; one event may tell of several. */
function isOf(args: JsonObject, origin: string): boolean {
  const queue = isObject(args.queue) ? args.queue : {};
  const key = keyOf(textOf(queue, 'topic'), textOf(queue, 'broker'), numberOf(queue, 'queue', 0));
  const from = numberOf(args, 'offset', -1);
  const [, of, offset] = FROM_TEXT.exec(origin) ?? [];
  return of === key && Number(offset) >= from && Number(offset) < from + numberOf(args, 'count', 1);
}

const waitsForCopies: Clause = {
  id: 'QNT-OFS-026',
  roles: ['consumer'],
  needs: ['dead-letter', 'policy'],
  check(view, judge) {
    const facts = factsOf(view);
    for (const { exchange, request, run, origin } of copiesOf(view)) {
      const [, key] = FROM_TEXT.exec(origin) ?? [];
      const answeredAt = exchange.response?.index ?? facts.end.index;
      const given = memberRequests(view).find(
        ({ name, header, request: frame, connection }) =>
          frame.index > request.index &&
          frame.index < answeredAt &&
          frame.atMs < request.atMs + RELEASE_MS &&
          (name === 'RELEASE' || name === 'LEAVE') &&
          runOfMember(view).get(header.member) === run &&
          spansFor(facts, run, key ?? '').some(({ node }) => node === connection.node) &&
          header.offsets.some((one: { topic: string; queue: number }) => keyOf(one.topic, connection.node, one.queue) === key),
      );
      if (given !== undefined)
        judge.fail(given.request, `expected ${key} to be kept while the copy of ${origin} is on its way, got ${given.name}`);
      else if (run.closing.index < answeredAt || wasToRelease(facts, run, key ?? '', request, answeredAt)) judge.pass(request);
    }
  },
};

const wasToRelease = (facts: Facts, run: ClientRun, key: string, { index }: FrameSeen, until: number): boolean =>
  spansFor(facts, run, key).some(
    ({ releasing }) => releasing !== undefined && releasing.index > index && releasing.index < until,
  );

export const DEAD_LETTER_CLAUSES: readonly Clause[] = [goesOnTrying, copiesAreWhole, tellsWhatItPasses, waitsForCopies];
