import type { Clause, Judge } from '../../clause/clause.ts';
import { type Facts, served } from '../clients/facts.ts';
import { queueOfKey, type Route, routesBetween } from './routes.ts';
import { type Attempt, type Batch, type Call, placeOf, type Sends, sendsOf, standing } from './sends.ts';

const clause = (id: string, look: (sends: Sends, judge: Judge) => void): Clause => ({
  id,
  roles: ['producer'],
  check: (view, judge) => look(sendsOf(view), judge),
});

/** Whether a caller may have named the queue of an attempt. */
const mayBePinned = ({ calls }: Sends, { batch, topic }: Attempt): boolean =>
  (batch?.calls ?? calls.filter((call) => call.topic === topic)).some(({ queue }) => queue !== undefined);

/** Routes that the producer may have chosen the queue of an attempt by. */
function routesFor({ facts }: Sends, { batch, client, topic, request }: Attempt): readonly Route[] {
  const fromMs = batch === undefined ? 0 : Math.min(...batch.calls.map(({ at }) => at.ms));
  const known = routesBetween(facts, client, topic, fromMs, request.index);
  return batch === undefined ? [...known, ...routesBetween(facts, client, topic, 0, request.index)] : known;
}

const isFirst = (attempt: Attempt): boolean => attempt.batch?.attempts[0] === attempt;

/** The queues where a record with a key may be, by any of the routes. */
const placesOf = (routes: readonly Route[], key: string): ReadonlySet<string> =>
  new Set(
    routes.flatMap(({ queues }) => {
      const place = queueOfKey(key, queues);
      return place === undefined ? [] : [`${place.broker}/${place.queue}`];
    }),
  );

/** Keys of a batch, each with the places where it belongs. */
function* keysOf(sends: Sends, attempt: Attempt): Generator<{ readonly key: string; readonly places: ReadonlySet<string> }> {
  const keys = new Set(attempt.sent.records.map(({ key }) => key));
  keys.delete('');
  if (keys.size === 0 || mayBePinned(sends, attempt)) return;
  const routes = routesFor(sends, attempt);
  if (routes.length === 0) return;
  for (const key of keys) yield { key, places: placesOf(routes, key) };
}

const rendezvous = clause('QNT-SND-024', (sends, judge) => {
  for (const attempt of sends.attempts)
    for (const { key, places } of keysOf(sends, attempt)) {
      const got = placeOf(attempt);
      if (places.has(got)) judge.pass(attempt.request);
      else
        judge.fail(
          attempt.request,
          `expected the message with the key ${JSON.stringify(key)} at ${[...places].join(' or ')}, got it at ${got}`,
          'queue',
        );
    }
});

const brokerOf = (place: string): string => place.slice(0, place.lastIndexOf('/'));

/** Whether a broker was away, or did not serve, some time before a place. */
const wasAbsent = ({ facts }: Sends, routes: readonly Route[], broker: string, fromMs: number, toMs: number): boolean =>
  !served(facts, broker, fromMs, toMs) || routes.some(({ away }) => away.has(broker));

const staysWithItsBroker = clause('QNT-SND-025', (sends, judge) => {
  // A key that was at its place while its broker served: what goes elsewhere then, goes because the broker is away.
  const settled = new Set<string>();
  for (const attempt of sends.attempts) {
    if (attempt.batch === undefined) continue;
    const fromMs = Math.min(...attempt.batch.calls.map(({ at }) => at.ms));
    const routes = routesFor(sends, attempt);
    for (const { key, places } of keysOf(sends, attempt)) {
      const brokers = [...places].map(brokerOf);
      const absent = brokers.every((broker) => wasAbsent(sends, routes, broker, fromMs, attempt.request.atMs));
      const got = placeOf(attempt);
      if (places.has(got)) settled.add(`${attempt.topic} ${key}`);
      if (!absent) continue;
      if (places.has(got)) judge.pass(attempt.request);
      else if (!brokers.includes(attempt.node) && settled.has(`${attempt.topic} ${key}`))
        judge.fail(
          attempt.request,
          `expected the message with the key ${JSON.stringify(key)} to wait for ${brokers.join(' or ')}, got it at ${got}`,
          'queue',
        );
    }
  }
  for (const call of sends.calls) judgeWaiting(sends, judge, call);
});

/** A call whose broker is away to its end is sent nowhere. */
function judgeWaiting({ facts }: Sends, judge: Judge, { at, topic, messages, client, end, batches, queue }: Call): void {
  const key = messages[0]?.key ?? '';
  if (key === '' || messages.length > 1 || queue !== undefined || end?.error === undefined || batches.length > 0) return;
  const places = placesOf(routesBetween(facts, client, topic, at.ms, end.index), key);
  if (places.size !== 1) return;
  const broker = brokerOf([...places][0] as string);
  const absent = facts.outages.some(({ node, from, to }) => node === broker && from.ms <= at.ms && to.ms >= end.ms);
  if (absent) judge.pass(end.index);
}

/** So many batches without keys in one row go to more than one queue. */
const ROW = 8;

/** New batches without keys, and nothing that went wrong in between, of one client and topic. */
function rowsOf(sends: Sends): readonly (readonly Attempt[])[] {
  const rows = new Map<string, Attempt[]>();
  for (const attempt of sends.attempts) {
    const { batch, client, topic, request } = attempt;
    if (client === undefined || batch === undefined || mayBePinned(sends, attempt)) continue;
    if (attempt.sent.records.some(({ key }) => key !== '')) continue;
    const row = rows.get(`${client.start.index} ${topic}`) ?? [];
    rows.set(`${client.start.index} ${topic}`, row);
    if (!isFirst(attempt) || standing(attempt, sends.facts.end.index) !== 'stored') row.length = 0;
    else if (sends.facts.outages.every(({ from }) => from.index > request.index)) row.push(attempt);
  }
  return [...rows.values()];
}

const goesOn = clause('QNT-SND-026', (sends, judge) => {
  for (const row of rowsOf(sends))
    for (let i = 0; i + ROW <= row.length; i += ROW) {
      const some = row.slice(i, i + ROW);
      const last = some.at(-1) as Attempt;
      const first = some[0] as Attempt;
      const routes = routesBetween(sends.facts, last.client, last.topic, first.request.atMs, last.request.index);
      if (routes.length === 0 || routes.some((route) => nearQueues(route) < 2)) continue;
      if (new Set(some.map(placeOf)).size > 1) judge.pass(last.request);
      else
        judge.fail(
          last.request,
          `expected ${ROW} batches without keys at more than one queue, got all at ${placeOf(last)}`,
          'queue',
        );
    }
});

const nearQueues = ({ queues, away }: Route): number => queues.filter(({ broker }) => !away.has(broker)).length;

/** So many messages without keys that went where their caller said show that this is meant. */
const HEEDED = 3;

const pinned = clause('QNT-SND-027', (sends, judge) => {
  const heeded = new Map<Call['client'], number>();
  for (const { queue, batches, client, messages } of sends.calls)
    for (const attempt of batches.flatMap(({ attempts }) => attempts)) {
      if (queue === undefined) continue;
      const named = `${queue.broker}/${queue.queue}`;
      const count = heeded.get(client) ?? 0;
      if (placeOf(attempt) === named) {
        judge.pass(attempt.request);
        if (messages.every(({ key }) => key === '')) heeded.set(client, count + 1);
      } else if (count >= HEEDED)
        judge.fail(
          attempt.request,
          `expected the message at ${named}, the queue that its caller named, got it at ${placeOf(attempt)}`,
          'queue',
        );
    }
});

const moves = clause('QNT-SND-034', (sends, judge) => {
  for (const batch of sends.batches)
    batch.attempts.forEach((attempt, i) => {
      const elsewhere = batch.attempts.slice(0, i).filter((one) => placeOf(one) !== placeOf(attempt));
      if (elsewhere.length > 0) judgeMove(sends.facts, judge, attempt, elsewhere, batch);
    });
});

function judgeMove(facts: Facts, judge: Judge, attempt: Attempt, earlier: readonly Attempt[], { attempts }: Batch): void {
  const { request, sent, topic } = attempt;
  const key = sent.records.find((record) => record.key !== '')?.key;
  const open = earlier.find((one) => ['stored', 'unknown'].includes(standing(one, request.index)));
  const where = `${topic} at ${placeOf(attempt)}`;
  if (open !== undefined && isStillOpen(open, attempts, request.index)) {
    const how = standing(open, request.index) === 'stored' ? 'is stored' : 'may be stored';
    judge.fail(request, `expected no batch for ${where} that ${how} at ${placeOf(open)}, got it`, 'queue');
  } else if (open === undefined && key === undefined) judge.pass(request);
  else if (key !== undefined && sameRoute(facts, attempt, earlier))
    judge.fail(
      request,
      `expected the batch with the key ${JSON.stringify(key)} to stay, got it moved to ${placeOf(attempt)}`,
      'queue',
    );
}

/** A later gap says that nothing is stored. */
const isStillOpen = (open: Attempt, attempts: readonly Attempt[], index: number): boolean =>
  !attempts.some(
    (one) => one.request.index > open.request.index && standing(one, index) === 'gap' && placeOf(one) === placeOf(open),
  );

/** Whether the queues of the topic were the same all the time: then keys have no reason to move. */
function sameRoute(facts: Facts, { client, topic, request }: Attempt, earlier: readonly Attempt[]): boolean {
  const routes = routesBetween(facts, client, topic, earlier[0]?.request.atMs ?? 0, request.index);
  return new Set(routes.map(({ queues }) => queues.map(({ broker, queue }) => `${broker}/${queue}`).join())).size === 1;
}

const notToAwayOnes = clause('QNT-RTE-020', (sends, judge) => {
  for (const attempt of sends.attempts) {
    if (!isFirst(attempt) || mayBePinned(sends, attempt)) continue;
    if (attempt.sent.records.some(({ key }) => key !== '')) continue;
    const routes = routesFor(sends, attempt);
    const choices = routes.map(({ queues, away }) => {
      const near = queues.filter(({ broker }) => !away.has(broker));
      return { some: away.size > 0 && near.length > 0 && near.length < queues.length, away };
    });
    if (choices.length === 0 || choices.some(({ some }) => !some)) continue;
    if (choices.some(({ away }) => !away.has(attempt.node))) judge.pass(attempt.request);
    else
      judge.fail(
        attempt.request,
        `expected messages without a key at brokers that are not away, got some at ${attempt.node}, which is away`,
        'queue',
      );
  }
});

export const PLACING_CLAUSES: readonly Clause[] = [rendezvous, staysWithItsBroker, goesOn, pinned, moves, notToAwayOnes];
