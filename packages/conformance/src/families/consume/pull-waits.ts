import { LIMITS } from '@qanat/core';
import { type Clause, judgeThat } from '../../clause/clause.ts';
import type { View } from '../../history/view.ts';
import { plainRequests, subjectEvents } from './acts.ts';
import { nameOf, type Pulled, pullsOf, type Say, sayOf, wasEnded } from './pulled.ts';
import { cameBy, EARLY_MS, expectCode, hasTimes } from './timing.ts';

/** What there is to say of each queue that a PULL names, for a span. */
const saysOf = (pulled: Pulled, from: number, to: number): readonly Say[] =>
  pulled.asked.map((asked) => sayOf(pulled, asked, { from, to }));

const isSomething = (say: Say): boolean => say !== undefined && say.kind !== 'nothing';

const hasNothing = (says: readonly Say[]): boolean => says.every((say) => say?.kind === 'nothing');

const listOf = ({ asked }: Pulled): string => asked.slice(0, 3).map(nameOf).join(', ');

const afterMs = ({ exchange: { request, response } }: Pulled): string =>
  response === undefined ? 'none' : `one after ${Math.round(response.atMs - request.atMs)} ms`;

const atOnce: Clause = {
  id: 'QNT-PUL-001',
  roles: ['broker'],
  check(view, judge) {
    for (const pulled of pullsOf(view)) {
      const { exchange, span, waitMs } = pulled;
      if (exchange.connection.goAways.length > 0 || !saysOf(pulled, span.from, span.to).some(isSomething)) continue;
      const came = cameBy(view, exchange, exchange.request.atMs);
      const sentence = () => `expected an answer to PULL ${listOf(pulled)} at once, got ${afterMs(pulled)}`;
      if (came === false) judge.fail(exchange.response ?? exchange.request, sentence());
      // Without a wait it would have come at once anyhow.
      else if (came === true && waitMs > view.slackMs) judge.pass(exchange.response ?? exchange.request);
    }
  },
};

const inTime: Clause = {
  id: 'QNT-PUL-002',
  roles: ['broker'],
  check(view, judge) {
    if (!hasTimes(view)) return;
    for (const pulled of pullsOf(view)) {
      const { exchange, span, waitMs } = pulled;
      if (waitMs === 0 || !hasNothing(saysOf(pulled, span.from, span.from + 1))) continue;
      const { request, response } = exchange;
      const woken = wokenAt(pulled);
      const dueMs = Math.min(request.atMs + waitMs, view.events[woken]?.atMs ?? Number.POSITIVE_INFINITY);
      const came = cameBy(view, exchange, dueMs);
      const what = woken < view.events.length ? 'when something came' : `when ${waitMs} ms were over`;
      if (came === false)
        judge.fail(response ?? request, `expected an answer to PULL ${listOf(pulled)} ${what}, got ${afterMs(pulled)}`);
      else if (response === undefined || came === undefined || exchange.code !== undefined) continue;
      else if (tellsProgress(pulled) || wasEnded(view, pulled)) continue;
      else if (!hasNothing(saysOf(pulled, span.from, span.to))) {
        if (woken < response.index || pulled.answered.length > 0) judge.pass(response);
      } else
        judgeThat(
          judge,
          response,
          response.atMs - request.atMs >= waitMs - EARLY_MS,
          () => `expected an answer to PULL ${listOf(pulled)} ${what}, got ${afterMs(pulled)}`,
        );
    }
  },
};

/** A broker that looked at much answers with its progress, however much is left of the time. */
const tellsProgress = ({ answered, waitMs, exchange: { request, response } }: Pulled): boolean =>
  (response?.atMs ?? 0) < request.atMs + waitMs - EARLY_MS &&
  answered.some(({ filter, result, offset }) => filter !== undefined && result.bytes === 0 && result.nextOffset > offset);

/** Leases that end have a rule of their own. */
const wakes = (say: Say): boolean => say?.kind === 'data' || (say?.kind === 'code' && say.code === 'TOPIC_NOT_FOUND');

/** The place from which on there is something to say of a queue of a waiting PULL; beyond the end where there never is. */
function wokenAt(pulled: Pulled): number {
  const { model, span } = pulled;
  const places = model.acts.filter(({ done, to }) => done === 'yes' && to > span.from && to < span.to).map(({ to }) => to);
  const woken = places.sort((a, b) => a - b).find((place) => saysOf(pulled, place + 1, span.to).some(wakes));
  return woken ?? Number.POSITIVE_INFINITY;
}

const emptyAnswer: Clause = {
  id: 'QNT-PUL-003',
  roles: ['broker'],
  check(view, judge) {
    for (const pulled of pullsOf(view)) {
      const { exchange, span } = pulled;
      const { response, code } = exchange;
      if (response === undefined || !hasNothing(saysOf(pulled, span.from, span.to))) continue;
      const wrong = pulled.answered.find(({ result }) => result.code !== 'OK')?.result.code ?? code;
      // Busy servers and those that stop may say so.
      if (code !== undefined && !isRefusal(response.header?.code)) continue;
      judgeThat(
        judge,
        response,
        wrong === undefined,
        () => `expected an answer without results for ${listOf(pulled)}, got ${wrong}`,
        'code',
      );
    }
  },
};

const isRefusal = (code: number | undefined): boolean => [4, 8].includes(Math.floor((code ?? 0) / 1_000));

const longWait: Clause = {
  id: 'QNT-PUL-004',
  roles: ['broker'],
  check(view, judge) {
    for (const exchange of plainRequests(view, 'PULL')) {
      const { waitMs } = exchange.header;
      if (waitMs > LIMITS.PULL_WAIT_MS_MAX) expectCode(view, judge, exchange, 'INVALID_ARGUMENT', `wait_ms ${waitMs}`);
    }
  },
};

const replaced: Clause = {
  id: 'QNT-PUL-005',
  roles: ['broker'],
  check(view, judge) {
    const pulls = pullsOf(view);
    for (const pulled of pulls) {
      const { exchange, span, waitMs, poll } = pulled;
      const next = pulls.find(
        (one) => one.exchange.connection === exchange.connection && one.poll === poll && one.span.from > span.from,
      );
      if (next === undefined || span.to < next.span.from || !isWaiting(view, pulled, next.span.from)) continue;
      const { request, response, code } = exchange;
      const sentMs = next.exchange.request.atMs;
      const came = cameBy(view, exchange, sentMs);
      const sentence = `expected PULL ${listOf(pulled)} of poll ${poll} to be ended by the next one`;
      if (came === false) judge.fail(response ?? request, `${sentence}, got ${afterMs(pulled)}`);
      else if (came === undefined || response === undefined) continue;
      else if (code !== undefined && isRefusal(response.header?.code)) judge.fail(response, `${sentence}, got ${code}`, 'code');
      else if (request.atMs + waitMs > sentMs + view.slackMs) judge.pass(response);
    }
  },
};

/** The subject has it for sure, and did not answer: something behind it on the connection was answered, or time passed. */
function isWaiting(view: View, { exchange, span }: Pulled, at: number): boolean {
  const { connection, request } = exchange;
  const isFenced = connection.exchanges.some(
    ({ request: later, response }) => later.index > span.from && (response?.index ?? at) < at,
  );
  return isFenced || (view.events[at]?.atMs ?? 0) - request.atMs > view.slackMs;
}

/** Answers for each queue of a row, so that a broker that draws lots is not red by chance. */
const TURNS = 6;

const fairness: Clause = {
  id: 'QNT-PUL-015',
  roles: ['broker'],
  check(view, judge) {
    const rows = new Map<string, Pulled[]>();
    for (const pulled of pullsOf(view)) {
      const { exchange, asked, answered, span } = pulled;
      if (asked.length < 2 || answered.length === 0 || answered.length >= asked.length) continue;
      if (saysOf(pulled, span.from, span.to).some((say) => say?.kind !== 'data')) continue;
      const names = asked.map(({ topic, queue }) => `${topic}/${queue}`).sort();
      const key = `${exchange.connection.number} ${names.join()}`;
      rows.set(key, [...(rows.get(key) ?? []), pulled]);
    }
    for (const row of rows.values()) {
      const queues = row[0]?.asked.length ?? 0;
      if (row.length < queues * TURNS) continue;
      const first = new Set(row.map(({ answered }) => `${answered[0]?.topic}/${answered[0]?.queue}`));
      const at = row.at(-1)?.exchange.response ?? 0;
      judgeThat(
        judge,
        at,
        first.size > 1,
        () => `expected ${row.length} answers to begin with other queues in turn, all begin with ${[...first][0]}`,
      );
    }
  },
};

const tooManyPolls: Clause = {
  id: 'QNT-PUL-016',
  roles: ['broker'],
  check(view, judge) {
    for (const { connection, pulls } of byConnection(view)) {
      for (const { exchange, span, poll, waitMs } of pulls) {
        // Fewer are refused by limits of the same kind.
        if (pulls.length <= LIMITS.POLLS_PER_CONNECTION_MAX) break;
        const waiting = pulls.filter((one) => one.span.from < span.from && one.span.to >= span.to && one.poll !== poll);
        const isFull = waiting.length >= LIMITS.POLLS_PER_CONNECTION_MAX;
        const { request, response, code } = exchange;
        if (!isFull || waitMs === 0 || connection.goAways.length > 0) continue;
        const sentence = `expected TOO_MANY_REQUESTS beside ${waiting.length} PULLs that wait`;
        if (response !== undefined)
          judgeThat(judge, response, code === 'TOO_MANY_REQUESTS', () => `${sentence}, got ${code}`, 'code');
        else if (cameBy(view, exchange, request.atMs) === false) judge.fail(request, `${sentence}, got no answer`);
      }
    }
  },
};

function byConnection(view: View): readonly { connection: Pulled['exchange']['connection']; pulls: readonly Pulled[] }[] {
  const pulls = pullsOf(view);
  const connections = new Set(pulls.map(({ exchange }) => exchange.connection));
  return [...connections].map((connection) => ({
    connection,
    pulls: pulls.filter((one) => one.exchange.connection === connection),
  }));
}

const stopping: Clause = {
  id: 'QNT-PUL-017',
  roles: ['broker'],
  check(view, judge) {
    if (!hasTimes(view)) return;
    for (const stop of subjectEvents(view).filter(({ what }) => what === 'stopping')) {
      for (const pulled of pullsOf(view)) {
        const { exchange, span, waitMs } = pulled;
        const { connection, request, response } = exchange;
        if (span.from > stop.index || span.to < stop.index || !isWaiting(view, pulled, stop.index)) continue;
        const goAway = connection.goAways.find(({ from, index }) => from === 'subject' && index > stop.index);
        const sentence = `expected the waiting PULL ${listOf(pulled)} to be answered when the broker stops`;
        if (response === undefined) {
          if (connection.closed?.by === 'subject' && connection.broken === undefined)
            judge.fail(request, `${sentence}, got the end of the connection`);
        } else if (goAway !== undefined && response.atMs > goAway.atMs + view.slackMs)
          judge.fail(response, `${sentence}, got one ${Math.round(response.atMs - goAway.atMs)} ms behind GOAWAY`);
        else if (response.atMs < request.atMs + waitMs - view.slackMs) judge.pass(response);
      }
    }
  },
};

/** How long PULL waits. */
export const PULL_WAITS: readonly Clause[] = [atOnce, inTime, emptyAnswer, longWait, replaced, fairness, tooManyPolls, stopping];
