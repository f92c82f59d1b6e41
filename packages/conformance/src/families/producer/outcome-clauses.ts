import { errorClass } from '@qanat/core';
import type { Clause, Judge } from '../../clause/clause.ts';
import { endOfConnection, type Facts, served } from '../clients/facts.ts';
import { lossesOf } from './losses.ts';
import {
  type Attempt,
  answerBefore,
  type Batch,
  type Call,
  doubts,
  placeOf,
  type Sends,
  sendsOf,
  standing,
  wasStopped,
  wholeBatch,
} from './sends.ts';

const clause = (id: string, look: (sends: Sends, judge: Judge) => void): Clause => ({
  id,
  roles: ['producer'],
  check: (view, judge) => look(sendsOf(view), judge),
});

/** A call that ended, with its only batch and the attempts of it until then. */
interface Settled {
  readonly call: Call;
  readonly batch: Batch;
  readonly end: NonNullable<Call['end']>;
  readonly attempts: readonly Attempt[];
}

function settledOf(sends: Sends): readonly Settled[] {
  return sends.calls.flatMap((call) => {
    const batch = wholeBatch(sends, call);
    const { end } = call;
    if (batch === undefined || end === undefined || end.error?.kind === 'invalid' || end.error?.kind === 'unsupported') return [];
    const attempts = batch.attempts.filter(({ request }) => request.index < end.index);
    return attempts.length === 0 || attempts.some(({ request }) => request.isOneWay) ? [] : [{ call, batch, end, attempts }];
  });
}

/** What the kit knows of an attempt, for people. */
function said(attempt: Attempt, index: number): string {
  const response = answerBefore(attempt, index);
  if (response === undefined) return 'was not answered';
  return response.isError ? `was answered ${response.code}` : 'was acknowledged';
}

const rejectedTruly = clause('QNT-SND-008', (sends, judge) => {
  for (const { batch, end, attempts } of settledOf(sends)) {
    if (end.error?.kind !== 'failed') continue;
    const stored = attempts.find((one) => standing(one, end.index) === 'stored');
    const open = stored ?? doubts(batch, end.index)[0];
    if (open !== undefined)
      judge.fail(
        end.index,
        `expected no "failed" for a call whose attempt at ${placeOf(open)} may have stored it, got it, and the attempt ${said(open, end.index)}`,
      );
    else if (attempts.every((one) => standing(one, end.index) !== 'odd')) judge.pass(end.index);
  }
});

const unknownAttempts = clause('QNT-SND-009', (sends, judge) => {
  for (const { batch, end, attempts } of settledOf(sends)) {
    const last = attempts.at(-1) as Attempt;
    for (const attempt of doubts(batch, end.index)) {
      if (end.error?.kind === 'failed')
        judge.fail(
          end.index,
          `expected an attempt that ${said(attempt, end.index)} to be taken for unknown, got "failed" (${end.error.code ?? ''})`,
        );
      else if (end.error !== undefined || last !== attempt) judge.pass(end.index);
    }
  }
});

/** The longest back-off, and some time for a new connection. */
const AGAIN_MS = 12_000;

const sameBytes = (a: Uint8Array, b: Uint8Array): boolean => a.length === b.length && a.every((byte, i) => byte === b[i]);

/** Attempts behind an unknown one are the same. */
function judgeRepetitions(judge: Judge, batch: Batch): void {
  for (const attempt of batch.attempts) {
    const doubt = doubts(batch, attempt.request.index).findLast(({ sent }) => sent.producerId !== 0);
    if (doubt === undefined) continue;
    const { request, sent } = attempt;
    if (placeOf(attempt) !== placeOf(doubt))
      judge.fail(
        request,
        `expected the batch again at ${placeOf(doubt)}, where its attempt may be stored, got it at ${placeOf(attempt)}`,
        'queue',
      );
    else if (!sameBytes(sent.bytes, doubt.sent.bytes))
      judge.fail(
        request,
        `expected the same bytes as in the unknown attempt with base sequence ${doubt.sent.base} of producer ${doubt.sent.producerId}, got others with ${sent.base} of ${sent.producerId}`,
        'payload',
      );
    else judge.pass(request);
  }
}

/** When it was plain that an attempt is unknown: its connection is gone, or the answer says so. */
function doubtfulFrom(facts: Facts, { exchange, connection }: Attempt): number | undefined {
  const response = exchange?.response;
  if (response !== undefined) return response.code !== 'SEQUENCE_CONFLICT' ? response.atMs : undefined;
  const end = endOfConnection(facts, connection);
  return end.by === 'kit' ? end.ms : undefined;
}

/** What keeps a producer from sending on a connection. */
const isInTheWay = ({ name, code }: { readonly name: string | undefined; readonly code: string | undefined }): boolean =>
  code !== undefined && (name === 'HELLO' || name === 'INIT_PRODUCER');

const isHindered = (sends: Sends, node: string, fromMs: number, toMs: number): boolean =>
  sends.facts.meddled.some(
    ({ atMs, frame }) =>
      atMs >= fromMs && atMs <= toMs && ['HELLO', 'INIT_PRODUCER', 'ROUTE_QUERY', 'ROUTE_UPDATE'].includes(frame),
  ) ||
  sends.facts.connections.some(
    (one) => one.node === node && one.exchanges.some((exchange) => isInTheWay(exchange) && exchange.request.atMs <= toMs),
  );

/** A batch whose last attempt is unknown comes again while there is time. */
function judgeAgain(sends: Sends, judge: Judge, call: Call, batch: Batch): void {
  const { facts } = sends;
  const last = batch.attempts.at(-1) as Attempt;
  const fromMs = doubtfulFrom(facts, last);
  if (fromMs === undefined || last.sent.producerId === 0 || standing(last, facts.end.index) !== 'unknown') return;
  const dueMs = fromMs + AGAIN_MS + facts.view.slackMs;
  const stopped = call.client === undefined || Math.min(call.client.closing.ms, call.client.ended?.ms ?? dueMs) < dueMs;
  if (stopped || call.dueMs === undefined || call.dueMs < dueMs || facts.end.ms < dueMs) return;
  if (!served(facts, last.node, fromMs, dueMs) || isHindered(sends, last.node, fromMs, dueMs)) return;
  if (lossesOf(facts.view).some(({ id, node }) => id === last.sent.producerId && node === last.node)) return;
  judge.fail(
    last.request,
    `expected the batch again at ${placeOf(last)} within ${AGAIN_MS} ms after its attempt ${said(last, facts.end.index)}, got nothing`,
  );
}

const again = clause('QNT-SND-010', (sends, judge) => {
  for (const batch of sends.batches) if (!batch.attempts.some(({ request }) => request.isOneWay)) judgeRepetitions(judge, batch);
  for (const call of sends.calls) {
    const batch = wholeBatch(sends, call);
    if (batch !== undefined && !batch.attempts.some(({ request }) => request.isOneWay)) judgeAgain(sends, judge, call, batch);
  }
});

const notWithoutNumbers = clause('QNT-SND-041', (sends, judge) => {
  for (const batch of sends.batches)
    for (const attempt of batch.attempts) {
      if (attempt.request.isOneWay) continue;
      const doubt = doubts(batch, attempt.request.index)[0];
      if (doubt === undefined) continue;
      if (doubt.sent.producerId === 0)
        judge.fail(
          attempt.request,
          `expected no further attempt of a batch without a producer id whose attempt ${said(doubt, attempt.request.index)}, got one`,
        );
      else judge.pass(attempt.request);
    }
  for (const { call, batch, end } of settledOf(sends)) {
    const doubt = doubts(batch, end.index).find(({ sent }) => sent.producerId === 0);
    if (doubt === undefined || wasStopped(call, end.index)) continue;
    if (end.error?.kind === 'indefinite') judge.pass(end.index);
    else judge.fail(end.index, `expected the call of a batch without a producer id to end as unknown, got ${outcome(end)}`);
  }
});

const outcome = ({ error }: NonNullable<Call['end']>): string =>
  error === undefined ? 'OK' : `"${error.kind}" (${error.code ?? ''})`;

/** Timers may fire a little early by the kit's clock. */
const EARLY_MS = 2;

/** Whether a producer may have learnt before a place that its id is lost. */
const lostIts = (facts: Facts, { sent, node, request, client }: Attempt, index: number): boolean =>
  lossesOf(facts.view).some((loss) => {
    // It may have been on its way when the batch was sent.
    if (loss.at.atMs + facts.view.slackMs < request.atMs || loss.at.index > index) return false;
    // A producer that is fenced at one broker may end altogether.
    return (loss.node === node && loss.id === sent.producerId) || (loss.code === 'PRODUCER_FENCED' && loss.client === client);
  });

const endsOnlyThen = clause('QNT-SND-011', (sends, judge) => {
  for (const { call, batch, end, attempts } of settledOf(sends)) {
    const { facts } = sends;
    const everUnknown = attempts.filter((one) => one.sent.producerId !== 0 && isUnknown(facts, one, end.index));
    if (everUnknown.length === 0 || wasStopped(call, end.index)) continue;
    const open = doubts(batch, end.index);
    if (end.error === undefined) {
      if (attempts.some((one) => standing(one, end.index) === 'stored')) judge.pass(end.index);
      else
        judge.fail(end.index, 'expected only an acknowledgement to end the call as OK after an unknown attempt, got none of it');
    } else if (open.length === 0) {
      // A gap has ended the doubt.
      judge.pass(end.index);
    } else if (end.error.kind === 'failed')
      judge.fail(
        end.index,
        `expected the call to go on, or to end as unknown, as an attempt ${said(open[0] as Attempt, end.index)}, got "failed" (${end.error.code ?? ''})`,
      );
    else if (open.some((one) => lostIts(facts, one, end.index))) judge.pass(end.index);
    else if (call.dueMs !== undefined && end.ms < call.dueMs - EARLY_MS)
      judge.fail(
        end.index,
        `expected the call to go on until its deadline, ${Math.round(call.dueMs - end.ms)} ms later, as an attempt ${said(open[0] as Attempt, end.index)}, got its end`,
      );
    else if (call.dueMs !== undefined) judge.pass(end.index);
  }
});

/** Whether an attempt surely was unknown to the producer for a while: its connection is gone, or the answer says so. */
function isUnknown(facts: Facts, { exchange, connection }: Attempt, index: number): boolean {
  const response = exchange?.response;
  if (response !== undefined && response.index < index) return errorClass(response.header?.code ?? 0) === 6 && response.isError;
  return response === undefined || endOfConnection(facts, connection).index < index;
}

export const OUTCOME_CLAUSES: readonly Clause[] = [rejectedTruly, unknownAttempts, again, notWithoutNumbers, endsOnlyThen];
