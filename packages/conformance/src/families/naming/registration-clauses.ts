import { LIMITS, nameError } from '@qanat/core';
import { type Clause, type Judge, judgeThat } from '../../clause/clause.ts';
import type { Exchange, View } from '../../history/view.ts';
import { hexOf } from '../../json.ts';
import { type BrokerLine, isKnown, isUnclear, type Stay } from './broker-line.ts';
import { type BrokerOperation, isToTheMatter } from './operations.ts';
import { modelOf } from './route-model.ts';
import { tableClause } from './table-clause.ts';

/** What a registration has to be answered, by the requirement that says so. */
interface Demand {
  readonly id: string;
  readonly code: string;
  readonly because: string;
  /** Not only one of several things that can hold. */
  readonly certain: boolean;
  readonly field: string;
}

function demandsOfText({ header }: Exchange): readonly Demand[] {
  const demands: Demand[] = [];
  const say = (code: string, because: string, field: string): void => {
    demands.push({ id: 'QNT-REG-017', code, because, certain: true, field });
  };
  if (header.broker === '') say('INVALID_ARGUMENT', 'it has no broker name', 'broker');
  else if (nameError(header.broker) !== undefined)
    say('INVALID_NAME', `its broker name is ${JSON.stringify(header.broker)}`, 'broker');
  if (header.cluster !== '' && nameError(header.cluster) !== undefined)
    say('INVALID_NAME', `its cluster is ${JSON.stringify(header.cluster)}`, 'cluster');
  if (header.storeId.length === 0) say('INVALID_ARGUMENT', 'it has no store id', 'store_id');
  for (const { topic, queues } of header.topics) {
    if (topic !== '' && nameError(topic) !== undefined) say('INVALID_NAME', `a topic is ${JSON.stringify(topic)}`, 'topics');
    if (queues < 1 || queues > LIMITS.QUEUES_PER_TOPIC_MAX)
      say('INVALID_ARGUMENT', `topic ${topic} has ${queues} queues`, 'topics');
  }
  const topics = new Set(header.topics.map(({ topic }: { topic: string }) => topic)).size;
  if (topics > LIMITS.TOPICS_PER_BROKER_MAX)
    demands.push({
      id: 'QNT-REG-018',
      code: 'LIMIT_EXCEEDED',
      because: `it has ${topics} topics`,
      certain: true,
      field: 'topics',
    });
  return demands;
}

function demandsOfTable({ header }: Exchange, stays: readonly Stay[]): readonly Demand[] {
  const storeId = hexOf(header.storeId);
  const taken = (stay: Stay): boolean => stay.phase === 'live' && stay.registration?.storeId !== storeId;
  const fenced = ({ registration }: Stay): boolean =>
    registration !== undefined && registration.storeId === storeId && registration.term > header.term;
  const demands: Demand[] = [];
  const say = (id: string, code: string, field: string, holds: (stay: Stay) => boolean, because: string): void => {
    if (stays.some(holds)) demands.push({ id, code, because, certain: stays.every(holds), field });
  };
  say('QNT-REG-014', 'NAME_IN_USE', 'store_id', taken, `broker ${header.broker} is live with another store`);
  say('QNT-REG-016', 'TERM_FENCED', 'term', fenced, `broker ${header.broker} is known with a higher term than ${header.term}`);
  return demands;
}

/** Beyond BROKERS_MAX, where the program has set it. */
function demandsOfCrowd(view: View, operation: BrokerOperation, stays: readonly Stay[]): readonly Demand[] {
  const { settings, lines } = modelOf(view);
  if (settings.brokersMax === undefined || stays.some(({ phase }) => phase !== 'unknown')) return [];
  const { from, to } = operation.window;
  const known = [...lines.values()].filter((line) => {
    const others = line.possible(from, to);
    return line.name !== operation.broker && !isUnclear(others) && others.every(isKnown);
  });
  if (known.length < settings.brokersMax) return [];
  const because = `${known.length} brokers are known, and BROKERS_MAX is ${settings.brokersMax}`;
  return [{ id: 'QNT-REG-018', code: 'LIMIT_EXCEEDED', because, certain: true, field: 'broker' }];
}

/** Puts each answered registration to those demands that are `of` one requirement. */
function judgeRegistrations(view: View, judge: Judge, id: string): void {
  for (const [line, operation, stays] of operations(view, 'register')) {
    const { exchange } = operation;
    if (exchange.requests.some(({ wrong }) => wrong !== undefined)) continue;
    const demands = [...demandsOfText(exchange), ...demandsOfTable(exchange, stays), ...demandsOfCrowd(view, operation, stays)];
    judgeAnswer(judge, id, exchange, demands);
    if (id === 'QNT-REG-015') judgeTakingPlace(judge, line, operation, stays, demands);
  }
}

function judgeAnswer(judge: Judge, id: string, exchange: Exchange, demands: readonly Demand[]): void {
  const own = demands.find((demand) => demand.id === id && demand.certain);
  const { response, code } = exchange;
  if (own === undefined || response === undefined) return;
  if (code === own.code) return judge.pass(response);
  // Where several things are wrong the first that is found decides.
  if (!isToTheMatter(exchange) || demands.some((demand) => demand.code === code)) return;
  judge.fail(
    response,
    `a registration has to be answered ${own.code}, for ${own.because}; it was answered ${code ?? 'without an error'}`,
    code === undefined ? own.field : 'code',
  );
}

/** Another store takes the place of an away broker. */
function judgeTakingPlace(
  judge: Judge,
  line: BrokerLine,
  { exchange }: BrokerOperation,
  stays: readonly Stay[],
  demands: readonly Demand[],
): void {
  const storeId = hexOf(exchange.header.storeId);
  const { response, code } = exchange;
  if (response === undefined || demands.length > 0) return;
  if (!stays.every(({ phase, registration }) => phase === 'away' && registration?.storeId !== storeId)) return;
  if (!isToTheMatter(exchange)) return;
  judgeThat(
    judge,
    response,
    code === undefined,
    () => `another store has to take the place of the away broker ${line.name}, and was answered ${code}`,
    'code',
  );
}

/** Refused as if somebody else were there, or a later life of it. */
function judgeRefusals(view: View, judge: Judge): void {
  for (const [line, { exchange }, stays] of operations(view, 'register')) {
    const { response, code } = exchange;
    if (response === undefined || (code !== 'NAME_IN_USE' && code !== 'TERM_FENCED')) continue;
    if (demandsOfTable(exchange, stays).some((demand) => demand.code === code)) continue;
    // That it takes the place of an away one is a requirement of its own.
    if (code === 'NAME_IN_USE' && stays.some(({ phase }) => phase === 'away')) continue;
    judge.fail(response, `the registration of ${line.name} has to be taken, and was answered ${code}`, 'code');
  }
}

/** Operations of which it is known what the table can have held. */
function operations(
  view: View,
  kind: BrokerOperation['kind'],
): readonly (readonly [BrokerLine, BrokerOperation, readonly Stay[]])[] {
  return [...modelOf(view).lines.values()].flatMap((line) =>
    [...line.before]
      .filter(([operation]) => operation.kind === kind)
      .map(([operation, stays]) => [line, operation, stays] as const),
  );
}

const answers = (id: string): Clause => tableClause(id, (view, judge) => judgeRegistrations(view, judge, id));

const heartbeatAnswer = tableClause('QNT-REG-019', (view, judge) => {
  for (const [line, { exchange }, stays] of operations(view, 'heartbeat')) {
    const { header, response, answer } = exchange;
    if (response === undefined || answer === undefined) continue;
    const has = ({ registration }: Stay): boolean =>
      registration !== undefined &&
      registration.storeId === hexOf(header.storeId) &&
      registration.term === header.term &&
      registration.revision === header.revision;
    const known = stays.filter(has).length;
    if (known > 0 && known < stays.length) continue;
    const register = known === 0;
    const what = register ? 'is not the one that it has' : 'is the one that it has';
    judgeThat(
      judge,
      response,
      answer.register === register,
      () =>
        `a heartbeat whose registration ${what} (broker ${line.name}, term ${header.term}, revision ${header.revision}) has to be answered with register ${register}, and was with ${answer.register}`,
      'register',
    );
  }
});

const unregisterUnknown = tableClause('QNT-REG-022', (view, judge) => {
  for (const [line, { exchange }, stays] of operations(view, 'unregister')) {
    const { response, code } = exchange;
    if (response === undefined || stays.some(({ phase }) => phase !== 'unknown')) continue;
    if (!isToTheMatter(exchange)) continue;
    judgeThat(
      judge,
      response,
      code === undefined,
      () =>
        `UNREGISTER_BROKER of the unknown broker ${line.name} has to be answered like that of a known one, and was answered ${code}`,
      'code',
    );
  }
});

const unregisterForeign = tableClause('QNT-REG-021', (view, judge) => {
  for (const [line, { exchange }, stays] of operations(view, 'unregister')) {
    const { response, code, header } = exchange;
    const storeId = hexOf(header.storeId);
    if (
      response === undefined ||
      stays.some(({ registration }) => registration === undefined || registration.storeId === storeId)
    )
      continue;
    if (code !== undefined && isToTheMatter(exchange))
      judge.fail(
        response,
        `UNREGISTER_BROKER of ${line.name} with another store id has to be answered, and was answered ${code}`,
        'code',
      );
  }
});

export const REGISTRATION_CLAUSES: readonly Clause[] = [
  tableClause('QNT-REG-013'),
  answers('QNT-REG-014'),
  answers('QNT-REG-015'),
  answers('QNT-REG-016'),
  answers('QNT-REG-017'),
  answers('QNT-REG-018'),
  heartbeatAnswer,
  tableClause('QNT-REG-020'),
  unregisterForeign,
  unregisterUnknown,
  tableClause('QNT-REG-023', judgeRefusals),
];
