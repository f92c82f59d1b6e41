import { LIMITS } from '@qanat/core';
import type { Clause, Judge } from '../../clause/clause.ts';
import type { ConnectionSeen } from '../../history/view.ts';
import { type Init, initsOf, type Loss, type LossCode, lossesOf } from './losses.ts';
import { type Attempt, type Call, doubts, type Sends, sendsOf, wholeBatch } from './sends.ts';

const clause = (id: string, look: (sends: Sends, judge: Judge) => void): Clause => ({
  id,
  roles: ['producer'],
  check: (view, judge) => look(sendsOf(view), judge),
});

/** Numbered attempts by connection, in order. */
function byConnection({ attempts }: Sends): ReadonlyMap<ConnectionSeen, readonly Attempt[]> {
  const found = new Map<ConnectionSeen, Attempt[]>();
  for (const attempt of attempts) {
    if (attempt.sent.producerId === 0) continue;
    const list = found.get(attempt.connection) ?? [];
    found.set(attempt.connection, list);
    list.push(attempt);
  }
  return found;
}

const queueKey = ({ topic, queue, sent }: Attempt): string => `${sent.producerId} ${sent.epoch} ${topic} ${queue}`;

const inFlight = clause('QNT-SND-029', (sends, judge) => {
  const max = LIMITS.PRODUCER_BATCHES_REMEMBERED;
  for (const attempts of byConnection(sends).values())
    for (const attempt of attempts) {
      const { index } = attempt.request;
      const open = attempts.filter(
        (one) =>
          queueKey(one) === queueKey(attempt) &&
          one.request.index <= index &&
          (one.exchange?.response?.index ?? index + 1) > index,
      );
      const unanswered = new Set(open.map(({ sent }) => sent.base)).size;
      const waiting = sends.calls.filter(
        ({ at, end, client }) => client === attempt.client && at.index < index && (end?.index ?? index) >= index,
      );
      if (unanswered > max)
        judge.fail(attempt.request, `expected at most ${max} unanswered batches in queue ${attempt.queue}, got ${unanswered}`);
      else if (waiting.length > max) judge.pass(attempt.request);
    }
});

/** Whether the id of a batch was bound to its connection before. */
const isBound = (inits: readonly Init[], { connection, sent, request }: Attempt): boolean =>
  inits.some(
    ({ request: init, asked, given, response }) =>
      init.connection === connection &&
      init.index < request.index &&
      (asked.id === sent.producerId || (given?.id === sent.producerId && (response?.index ?? request.index) < request.index)),
  );

const takesOver = clause('QNT-SND-030', (sends, judge) => {
  const inits = initsOf(sends.facts.view);
  for (const [connection, attempts] of byConnection(sends)) {
    const earlier = sends.attempts.filter((one) => one.node === connection.node && one.connection !== connection);
    for (const attempt of attempts) {
      if (!isBound(inits, attempt))
        judge.fail(
          attempt.request,
          `expected INIT_PRODUCER with the id ${attempt.sent.producerId} on this connection before a batch with it, got the batch`,
          'payload',
        );
      else judgeOrder(judge, attempt, attempts, earlier);
    }
  }
});

const isBefore = (a: number, b: number): boolean => ((a - b) | 0) < 0;

/** What is sent again on a new connection goes in order of its numbers. */
function judgeOrder(judge: Judge, attempt: Attempt, attempts: readonly Attempt[], earlier: readonly Attempt[]): void {
  const { index } = attempt.request;
  const isAgain = earlier.some(
    (one) =>
      queueKey(one) === queueKey(attempt) &&
      one.sent.base === attempt.sent.base &&
      one.request.index < index &&
      isUnanswered(one, index),
  );
  const own = attempts.filter((one) => queueKey(one) === queueKey(attempt) && one.request.index < index);
  // After an error on this connection some batches may go again before others.
  const troubled = own.some(({ exchange }) => exchange?.code !== undefined);
  if (!isAgain || troubled || own.some(({ sent }) => sent.base === attempt.sent.base)) return;
  const ahead = own.find(({ sent }) => isBefore(attempt.sent.base, sent.base));
  if (ahead === undefined) judge.pass(attempt.request);
  else
    judge.fail(
      attempt.request,
      `expected unanswered batches again in order, got base sequence ${attempt.sent.base} behind ${ahead.sent.base}`,
      'payload',
    );
}

const isUnanswered = ({ exchange }: Attempt, index: number): boolean => (exchange?.response?.index ?? index) >= index;

/** What is sent with an id that was lost, when this was surely known. */
function judgeUse(sends: Sends, judge: Judge, loss: Loss): void {
  const { view } = sends.facts;
  const sinceMs = loss.at.atMs + view.slackMs;
  const isOwn = (client: Attempt['client'], node: string): boolean => node === loss.node && client === loss.client;
  const used = sends.attempts.find(
    ({ client, node, sent, request }) =>
      isOwn(client, node) && sent.producerId === loss.id && sent.epoch === loss.epoch && request.atMs > sinceMs,
  );
  const init = initsOf(view).find(({ client, node, request }) => isOwn(client, node) && request.atMs > sinceMs);
  if (!loss.wasRead || loss.client === undefined) {
    if (used === undefined && init !== undefined && init.asked.id !== loss.id) judge.pass(init.request);
    return;
  }
  if (used !== undefined)
    judge.fail(used.request, `expected no batch with producer id ${loss.id} after ${loss.code}, got one`, 'payload');
  else if (init !== undefined && init.asked.id === loss.id && (init.asked.epoch & 0xffff) === loss.epoch)
    judge.fail(init.request, `expected no INIT_PRODUCER with id ${loss.id} after ${loss.code}, got it`, 'producer_id');
  else if (init !== undefined) judge.pass(init.request);
}

/** Calls whose batch had an attempt that was answered with a code, with that attempt. */
function* answeredWith(sends: Sends, code: LossCode): Generator<{ readonly call: Call; readonly attempt: Attempt }> {
  for (const call of sends.calls) {
    const batch = wholeBatch(sends, call);
    const attempt = batch?.attempts.find(({ exchange }) => exchange?.code === code);
    if (attempt !== undefined && (attempt.exchange?.response?.index ?? 0) < (call.end?.index ?? 0)) yield { call, attempt };
  }
}

const told = ({ end }: Call): string => (end?.error === undefined ? 'OK' : `"${end.error.kind}" (${end.error.code ?? ''})`);

const forgotten = clause('QNT-SND-031', (sends, judge) => {
  for (const loss of lossesOf(sends.facts.view))
    if (loss.code === 'UNKNOWN_PRODUCER' && loss.id !== 0) judgeUse(sends, judge, loss);
  for (const { call, attempt } of answeredWith(sends, 'UNKNOWN_PRODUCER')) {
    const batch = attempt.batch as NonNullable<Attempt['batch']>;
    const open = doubts(batch, attempt.request.index);
    const end = call.end as NonNullable<Call['end']>;
    if (open.length === 0) continue;
    if (end.error?.kind === 'indefinite') judge.pass(end.index);
    else
      judge.fail(
        end.index,
        `expected a call with an unknown attempt to end as unknown after UNKNOWN_PRODUCER, got ${told(call)}`,
      );
  }
});

const fenced = clause('QNT-SND-032', (sends, judge) => {
  for (const loss of lossesOf(sends.facts.view)) if (loss.code === 'PRODUCER_FENCED') judgeUse(sends, judge, loss);
  for (const { call } of answeredWith(sends, 'PRODUCER_FENCED')) {
    const end = call.end as NonNullable<Call['end']>;
    if (end.error !== undefined) judge.pass(end.index);
    else judge.fail(end.index, 'expected the caller to be told of PRODUCER_FENCED, got OK');
  }
});

const conflict = clause('QNT-SND-035', (sends, judge) => {
  for (const loss of lossesOf(sends.facts.view)) if (loss.code === 'SEQUENCE_CONFLICT') judgeUse(sends, judge, loss);
  for (const { call } of answeredWith(sends, 'SEQUENCE_CONFLICT')) {
    const end = call.end as NonNullable<Call['end']>;
    if (end.error?.kind === 'indefinite') judge.pass(end.index);
    else judge.fail(end.index, `expected the call to end as unknown after SEQUENCE_CONFLICT, got ${told(call)}`);
  }
});

export const IDENTITY_CLAUSES: readonly Clause[] = [inFlight, takesOver, forgotten, fenced, conflict];
