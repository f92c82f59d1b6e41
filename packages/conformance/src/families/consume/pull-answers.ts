import { FRAME_HEADER_BYTES, LIMITS } from '@qanat/core';
import { type Clause, type Judge, judgeThat } from '../../clause/clause.ts';
import { type FrameSeen, saysTooShortFrames, type View } from '../../history/view.ts';
import { type BatchSeen, equalBytes, isSame } from './batches.ts';
import { type Asked, nameOf, type Pulled, pullsOf, type Result, sayOf, wasEnded } from './pulled.ts';
import { isWithin, pullBytesMax, QueueModel, shownRange } from './queue-model.ts';

type Answered = Asked & { readonly result: Result };

/** Every result of every PULL, with its queue where that is known. */
function eachResult(
  pulls: readonly Pulled[],
  look: (one: Answered, queue: QueueModel, pulled: Pulled, response: FrameSeen) => void,
): void {
  for (const pulled of pulls) {
    const { response } = pulled.exchange;
    for (const one of pulled.answered) {
      const queue = pulled.model.queue(one.topic, one.queue, pulled.span);
      if (queue instanceof QueueModel && response !== undefined) look(one, queue, pulled, response);
    }
  }
}

/** Batches come whole, as they were sent, from the one that holds the offset on. */
const wholeBatches: Clause = {
  id: 'QNT-PUL-006',
  roles: ['broker'],
  check(view, judge) {
    const served = new Map<QueueModel, Map<number, BatchSeen>>();
    eachResult(pullsOf(view), (one, queue, _, response) => {
      const { result } = one;
      if (result.code !== 'OK' || result.bytes === 0) return;
      const known = served.get(queue) ?? new Map<number, BatchSeen>();
      served.set(queue, known);
      const wrong = wrongBatches(one, queue, known);
      judgeThat(
        judge,
        response,
        wrong === undefined,
        () => `expected ${nameOf(one)} to give whole batches as stored, ${wrong}`,
        'payload',
      );
    });
    for (const pulled of pullsOf(view)) expectBatches(view, pulled, judge);
  },
};

/** @param known what was served before: it stays as it is. */
function wrongBatches(
  { offset, filter, result }: Answered,
  queue: QueueModel,
  known: Map<number, BatchSeen>,
): string | undefined {
  const { batches } = result;
  if (batches === undefined) return `got ${result.bytes} bytes that are none`;
  let next = offset;
  for (const [index, batch] of batches.entries()) {
    const { base, end, bytes } = batch;
    const isNext = filter === undefined ? (index === 0 ? base <= next && end > next : base === next) : end > next;
    if (!isNext) return `got offsets ${base} to ${end - 1} where ${next} is next`;
    const write = queue.batchAt(base);
    if (write !== undefined && (write.base !== base || !isSame(bytes, write.sent))) return `got another batch at offset ${base}`;
    if (!queue.writes.some(({ sent }) => isSame(bytes, sent))) return `got a batch at offset ${base} that nobody sent`;
    const before = known.get(base);
    if (before !== undefined && !equalBytes(before.bytes, bytes)) return `got other bytes at offset ${base} than before`;
    known.set(base, batch);
    next = end;
  }
  return undefined;
}

/** A queue that is asked for alone, and has messages, gives some. */
function expectBatches(view: View, pulled: Pulled, judge: Judge): void {
  const { exchange, asked, span } = pulled;
  const [one] = asked;
  if (asked.length !== 1 || one === undefined || exchange.response === undefined || exchange.code !== undefined) return;
  if (sayOf(pulled, one, span)?.kind !== 'data' || one.result?.code === 'BATCH_TOO_LARGE') return;
  if (wasEnded(view, pulled)) return;
  const { result } = one;
  if (result === undefined || (result.code === 'OK' && result.bytes === 0 && one.filter === undefined))
    judge.fail(exchange.response, `expected batches of ${nameOf(one)}, which has messages, got none`, 'results');
}

const payloadInOrder: Clause = {
  id: 'QNT-PUL-007',
  roles: ['broker'],
  check(view, judge) {
    for (const { exchange, answered, span, model } of pullsOf(view)) {
      const { response, answer, payload } = exchange;
      if (response === undefined || answer === undefined || payload.length === 0) continue;
      const sum = answered.reduce((all, { result }) => all + result.bytes, 0);
      if (answered.length < answer.results.length) continue;
      if (sum !== payload.length) {
        judge.fail(response, `expected the bytes of the results to be ${payload.length}, the payload's, got ${sum}`, 'bytes');
        continue;
      }
      const foreign = answered.find((one) => isForeign(one, model.queue(one.topic, one.queue, span)));
      judgeThat(
        judge,
        response,
        foreign === undefined,
        () => `expected the batches in the order of the results, got others for ${foreign && nameOf(foreign)}`,
        'payload',
      );
    }
  },
};

/** The part of the payload is none of whole batches, or of another queue. */
function isForeign({ result }: Answered, queue: unknown): boolean {
  if (result.batches === undefined) return true;
  if (!(queue instanceof QueueModel)) return false;
  return result.batches.some(({ bytes }) => !queue.writes.some(({ sent }) => isSame(bytes, sent)));
}

const bytesOfAll: Clause = {
  id: 'QNT-PUL-008',
  roles: ['broker'],
  check(view, judge) {
    for (const { exchange, maxBytes, answered } of pullsOf(view)) {
      const { response, payload } = exchange;
      if (response === undefined || payload.length === 0) continue;
      const batches = answered.reduce((sum, { result }) => sum + (result.batches?.length ?? 0), 0);
      const limit = pullBytesMax(maxBytes);
      judgeThat(
        judge,
        response,
        payload.length <= limit || batches <= 1,
        () => `expected at most ${limit} bytes or one batch, got ${payload.length} bytes in ${batches} batches`,
        'payload',
      );
    }
  },
};

const bytesOfQueue: Clause = {
  id: 'QNT-PUL-009',
  roles: ['broker'],
  check(view, judge) {
    for (const { exchange, answered } of pullsOf(view))
      for (const one of answered) {
        const { maxBytes, result } = one;
        if (exchange.response === undefined || maxBytes === 0 || result.bytes === 0 || result.batches === undefined) continue;
        judgeThat(
          judge,
          exchange.response,
          result.bytes <= maxBytes || result.batches.length === 1,
          () =>
            `expected at most ${maxBytes} bytes or one batch of ${nameOf(one)}, got ${result.bytes} in ${result.batches?.length}`,
          'bytes',
        );
      }
  },
};

/** The length field of a frame does not count itself. */
const LENGTH_FIELD_BYTES = 4;

const frameOfClient: Clause = {
  id: 'QNT-PUL-010',
  roles: ['broker'],
  check(view, judge) {
    for (const pulled of pullsOf(view)) {
      const { response, connection } = pulled.exchange;
      if (saysTooShortFrames(connection)) continue;
      const most = connection.hello?.header?.frameBytesMax || LIMITS.FRAME_BYTES_MAX;
      if (response !== undefined && response.bytes.length - LENGTH_FIELD_BYTES > most)
        judge.fail(
          response,
          `expected a frame of at most ${most} bytes, got ${response.bytes.length - LENGTH_FIELD_BYTES}`,
          'length',
        );
    }
    eachResult(pullsOf(view), (one, queue, pulled, response) => {
      const { connection } = pulled.exchange;
      if (saysTooShortFrames(connection)) return;
      const most = connection.hello?.header?.frameBytesMax || LIMITS.FRAME_BYTES_MAX;
      const { code } = one.result;
      const batch = queue.batchAt(one.offset)?.sent;
      if (batch === undefined || one.filter !== undefined || sayOf(pulled, one, pulled.span)?.kind !== 'data') return;
      if (batch.length + FRAME_HEADER_BYTES - LENGTH_FIELD_BYTES > most)
        judgeThat(
          judge,
          response,
          code === 'BATCH_TOO_LARGE',
          () => `expected BATCH_TOO_LARGE for ${nameOf(one)}: its ${batch.length} bytes do not fit into ${most}, got ${code}`,
          'code',
        );
      else if (code === 'BATCH_TOO_LARGE' && batch.length + LIMITS.CONTROL_HEADER_BYTES_MAX + FRAME_HEADER_BYTES <= most)
        judge.fail(response, `expected the batch of ${batch.length} bytes of ${nameOf(one)}, got BATCH_TOO_LARGE`, 'code');
    });
  },
};

const belowWatermark: Clause = {
  id: 'QNT-PUL-011',
  roles: ['broker'],
  check(view, judge) {
    eachResult(pullsOf(view), (one, queue, { span }, response) => {
      const last = one.result.batches?.at(-1);
      if (last === undefined) return;
      const most = Math.min(one.result.highWatermark, queue.highWatermark(span).most);
      judgeThat(
        judge,
        response,
        last.end <= most,
        () => `expected records of ${nameOf(one)} below the high watermark ${most}, got one at ${last.end - 1}`,
        'payload',
      );
    });
  },
};

const nextOffset: Clause = {
  id: 'QNT-PUL-012',
  roles: ['broker'],
  check(view, judge) {
    eachResult(pullsOf(view), (one, queue, { span }, response) => {
      const { offset, filter, result } = one;
      if (result.code !== 'OK' || result.batches === undefined) return;
      const behind = result.batches.at(-1)?.end ?? offset;
      // Without a filter nothing is looked at that is not in the answer.
      const range = { least: behind, most: filter === undefined ? behind : queue.highWatermark(span).most };
      judgeThat(
        judge,
        response,
        isWithin(result.nextOffset, range),
        () => `expected next_offset ${shownRange(range)} for ${nameOf(one)}, got ${result.nextOffset}`,
        'next_offset',
      );
    });
  },
};

const bounds: Clause = {
  id: 'QNT-PUL-013',
  roles: ['broker'],
  check(view, judge) {
    eachResult(pullsOf(view), (one, queue, { span }, response) => {
      const { highWatermark, oldestOffset } = one.result;
      const high = queue.highWatermark(span);
      const oldest = queue.oldest(span);
      if (!isWithin(highWatermark, high))
        judge.fail(
          response,
          `expected the high watermark ${shownRange(high)} of ${nameOf(one)}, got ${highWatermark}`,
          'high_watermark',
        );
      else if (!isWithin(oldestOffset, oldest))
        judge.fail(
          response,
          `expected the oldest offset ${shownRange(oldest)} of ${nameOf(one)}, got ${oldestOffset}`,
          'oldest_offset',
        );
      else judge.pass(response);
    });
  },
};

const outOfRange: Clause = {
  id: 'QNT-PUL-014',
  roles: ['broker'],
  check(view, judge) {
    for (const pulled of pullsOf(view)) {
      const { exchange, asked, span } = pulled;
      const { response } = exchange;
      if (response === undefined || exchange.code !== undefined) continue;
      for (const one of asked) {
        const say = sayOf(pulled, one, span);
        const isOutside = say?.kind === 'code' && say.code === 'OFFSET_OUT_OF_RANGE';
        if (one.result === undefined) {
          if (isOutside && asked.length === 1)
            judge.fail(response, `expected OFFSET_OUT_OF_RANGE for ${nameOf(one)}, got no result`, 'results');
        } else if (isOutside !== (one.result.code === 'OFFSET_OUT_OF_RANGE')) {
          if (say !== undefined) judge.fail(response, wrongRange(one, isOutside), 'code');
        } else if (isOutside) judgeNearest(judge, response, { ...one, result: one.result });
      }
    }
  },
};

const wrongRange = (one: Asked, isOutside: boolean): string =>
  isOutside
    ? `expected OFFSET_OUT_OF_RANGE for ${nameOf(one)}, got ${one.result?.code}`
    : `expected ${nameOf(one)} to be within what is stored, got OFFSET_OUT_OF_RANGE`;

/** The bounds are those that the result tells: whether they are right says another rule. */
function judgeNearest(judge: Judge, response: FrameSeen, { result, ...one }: Answered): void {
  const { nextOffset: next, oldestOffset, highWatermark } = result;
  const nearest = one.offset < oldestOffset ? oldestOffset : highWatermark;
  judgeThat(
    judge,
    response,
    next === nearest,
    () => `expected next_offset ${nearest}, the nearest to ${one.offset}, got ${next}`,
    'next_offset',
  );
}

/** What the answers to PULL hold. */
export const PULL_ANSWERS: readonly Clause[] = [
  wholeBatches,
  payloadInOrder,
  bytesOfAll,
  bytesOfQueue,
  frameOfClient,
  belowWatermark,
  nextOffset,
  bounds,
  outOfRange,
];
