import type { Exchange } from '../../history/view.ts';
import { hexOfText, offsetOf, offsetValue } from './entries.ts';
import { activeOn, answerOf, batchOf, DEDUP, isNoAck, type Model, saidOf } from './model.ts';
import type { Place } from './place.ts';

/** SEND, with a dedup id or without. */
export function judgeSend(model: Model, exchange: Exchange): void {
  const { say } = model;
  const { header } = exchange;
  const at = answerOf(exchange);
  const place = model.placeOf(exchange);
  const isLost = model.isMute(exchange);
  if (header.dedupId === '') {
    if (!isLost && place !== undefined) judgeNumbered(model, exchange);
    return;
  }
  if (!activeOn(exchange, DEDUP)) {
    if (model.has(DEDUP) && !isLost)
      say.that('021', at, exchange.code === 'UNSUPPORTED_FEATURE', () => `DEDUP is not active: got ${saidOf(exchange)}`);
    return;
  }
  if (place === undefined) return;
  const key = hexOfText(header.dedupId);
  if (isNoAck(exchange)) {
    if (!isLost)
      say.that(
        '022',
        at,
        exchange.code === 'INVALID_ARGUMENT',
        () => `ACK_NONE: expected INVALID_ARGUMENT, got ${saidOf(exchange)}`,
      );
    if (exchange.code === undefined) place.unsure = true;
    return;
  }
  const beside = model.beside(exchange);
  if (isLost || beside.some(({ connection }) => connection !== exchange.connection)) place.unsure = true;
  const queues = model.queuesOf(exchange);
  if (place.unsure || place.maybe !== undefined || !queues || header.queue >= queues) return;
  const remembered = rememberedOf(model, exchange);
  if (remembered !== undefined) return judgeDuplicate(model, exchange, '027', remembered);
  const held = place.entries.get(key);
  if (held === undefined) return judgeFirst(model, exchange, place, key);
  const rule = place.deaths.length > 0 ? '026' : beside.length > 0 ? '025' : '024';
  const fields = batchOf(exchange);
  if (fields === undefined || fields.producerId === 0) return judgeDuplicate(model, exchange, rule, offsetOf(held.value));
  const row = model.sequences.rowOf(model.nameOf(exchange), fields);
  const isNext = fields.base === row.next;
  judgeDuplicate(model, exchange, isNext ? rule : '027', offsetOf(held.value));
  if (isNext && exchange.answer?.duplicate) model.sequences.use(row, fields, offsetOf(held.value), true);
}

/** Where the producer's own numbers say that the batch is there. */
function rememberedOf(model: Model, exchange: Exchange): number | undefined {
  const fields = batchOf(exchange);
  if (fields === undefined || fields.producerId === 0) return undefined;
  return model.sequences.remembered(model.sequences.rowOf(model.nameOf(exchange), fields), fields)?.offset;
}

function judgeDuplicate(model: Model, exchange: Exchange, rule: string, offset: number): void {
  const { answer } = exchange;
  const told =
    answer === undefined ? saidOf(exchange) : answer.duplicate ? `one at ${answer.baseOffset}` : `stored at ${answer.baseOffset}`;
  const isRight = answer?.duplicate === true && answer.baseOffset === offset && (rule === '027' || answer.storeTimeMs === 0);
  model.say.that(rule, answerOf(exchange), isRight, () => `expected a duplicate of what is at ${offset}, got ${told}`);
}

/** Nobody has used the id: it is stored, with the entry, or refused and nothing is. */
function judgeFirst(model: Model, exchange: Exchange, place: Place, key: string): void {
  const { say, sequences } = model;
  const at = answerOf(exchange);
  const fields = batchOf(exchange);
  const row = fields === undefined || fields.producerId === 0 ? undefined : sequences.rowOf(model.nameOf(exchange), fields);
  if (row !== undefined && fields !== undefined && fields.base > row.next)
    return say.that('027', at, exchange.code === 'SEQUENCE_GAP', () => `expected SEQUENCE_GAP, got ${saidOf(exchange)}`);
  if (exchange.code !== undefined) {
    place.refused = true;
    return;
  }
  const { duplicate, baseOffset } = exchange.answer;
  if (duplicate) {
    place.unsure = true;
    return say.fail('024', at, 'nobody has used this dedup id, and it is called a duplicate');
  }
  say.pass('024', at);
  place.apply([{ key, value: offsetValue(baseOffset), removed: false }], undefined, at.index);
  place.dedupKeys.add(key);
  if (row !== undefined && fields !== undefined) sequences.use(row, fields, baseOffset, false);
}

/** Batches with numbers and without an id: what they find of the numbers that duplicates have used. */
function judgeNumbered(model: Model, exchange: Exchange): void {
  const fields = batchOf(exchange);
  if (fields === undefined || fields.producerId === 0 || !activeOn(exchange, DEDUP)) return;
  const { say, sequences } = model;
  const row = sequences.rowOf(model.nameOf(exchange), fields);
  const at = answerOf(exchange);
  const remembered = sequences.remembered(row, fields);
  const { answer, code } = exchange;
  if (remembered !== undefined && row.byDuplicate)
    return say.that(
      '028',
      at,
      answer?.duplicate === true,
      () => `a duplicate has used this number: got ${code ?? 'that it is stored'}`,
    );
  if (fields.base !== row.next || remembered !== undefined) return;
  if (row.byDuplicate)
    say.that('028', at, answer?.duplicate === false, () => `the number is the next one: got ${saidOf(exchange)}`);
  if (answer !== undefined) sequences.use(row, fields, answer.baseOffset, false);
}
