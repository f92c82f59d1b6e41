import { LIMITS } from '@qanat/core';
import type { Exchange } from '../../history/view.ts';
import { readEntries } from './entries.ts';
import { answerOf, type Model, saidOf } from './model.ts';
import type { Place } from './place.ts';
import { bytesOf, judgeFirst } from './reads.ts';

/** An answer that is due comes within so much. */
const SOON_MS = 250;

/** @returns whether it was one that has to be refused. */
export function judgeArguments(model: Model, exchange: Exchange): boolean {
  const { changes, after, limit, since, waitMs } = exchange.header;
  const isWrong =
    (changes && (after.length > 0 || limit > 0)) || (!changes && (since > 0 || waitMs > 0)) || waitMs > LIMITS.PULL_WAIT_MS_MAX;
  const queues = model.queuesOf(exchange);
  if (!isWrong) return false;
  if (!model.isMute(exchange) && queues !== undefined && exchange.header.queue < queues)
    model.say.that(
      '017',
      answerOf(exchange),
      exchange.code === 'INVALID_ARGUMENT',
      () => `fields that do not go together: expected INVALID_ARGUMENT, got ${saidOf(exchange)}`,
    );
  return true;
}

/** A scan of changes whose answer has come: what the kit knows is as of then. */
export function judgeChanges(model: Model, exchange: Exchange, place: Place, before: number | undefined): void {
  const { say, view } = model;
  const { header, request, answer, code } = exchange;
  const at = answerOf(exchange);
  const { since, waitMs } = header;
  if (code === 'TOPIC_NOT_FOUND') {
    if (model.queuesOf(exchange) === undefined) say.pass('016', at);
    return;
  }
  if (model.isMute(exchange) || place.unsure || place.maybe !== undefined) return;
  // What is not in effect yet when it is asked for may be told or not.
  if (model.beside(exchange).some((one) => one.request.index < request.index)) return;
  const queues = model.queuesOf(exchange);
  if (queues === undefined || header.queue >= queues) return;
  const prefix = Buffer.from(header.prefix).toString('hex');
  if (judgeFirstWrite(model, exchange, place, prefix)) return;
  if (code !== undefined) return say.fail('015', at, `expected changes, got ${code}`);
  if (before === undefined || place.horizon === undefined || place.version === undefined) return;
  if (since > before)
    return say.that('014', at, answer.reset, () => `${since} is above the version of the queue, ${before}: no reset`);
  const isRemembered = place.written.reduce((sum, { keys }) => sum + keys.length, 0) <= LIMITS.STATE_CHANGES_REMEMBERED;
  if (answer.reset) {
    if (isRemembered && since >= place.horizon) say.fail('014', at, `the changes since ${since} are to be remembered, got reset`);
    return;
  }
  if (since >= place.horizon) say.pass('014', at);
  const read = readEntries(exchange.payload) ?? [];
  const changed = place.changedSince(since, prefix);
  if (changed === undefined) return;
  const waitedMs = at.atMs - request.atMs;
  if (read.length === 0) {
    const isStopping = view.of('subject').some(({ what, index }) => what === 'stopping' && index < at.index);
    const isPending = model.beside(exchange).length > 0 && changed.size > 0;
    if (changed.size > 0 && !isPending) return say.fail('015', at, `${changed.size} keys have changed since ${since}, got none`);
    if (changed.size > 0) return;
    if (waitedMs < waitMs && !isStopping)
      return say.fail('016', at, `answered after ${waitedMs} of ${waitMs} ms, without a change`);
    if (waitedMs > waitMs + SOON_MS + view.slackMs)
      return say.fail('016', at, `answered ${waitedMs} ms later, and not ${waitMs}`);
    if (model.beside(exchange).length > 0) return;
    return say.that(
      '016',
      at,
      answer.version === place.version,
      () => `the state has version ${place.version}, got ${answer.version}`,
    );
  }
  judgeTold(model, exchange, place, changed);
  if (since === before && waitMs > 0) {
    const cause = model.beside(exchange).filter(({ request: one }) => one.index > request.index)[0]?.response;
    const lateMs = cause === undefined ? 0 : at.atMs - cause.atMs;
    say.that('016', at, lateMs <= SOON_MS + view.slackMs, () => `told ${lateMs} ms after the write was answered`);
  }
}

/** The first write that has to be told takes more than a frame. @returns whether that is so, or was said to be. */
function judgeFirstWrite(model: Model, exchange: Exchange, place: Place, prefix: string): boolean {
  const changed = place.changedSince(exchange.header.since, prefix) ?? new Map<string, number>();
  const first = Math.min(...changed.values());
  const keys = [...changed].filter(([, version]) => version === first).map(([key]) => key);
  const bytes = keys.reduce((sum, key) => sum + bytesOf(key, place.entries.get(key)), 0);
  return judgeFirst(model, exchange, bytes);
}

function judgeTold(model: Model, exchange: Exchange, place: Place, changed: ReadonlyMap<string, number>): void {
  const { say } = model;
  const at = answerOf(exchange);
  const read = readEntries(exchange.payload) ?? [];
  const { version, more } = exchange.answer;
  const keys = new Set(read.map(({ key }) => key));
  if (keys.size < read.length) return say.fail('015', at, 'a key is told twice');
  const wrong = read.find((one) => {
    const held = place.entries.get(one.key);
    const isRight = held === undefined ? one.removed && one.value === '' : !one.removed && one.value === held.value;
    return !isRight || changed.get(one.key) !== one.version;
  });
  if (wrong !== undefined)
    return say.fail('015', at, `key ${wrong.key} is told with version ${wrong.version}, and not as it was left`);
  const missing = [...changed].find(([key, last]) => last <= version && !keys.has(key));
  if (missing !== undefined)
    return say.fail('015', at, `told up to version ${version}, without key ${missing[0]} of ${missing[1]}`);
  if (read.some((one) => one.version > version)) return say.fail('015', at, `a change behind version ${version} is told`);
  const left = [...changed].filter(([key]) => !keys.has(key));
  if (!more && left.length > 0) return say.fail('015', at, `${left.length} keys have changed behind it, and more is false`);
  if (left.some(([, last]) => read.some((one) => one.version === last))) return say.fail('015', at, 'a write is told in parts');
  return say.pass('015', at);
}

/** No answer came, and nothing ended meanwhile. */
export function judgeSilence(model: Model, exchange: Exchange): void {
  const { request, connection } = exchange;
  const { view, lives } = model;
  const dueMs = request.atMs + exchange.header.waitMs + SOON_MS + view.slackMs;
  const isDisturbed = connection.closed !== undefined || lives.deaths.some(({ index }) => index > request.index);
  if (!isDisturbed && view.endMs > dueMs && view.of('subject').every(({ what }) => what !== 'paused'))
    model.say.fail('016', request, `not answered within ${exchange.header.waitMs} ms`);
}
