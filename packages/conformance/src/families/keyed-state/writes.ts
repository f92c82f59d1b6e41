import { LIMITS } from '@qanat/core';
import type { Exchange } from '../../history/view.ts';
import { isUncertain } from '../produce/sends.ts';
import { type Entry, readEntries } from './entries.ts';
import { activeOn, answerOf, KEYED_STATE, type Model, saidOf } from './model.ts';
import type { Place } from './place.ts';

/** One reason to refuse a write, with its line in the order of QNT-KST-020. */
interface Reason {
  readonly line: number;
  readonly code: string;
  /** The clause that asks for it. */
  readonly clause: string;
  readonly why: string;
}

/** A connection without the feature. @returns whether there was something to judge. */
export function judgeFeature(model: Model, exchange: Exchange): boolean {
  if (activeOn(exchange, KEYED_STATE)) return false;
  if (!model.has(KEYED_STATE) || exchange.connection.helloOk === undefined) return true;
  const { response, connection } = exchange;
  if (response === undefined && connection.closed?.by !== 'subject') return true;
  model.say.that(
    '001',
    answerOf(exchange),
    exchange.code === 'UNSUPPORTED_FEATURE',
    () =>
      `KEYED_STATE is not active: expected UNSUPPORTED_FEATURE and the connection kept, got ${response ? saidOf(exchange) : 'its end'}`,
  );
  return true;
}

/** What is wrong with the payload alone. */
function wrongPayload(payload: Uint8Array, entries: readonly Entry[] | undefined): Reason | undefined {
  const reason = (clause: string, why: string): Reason => ({ line: 3, code: 'INVALID_ARGUMENT', clause, why });
  if (payload.length > LIMITS.STATE_WRITE_BYTES_MAX) return reason('008', `a payload of ${payload.length} bytes`);
  if (entries === undefined) return reason('002', 'a payload that is no list of state entries');
  if (entries.length === 0 || entries.length > LIMITS.STATE_CHANGES_MAX) return reason('008', `${entries.length} entries`);
  if (new Set(entries.map(({ key }) => key)).size < entries.length) return reason('008', 'a key that comes twice');
  return undefined;
}

function reasonsOf(
  model: Model,
  exchange: Exchange,
  place: Place,
  queues: number,
  entries: readonly Entry[] | undefined,
): Reason[] {
  const { header, request } = exchange;
  const reasons: (Reason | undefined)[] = [];
  if (queues === 0) reasons.push({ line: 1, code: 'TOPIC_NOT_FOUND', clause: '020', why: 'there is no such topic' });
  else if (header.queue >= queues)
    reasons.push({ line: 2, code: 'QUEUE_NOT_FOUND', clause: '020', why: 'there is no such queue' });
  reasons.push(wrongPayload(request.payload, entries));
  const read = entries ?? [];
  const differing =
    queues === 0
      ? undefined
      : read.find(({ key, expected, version }) => expected && (place.entries.get(key)?.version ?? 0) !== version);
  if (differing !== undefined)
    reasons.push({
      line: 4,
      code: 'VERSION_CONFLICT',
      clause: '006',
      why: `a key has another version than ${differing.version}`,
    });
  const adds = read.some(({ removed }) => !removed);
  if (adds && place.bytesWith(read) > model.queueBytesMax)
    reasons.push({ line: 5, code: 'LIMIT_EXCEEDED', clause: '009', why: 'the state would pass STATE_QUEUE_BYTES_MAX' });
  if (adds && model.isDiskFull(request.index))
    reasons.push({ line: 6, code: 'DISK_FULL', clause: '009', why: 'the disk is full' });
  return reasons.filter((one) => one !== undefined);
}

export function judgeWrite(model: Model, exchange: Exchange): void {
  const { say } = model;
  const { request, answer, response } = exchange;
  const queues = model.queuesOf(exchange);
  const place = model.placeOf(exchange);
  if (place === undefined) return;
  const entries = readEntries(request.payload);
  if (model.beside(exchange).some(({ connection }) => connection !== exchange.connection)) place.unsure = true;
  if (model.isMute(exchange)) {
    const isOpen = response === undefined || (exchange.code !== undefined && isUncertain(exchange.code));
    if (isOpen && entries !== undefined && place.maybe === undefined) place.maybe = entries;
    else if (isOpen) place.unsure = true;
    return;
  }
  const isUntold = (entries ?? []).some(
    ({ key, expected }) => expected && place.entries.get(key)?.version === undefined && place.entries.has(key),
  );
  if (queues === undefined || place.unsure || place.maybe !== undefined || isUntold) {
    place.unsure = true;
    return;
  }
  const reasons = reasonsOf(model, exchange, place, queues, entries);
  const [first] = reasons;
  const at = answerOf(exchange);
  const said = saidOf(exchange);
  if (first === undefined) {
    if (exchange.code !== undefined) return say.fail(clauseAgainst(said), at, `a write that is right was refused: ${said}`);
    const removesOnly = (entries ?? []).every(({ removed }) => removed);
    if (removesOnly && (model.isDiskFull(request.index) || place.bytesWith([]) >= model.queueBytesMax * 0.9)) say.pass('009', at);
    if ((entries ?? []).some(({ expected }) => expected)) say.pass('006', at);
    const top = model.topOf(exchange);
    say.that('007', at, answer.version > top, () => `expected a version above ${top}, got ${answer.version}`);
    model.saw(exchange, answer.version);
    return place.apply(entries ?? [], answer.version, at.index);
  }
  const isContested = new Set(reasons.map(({ code }) => code)).size > 1;
  const isOther = reasons.some(({ code }) => code === said && code !== first.code);
  const clause = isContested && isOther ? '020' : first.clause;
  say.that(clause, at, said === first.code, () => `expected ${first.code}, since ${first.why}; got ${said}`);
  if (isContested && said === first.code && clause !== '020') say.pass('020', at);
  if (exchange.code === undefined) place.unsure = true;
  else place.refused = true;
}

/** A right write that is refused breaks the rule about what it was refused for. */
function clauseAgainst(code: string): string {
  if (code === 'VERSION_CONFLICT') return '006';
  if (code === 'LIMIT_EXCEEDED' || code === 'DISK_FULL') return '009';
  return code === 'INVALID_ARGUMENT' ? '008' : '020';
}
