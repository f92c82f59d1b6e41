import type { Clause, Judge } from '../../clause/clause.ts';
import type { FrameSeen } from '../../history/view.ts';
import { endOfConnection } from '../clients/facts.ts';
import { ASK_MS, asksFor, mainOnes, runsUntil, someServes } from '../clients/route-circumstances.ts';
import { lossesOf } from '../producer/losses.ts';
import { type Attempt, answerBefore, type Batch, doubts, placeOf, type Sends, sendsOf } from '../producer/sends.ts';

/** The longest back-off, and some time for a new connection. */
const AGAIN_MS = 12_000;
/** Timers may fire a little early by the kit's clock. */
const EARLY_MS = 2;
const OF_MASTERS: ReadonlySet<string | undefined> = new Set(['MASTER_CHANGED', 'NOT_MASTER']);

/** When an attempt has failed for a reason that another attempt at the master mends, and which. */
interface Setback {
  readonly at: FrameSeen | undefined;
  readonly index: number;
  readonly ms: number;
  readonly why: string;
}

function setbackOf({ facts }: Sends, attempt: Attempt): Setback | undefined {
  const answer = answerBefore(attempt, facts.end.index);
  if (answer !== undefined)
    return OF_MASTERS.has(answer.code)
      ? { at: answer, index: answer.index, ms: answer.atMs, why: `was answered ${answer.code}` }
      : undefined;
  const end = endOfConnection(facts, attempt.connection);
  return end.by === 'kit'
    ? { at: undefined, index: end.index, ms: end.ms, why: 'was not answered on a connection that broke' }
    : undefined;
}

/** A key, its caller or an attempt that nobody knows the outcome of. */
const isBound = (batch: Batch, index: number): boolean =>
  doubts(batch, index + 1).length > 0 ||
  batch.calls.some(({ queue, messages }) => queue !== undefined || messages.some(({ key }) => key !== ''));

/** A gap gives a batch another number, a lost id another id. */
const isRenumbered = (sends: Sends, attempt: Attempt, from: number, to: number): boolean =>
  lossesOf(sends.facts.view).some(({ at }) => at.index > from && at.index < to) ||
  sends.attempts.some(({ exchange, sent, queue }) => {
    const index = exchange?.code === 'SEQUENCE_GAP' ? (exchange.response?.index ?? 0) : 0;
    return queue === attempt.queue && sent.producerId === attempt.sent.producerId && index > from && index < to;
  });

const numbers = ({ sent }: Attempt): string => `${sent.producerId}/${sent.epoch}/${sent.base}`;

function judgeNext(sends: Sends, judge: Judge, batch: Batch, attempt: Attempt, { index, ms, why }: Setback): void {
  const { request } = attempt;
  const next = batch.attempts.find((one) => one.request.index > index);
  if (next === undefined) return judgeEnd(judge, batch, index, ms, why);
  if (isRenumbered(sends, attempt, request.index, next.request.index)) return;
  if (placeOf(next) !== placeOf(attempt))
    judge.fail(
      next.request,
      `expected a batch that ${why} again in its queue ${placeOf(attempt)}, got it in ${placeOf(next)}`,
      'queue',
    );
  else if (numbers(next) !== numbers(attempt))
    judge.fail(next.request, `expected a batch that ${why} again as ${numbers(attempt)}, got ${numbers(next)}`, 'payload');
  else judge.pass(next.request);
}

/** It was not sent again: its call had no time for that, or ends too early. */
function judgeEnd(judge: Judge, batch: Batch, index: number, ms: number, why: string): void {
  for (const { end, dueMs = Number.POSITIVE_INFINITY } of batch.calls) {
    if (end?.error === undefined || end.index < index) continue;
    if (end.ms < dueMs - EARLY_MS || end.ms - ms > AGAIN_MS)
      judge.fail(end.index, `expected a batch that ${why} to be sent again, got the end of its call`);
  }
}

function judgeRoute({ facts }: Sends, judge: Judge, { client, topic }: Attempt, at: FrameSeen): void {
  const dueMs = at.atMs + ASK_MS + facts.view.slackMs;
  const asks = mainOnes(facts).flatMap((connection) => asksFor(connection, topic));
  const next = asks.find(({ request }) => request.index > at.index && request.atMs <= dueMs);
  if (next !== undefined) judge.pass(next.request);
  else if (client !== undefined && runsUntil(client, dueMs) && facts.end.ms > dueMs && someServes(facts, at.atMs, dueMs))
    judge.fail(at, `expected the route of ${topic} to be asked for after ${at.code}, got no ROUTE_QUERY within ${ASK_MS} ms`);
}

/** What a producer does when the master of a group is another one. */
export const resends: Clause = {
  id: 'QNT-RPL-087',
  roles: ['producer'],
  ofGroups: true,
  check(view, judge) {
    const sends = sendsOf(view);
    for (const batch of sends.batches)
      for (const attempt of batch.attempts) {
        const setback = attempt.request.isOneWay || attempt.sent.producerId === 0 ? undefined : setbackOf(sends, attempt);
        if (setback === undefined) continue;
        if (setback.at !== undefined) judgeRoute(sends, judge, attempt, setback.at);
        if (isBound(batch, setback.index)) judgeNext(sends, judge, batch, attempt, setback);
      }
  },
};
