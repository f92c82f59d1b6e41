import { errorClass } from '@qanat/core';
import type { Clause, Judge } from '../../clause/clause.ts';
import { isObject, type Json } from '../../json.ts';
import { endOfConnection, type Facts } from '../clients/facts.ts';
import { lossesOf } from './losses.ts';
import {
  type Attempt,
  type Batch,
  type Call,
  deniesBatch,
  doubts,
  hadAnswer,
  placeOf,
  type Sends,
  sendsOf,
  standing,
  wasStopped,
  wholeBatch,
} from './sends.ts';
import type { SentBatch } from './sent-batch.ts';

const clause = (id: string, look: (sends: Sends, judge: Judge) => void): Clause => ({
  id,
  roles: ['producer'],
  check: (view, judge) => look(sendsOf(view), judge),
});

const textOfBatch = ({ records }: SentBatch): string =>
  JSON.stringify(records.map(({ body, key, tag, properties }) => [body, key, tag, Object.entries(properties)]));

const isNumberedAlike = (a: SentBatch, b: SentBatch): boolean =>
  a.base === b.base && a.producerId === b.producerId && a.epoch === b.epoch;

const keepsBatches = clause('QNT-SND-028', (sends, judge) => {
  const first = new Map<string, Attempt>();
  for (const attempt of sends.attempts) {
    const earlier = attempt.names
      .map((name) => (name === undefined ? undefined : first.get(name)))
      .find((one) => one !== undefined);
    for (const name of attempt.names) if (name !== undefined && !first.has(name)) first.set(name, attempt);
    if (earlier === undefined) continue;
    judgeSame(judge, earlier, attempt);
  }
});

function judgeSame(judge: Judge, earlier: Attempt, { request, sent }: Attempt): void {
  const was = earlier.sent;
  if (textOfBatch(was) !== textOfBatch(sent))
    judge.fail(
      request,
      `expected the ${was.records.length} records of the batch as they were sent before, in their order, got ${sent.records.length} that differ`,
      'payload',
    );
  else if (isNumberedAlike(was, sent) && was.bytes.some((byte, i) => byte !== sent.bytes[i]))
    judge.fail(request, `expected the batch with base sequence ${sent.base} byte for byte as before, got other bytes`, 'payload');
  else judge.pass(request);
}

const lineOf = ({ node, topic, queue, sent }: Attempt): string => `${node} ${sent.producerId} ${sent.epoch} ${topic} ${queue}`;
const endOf = ({ base, count }: SentBatch): number => (base + count) >>> 0;
const isBefore = (a: number, b: number): boolean => ((a - b) | 0) < 0;

const renumbers = clause('QNT-SND-033', (sends, judge) => {
  for (const attempt of sends.attempts) {
    const { batch, exchange } = attempt;
    const response = exchange?.response;
    if (batch === undefined || response?.code !== 'SEQUENCE_GAP' || !deniesBatch(attempt)) continue;
    const sinceMs = response.atMs + sends.facts.view.slackMs;
    const next = batch.attempts.find((one) => one.request.index > response.index);
    if (next === undefined || lineOf(next) !== lineOf(attempt) || hasCompany(sends, attempt, next)) continue;
    const expected = response.header?.expectedSequence ?? 0;
    if (next.sent.base === expected) judge.pass(next.request);
    else if (next.request.atMs > sinceMs)
      judge.fail(
        next.request,
        `expected the batch with the number ${expected} that SEQUENCE_GAP told, got it with ${next.sent.base}`,
        'payload',
      );
  }
  for (const line of linesOf(sends).values()) judgeOrder(judge, line);
});

/** Whether batches before it in its queue may still want numbers: then theirs come first. */
function hasCompany(sends: Sends, attempt: Attempt, next: Attempt): boolean {
  const end = next.request.index;
  return sends.attempts.some((one) => {
    if (lineOf(one) !== lineOf(attempt) || one.request.index >= end || one.batch === attempt.batch) return false;
    if (!isBefore(one.sent.base, attempt.sent.base)) return false;
    if (one.batch === undefined) return true;
    const isOpen = one.batch.calls.some((call) => (call.end?.index ?? end) >= attempt.request.index);
    return isOpen && standing(one, attempt.request.index) !== 'stored';
  });
}

/** A refused batch without keys may go to any queue (QNT-SND-034), and be the last one of its own. */
const mayLeaveItsPlace = ({ exchange, sent }: Attempt): boolean =>
  exchange?.code !== undefined && exchange.code !== 'SEQUENCE_GAP' && sent.records.every(({ key }) => key === '');

/** Batches that got new numbers together keep their order. */
function judgeOrder(judge: Judge, line: readonly Attempt[]): void {
  const renumbered = line.flatMap((attempt, i) => {
    const before = line.slice(0, i).findLast((one) => one.batch !== undefined && one.batch === attempt.batch);
    const isSame = before === undefined || before.sent.base === attempt.sent.base;
    return isSame || mayLeaveItsPlace(before) ? [] : [{ attempt, before }];
  });
  renumbered.forEach(({ attempt, before }, i) => {
    const previous = renumbered[i - 1];
    if (previous === undefined || previous.before.batch === before.batch) return;
    // Only what was numbered anew in one go: neither was sent between the two times of the other.
    if (previous.attempt.request.index < before.request.index || before.request.index > previous.attempt.request.index) return;
    const wasBefore = isBefore(previous.before.sent.base, before.sent.base);
    if (wasBefore === isBefore(previous.attempt.sent.base, attempt.sent.base)) judge.pass(attempt.request);
    else
      judge.fail(
        attempt.request,
        `expected batches that are numbered anew to keep their order, got ${attempt.sent.base} (before: ${before.sent.base}) and ${previous.attempt.sent.base} (before: ${previous.before.sent.base})`,
        'payload',
      );
  });
}

function linesOf({ attempts }: Sends): ReadonlyMap<string, readonly Attempt[]> {
  const lines = new Map<string, Attempt[]>();
  for (const attempt of attempts) {
    if (attempt.sent.producerId === 0) continue;
    const line = lines.get(lineOf(attempt)) ?? [];
    lines.set(lineOf(attempt), line);
    line.push(attempt);
  }
  return lines;
}

/** A connection of the same server ended before: batches may have been lost on their way, numbers with them. */
const wasCut = (facts: Facts, { node, request, connection }: Attempt): boolean =>
  facts.connections.some((one) => one.node === node && one !== connection && endOfConnection(facts, one).index < request.index);

/** Numbers count records, from 0. */
function judgeNumbers(facts: Facts, judge: Judge, line: readonly Attempt[]): void {
  const may = new Set<number>([0]);
  const known = new Set<number>();
  for (const attempt of line) {
    const { sent, request } = attempt;
    if (known.has(sent.base) || may.has(sent.base)) judge.pass(request);
    else if (!wasCut(facts, attempt))
      judge.fail(
        request,
        `expected base sequence ${[...may].at(-1)} for the next batch of queue ${attempt.queue}, got ${sent.base}`,
        'payload',
      );
    known.add(sent.base);
    may.add(endOf(sent));
    const answer = attempt.exchange?.response;
    if (answer?.code === 'SEQUENCE_GAP') {
      // Those behind it follow from there, each behind the other.
      let next = (answer.header?.expectedSequence ?? 0) >>> 0;
      may.add(next);
      for (const one of line) {
        next = (next + one.sent.count) >>> 0;
        may.add(next);
      }
    }
  }
}

/** The table of a batch: what its answers make of it, as far as its caller can see. */
const table = clause('QNT-SND-036', (sends, judge) => {
  for (const line of linesOf(sends).values()) judgeNumbers(sends.facts, judge, line);
  for (const call of sends.calls) {
    const batch = wholeBatch(sends, call);
    if (batch === undefined || batch.attempts.some(({ request }) => request.isOneWay)) continue;
    judgeAcknowledged(sends.facts, judge, call, batch);
    judgeRefused(sends.facts, judge, call, batch);
  }
});

function judgeAcknowledged(facts: Facts, judge: Judge, call: Call, { attempts }: Batch): void {
  const { end } = call;
  if (end === undefined) return;
  const stored = attempts.filter((one) => standing(one, end.index) === 'stored');
  if (end.ok !== undefined) {
    if (stored.length === 0) judge.fail(end.index, 'expected OK only after the batch was acknowledged, got it without');
    else if (stored.some((one) => tellsPlace(one, end.ok as Json, call))) judge.pass(end.index);
    else
      judge.fail(
        end.index,
        `expected the caller to be told ${placeOf(stored[0] as Attempt)}, offset ${stored[0]?.exchange?.answer?.baseOffset}, got ${JSON.stringify(end.ok)}`,
      );
    return;
  }
  const known = stored.find((one) => hadAnswer(facts, one, end.ms));
  if (known !== undefined && !wasStopped(call, end.index))
    judge.fail(
      end.index,
      `expected OK, as the batch was acknowledged by ${placeOf(known)}, got "${end.error?.kind}" (${end.error?.code ?? ''})`,
    );
}

/** Whether the first receipt of a call names the place of its first message. */
function tellsPlace({ node, queue, names, exchange, sent }: Attempt, ok: Json, { messages }: Call): boolean {
  const first = Array.isArray(ok) ? ok[0] : undefined;
  if (!isObject(first) || names.length === 0) return false;
  if (first.broker !== node || first.queue !== queue) return false;
  const offset = exchange?.answer?.baseOffset;
  if (typeof first.offset !== 'number' || typeof offset !== 'number' || offset === Number.MAX_SAFE_INTEGER) return true;
  const at = sent.records.findIndex(({ body }) => body === messages[0]?.body);
  return first.offset === offset + at;
}

/** A connection of the same server ended while a batch was on its way: an attempt that nobody saw may have gone with it. */
const wasCutUnder = (facts: Facts, { calls }: Batch, node: string, untilMs: number): boolean => {
  const sinceMs = Math.min(...calls.map(({ at }) => at.ms)) - facts.view.slackMs;
  return facts.connections.some((one) => {
    const { ms, by } = endOfConnection(facts, one);
    return one.node === node && by !== 'open' && ms >= sinceMs && ms <= untilMs;
  });
};

/** Timers may fire a little early by the kit's clock. */
const EARLY_MS = 2;
const LATER = new Set([3, 5]);
const FINAL = new Set([4, 7]);
const OF_PRODUCERS = new Set(['SEQUENCE_GAP', 'SEQUENCE_CONFLICT', 'UNKNOWN_PRODUCER', 'PRODUCER_FENCED']);

/** A batch that was surely refused: for good, or for now. */
function judgeRefused(facts: Facts, judge: Judge, call: Call, batch: Batch): void {
  const { end } = call;
  for (const attempt of batch.attempts) {
    const response = attempt.exchange?.response;
    const { code } = attempt.exchange ?? {};
    if (response === undefined || code === undefined || doubts(batch, response.index).some((one) => one !== attempt)) continue;
    if (wasCutUnder(facts, batch, attempt.node, response.atMs)) continue;
    const kind = errorClass(response.header?.code ?? 0);
    const next = batch.attempts.find(({ request }) => request.index > response.index);
    const isFinal = (FINAL.has(kind) && !OF_PRODUCERS.has(code)) || code === 'PRODUCER_FENCED';
    if (
      isFinal &&
      next !== undefined &&
      next.request.atMs > response.atMs + facts.view.slackMs &&
      hadAnswer(facts, attempt, facts.end.ms)
    )
      judge.fail(next.request, `expected no further attempt after ${code}, got one`);
    else if (isFinal && next === undefined && end?.error?.kind === 'failed') judge.pass(end.index);
    if (!LATER.has(kind) || end === undefined || end.index < response.index || wasStopped(call, end.index)) continue;
    if (next !== undefined) judge.pass(next.request);
    else if (lossesOf(facts.view).some(({ at }) => at.index < end.index)) continue;
    else if (call.dueMs !== undefined && end.error !== undefined && end.ms < call.dueMs - EARLY_MS)
      judge.fail(
        end.index,
        `expected the batch to wait and go again after ${code}, got the end of its call ${Math.round(call.dueMs - end.ms)} ms before the deadline`,
      );
  }
}

export const NUMBER_CLAUSES: readonly Clause[] = [keepsBatches, renumbers, table];
