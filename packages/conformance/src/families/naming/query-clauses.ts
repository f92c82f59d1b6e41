import { compareTexts, LIMITS, nameError } from '@qanat/core';
import { type Clause, type Judge, judgeThat } from '../../clause/clause.ts';
import type { Exchange, View } from '../../history/view.ts';
import { codeName } from '../../history/view.ts';
import { isUnclear } from './broker-line.ts';
import { isUpdate, type Observation, observationsOf, queriesOf, type RouteSeen } from './observations.ts';
import { isToTheMatter } from './operations.ts';
import { modelOf } from './route-model.ts';
import { tableClause } from './table-clause.ts';

/** Answers with what was asked. */
const answersTo = (view: View): readonly (Observation & { readonly query: Exchange })[] =>
  observationsOf(view).flatMap((seen) => (seen.query === undefined ? [] : [{ ...seen, query: seen.query }]));

/** Names that a route can hold; longer ones break the limit of its field. */
const askedOf = ({ header }: Exchange): readonly string[] => [
  ...new Set<string>(header.topics.filter((topic: string) => topic.length <= LIMITS.TOPIC_NAME_BYTES_MAX)),
];

const everyTopic = tableClause('QNT-RTE-001', (view, judge) => {
  for (const { at, query, routes } of answersTo(view)) {
    if (query.header.topics.length === 0) continue;
    const missing = askedOf(query).filter((topic) => !routes.has(topic));
    judgeThat(
      judge,
      at,
      missing.length === 0,
      () =>
        `a query for ${query.header.topics.length} topics has to be answered with a route for each, and has none for ${missing[0]}`,
      'routes',
    );
  }
});

/** Brokers that routes name and the response does not. */
export function judgeNamed(view: View, judge: Judge, updates: boolean): void {
  for (const seen of observationsOf(view)) {
    if (isUpdate(seen) !== updates) continue;
    const named = new Set([...seen.routes.values()].flatMap(({ shares }) => [...shares.keys()]));
    const missing = [...named].find((broker) => !seen.brokers.has(broker));
    if (named.size === 0) continue;
    judgeThat(
      judge,
      seen.at,
      missing === undefined,
      () => `${updates ? 'an update' : 'a response'} has to list every broker that its routes name, and does not list ${missing}`,
      'brokers',
    );
  }
}

const creators = tableClause('QNT-RTE-003', (view, judge) => {
  for (const seen of observationsOf(view)) {
    for (const line of modelOf(view).lines.values()) {
      const stays = line.possible(seen.from, seen.to);
      if (isUnclear(stays) || !stays.every(({ phase, registration }) => phase === 'live' && registration?.createsTopics))
        continue;
      const what = isUpdate(seen) ? 'an update' : 'a response';
      judgeThat(
        judge,
        seen.at,
        seen.brokers.get(line.name)?.createsTopics === true,
        () => `${what} has to list the live broker ${line.name} as one that creates topics, and does not`,
        'brokers',
      );
    }
  }
});

/** When the life of the subject that answers can have begun, at the earliest and at the latest; undefined for not known. */
function startOf(view: View, index: number): { readonly earliestMs: number | undefined; readonly latestMs: number } {
  const before = view.events.slice(0, index);
  const started = before.findLastIndex((event) => event.kind === 'subject' && event.what === 'started');
  const firstMs = view.connections[0]?.openedAtMs ?? 0;
  if (started < 0) return { earliestMs: undefined, latestMs: firstMs };
  const asked = before.slice(0, started).findLast((event) => event.kind === 'call' && event.op === 'start');
  return { earliestMs: asked?.atMs, latestMs: before[started]?.atMs ?? firstMs };
}

const codesOf = ({ parts }: RouteSeen): readonly string[] => [...new Set(parts.map(({ code }) => codeName(code)))];

const notFound = tableClause('QNT-RTE-004', (view, judge) => {
  for (const seen of answersTo(view)) {
    for (const topic of askedOf(seen.query)) {
      const route = seen.routes.get(topic);
      if (route === undefined || topic === '' || nameError(topic) !== undefined) continue;
      if (route.shares.size > 0) judgeFound(judge, seen, topic, route);
      else judgeNotFound(view, judge, seen, topic, route);
    }
  }
});

function judgeFound(judge: Judge, { at }: Observation, topic: string, route: RouteSeen): void {
  const code = codesOf(route).find((one) => one !== 'OK');
  if (code !== undefined) judge.fail(at, `the route of ${topic} has shares and must bear no code, and bears ${code}`, 'code');
}

function judgeNotFound(
  view: View,
  judge: Judge,
  { at, from, to, query }: Observation & { readonly query: Exchange },
  topic: string,
  route: RouteSeen,
): void {
  const model = modelOf(view);
  const lines = [...model.lines.values()];
  // Where it may be there, whether it has to is another requirement's affair.
  const mayHave = lines.some((line) =>
    line.possible(from, to).some(({ phase, registration }) => phase === 'unclear' || registration?.topics.has(topic)),
  );
  if (mayHave || !model.usable) return;
  const codes = codesOf(route);
  const { earliestMs, latestMs } = startOf(view, query.request.index);
  const { warmupMs, warmupSet } = model.settings;
  const warm = query.request.atMs > latestMs + warmupMs + view.slackMs;
  const cold = warmupSet && earliestMs !== undefined && at.atMs < earliestMs + warmupMs;
  const allowed = warm ? ['TOPIC_NOT_FOUND'] : cold ? ['NOT_READY'] : ['TOPIC_NOT_FOUND', 'NOT_READY'];
  judgeThat(
    judge,
    at,
    codes.length === 1 && allowed.includes(codes[0] as string),
    () => `the route of ${topic}, which no broker has, has to say ${allowed.join(' or ')}, and says ${codes.join(' and ')}`,
    'code',
  );
}

const invalidNames = tableClause('QNT-RTE-005', (view, judge) => {
  for (const exchange of queriesOf(view)) {
    const { response, code, header } = exchange;
    if (response === undefined || header === undefined || header.all || !header.topics.includes('')) continue;
    if (!isToTheMatter(exchange)) continue;
    judgeThat(
      judge,
      response,
      code === 'INVALID_NAME',
      () => `a query for the empty name has to be refused with INVALID_NAME, and was answered ${code ?? 'without an error'}`,
      'code',
    );
  }
  for (const { at, query, routes } of answersTo(view)) {
    for (const topic of askedOf(query)) {
      const route = routes.get(topic);
      if (topic === '' || route === undefined || nameError(topic) === undefined) continue;
      const codes = codesOf(route);
      judgeThat(
        judge,
        at,
        codes.length === 1 && codes[0] === 'INVALID_NAME' && route.shares.size === 0,
        () => `the route of ${JSON.stringify(topic)}, which is no name, has to say INVALID_NAME, and says ${codes.join(' and ')}`,
        'code',
      );
    }
  }
});

const allTold = tableClause('QNT-RTE-006', (view, judge) => {
  for (const seen of answersTo(view)) {
    if (!seen.query.header.all) continue;
    for (const line of modelOf(view).lines.values()) {
      const stays = line.possible(seen.from, seen.to);
      if (isUnclear(stays) || stays.some(({ phase }) => phase === 'unknown')) continue;
      judgeThat(
        judge,
        seen.at,
        seen.brokers.has(line.name),
        () => `a query for all has to be answered with the known broker ${line.name}, and is not`,
        'brokers',
      );
    }
  }
});

const allAlone = tableClause('QNT-RTE-007', (view, judge) => {
  for (const exchange of queriesOf(view)) {
    const { response, code, header } = exchange;
    if (response === undefined || header?.all !== true || (!header.watch && header.topics.length === 0)) continue;
    if (header.topics.includes('') || !isToTheMatter(exchange)) continue;
    judgeThat(
      judge,
      response,
      code === 'INVALID_ARGUMENT',
      () =>
        `a query for all together with ${header.watch ? 'watch' : 'topics'} has to be refused with INVALID_ARGUMENT, and was answered ${code ?? 'without an error'}`,
      'code',
    );
  }
});

const sortedShares = tableClause('QNT-RTE-014', (view, judge) => {
  for (const { at, routes } of observationsOf(view)) {
    for (const [topic, { parts }] of routes) {
      for (const { shares } of parts) {
        if (shares.length < 2) continue;
        const wrong = shares.findIndex((share, i) => i > 0 && compareTexts(shares[i - 1]?.broker ?? '', share.broker) > 0);
        judgeThat(
          judge,
          at,
          wrong < 0,
          () =>
            `the shares of ${topic} have to be sorted by broker name, and ${shares[wrong]?.broker} stands behind ${shares[wrong - 1]?.broker}`,
          'shares',
        );
      }
    }
  }
});

export const QUERY_CLAUSES: readonly Clause[] = [
  everyTopic,
  tableClause('QNT-RTE-002', (view, judge) => judgeNamed(view, judge, false)),
  creators,
  notFound,
  invalidNames,
  allTold,
  allAlone,
  sortedShares,
];
