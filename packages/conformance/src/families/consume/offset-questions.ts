import { CONTROL_HEADERS, LIMITS } from '@qanat/core';
import { type Clause, type Judge, judgeThat } from '../../clause/clause.ts';
import { codeName, type Exchange, type Header, type View } from '../../history/view.ts';
import { isShort, plainRequests, spanOf } from './acts.ts';
import { modelOf } from './broker-model.ts';
import { fetchesOf, wrongOffset } from './offset-commits.ts';
import { isWithin, QueueModel, type Range, shownRange } from './queue-model.ts';
import { expectCode, expectServed } from './timing.ts';

const POSITION = { FIRST: 0, LAST: 1, AT_TIME: 2, AT_OFFSET: 3 } as const;

/** How long the control header of an answer is at the least. */
function answerBytes(name: 'OFFSET_FETCH' | 'OFFSET_LOOKUP', items: readonly Header[]): number {
  const type = CONTROL_HEADERS[name].response as { encode(init: unknown): Uint8Array };
  return type.encode({ offsets: items }).length;
}

/** One item for each queue, in their order. */
function isInOrder({ header, answer }: Exchange): boolean {
  const { queues } = header;
  return (
    answer.offsets.length === queues.length &&
    queues.every((one: Header, i: number) => answer.offsets[i].topic === one.topic && answer.offsets[i].queue === one.queue)
  );
}

const listOf = (items: readonly Header[]): string =>
  items
    .slice(0, 6)
    .map(({ topic, queue }) => `${topic}/${queue}`)
    .join(', ');

/** @returns whether there is one item for each queue, in their order; says so where there is not. */
function expectOrder(view: View, judge: Judge, exchange: Exchange): boolean {
  if (!isShort(exchange) || !expectServed(view, judge, exchange, `${exchange.name}`)) return false;
  if (isInOrder(exchange)) return true;
  const { header, answer, response, request } = exchange;
  judge.fail(response ?? request, `expected items for ${listOf(header.queues)}, got ${listOf(answer.offsets)}`, 'offsets');
  return false;
}

const fetch: Clause = {
  id: 'QNT-OFS-009',
  roles: ['broker'],
  check(view, judge) {
    for (const exchange of plainRequests(view, 'OFFSET_FETCH'))
      if (expectOrder(view, judge, exchange)) judge.pass(exchange.response ?? exchange.request);
    for (const one of fetchesOf(view)) {
      if (one.known.has !== false || one.exchange.response === undefined) continue;
      const wrong = wrongOffset(one, one.committed, one.offset);
      judgeThat(
        judge,
        one.exchange.response,
        wrong === undefined,
        () => `${one.group} in ${one.topic}/${one.queue}: ${wrong}`,
        'committed',
      );
    }
  },
};

const lookUp: Clause = {
  id: 'QNT-OFS-010',
  roles: ['broker'],
  check(view, judge) {
    const model = modelOf(view);
    for (const exchange of plainRequests(view, 'OFFSET_LOOKUP')) {
      const { header, answer, response } = exchange;
      if (header.queues.some(({ position }: Header) => position === POSITION.AT_OFFSET)) continue;
      if (!expectOrder(view, judge, exchange) || response === undefined) continue;
      const span = spanOf(view, exchange);
      header.queues.forEach((asked: Header, i: number) => {
        const queue = model.queue(asked.topic, asked.queue, span);
        const { code, offset } = answer.offsets[i];
        if (!(queue instanceof QueueModel)) return;
        const place = `${asked.topic}/${asked.queue}`;
        if (code !== 0) return judge.fail(response, `expected an offset of ${place}, got ${codeName(code)}`, 'code');
        const range = rangeOf(asked, queue, span);
        if (range === undefined) return;
        judgeThat(
          judge,
          response,
          isWithin(offset, range),
          () => `expected ${shownRange(range)} for ${positionOf(asked)} of ${place}, got ${offset}`,
          'offset',
        );
      });
    }
  },
};

const positionOf = ({ position, timeMs }: Header): string => ['FIRST', 'LAST', `AT_TIME ${timeMs}`][position] ?? `${position}`;

function rangeOf({ position, timeMs }: Header, queue: QueueModel, span: ReturnType<typeof spanOf>): Range | undefined {
  if (position === POSITION.FIRST) return queue.oldest(span);
  if (position === POSITION.LAST) return queue.highWatermark(span);
  const offset = queue.offsetByTime(timeMs, span);
  return offset === undefined ? undefined : { least: offset, most: offset };
}

const lookUpAtOffset: Clause = {
  id: 'QNT-OFS-011',
  roles: ['broker'],
  check(view, judge) {
    for (const exchange of plainRequests(view, 'OFFSET_LOOKUP'))
      if (isShort(exchange) && exchange.header.queues.some(({ position }: Header) => position === POSITION.AT_OFFSET))
        expectCode(view, judge, exchange, 'INVALID_ARGUMENT', 'OFFSET_LOOKUP with AT_OFFSET');
  },
};

const missingQueue: Clause = {
  id: 'QNT-OFS-012',
  roles: ['broker'],
  check(view, judge) {
    const model = modelOf(view);
    for (const exchange of plainRequests(view, 'OFFSET_FETCH', 'OFFSET_LOOKUP', 'OFFSET_COMMIT')) {
      const { header, answer, response, code, name } = exchange;
      if (answer === undefined || response === undefined || code !== undefined) continue;
      const span = spanOf(view, exchange);
      const items: readonly Header[] = header.queues ?? header.offsets;
      items.forEach(({ topic, queue: number }, i) => {
        const queue = model.queue(topic, number, span);
        if (typeof queue !== 'string') return;
        const isIt = (one: Header): boolean => one.topic === topic && one.queue === number;
        const item = name === 'OFFSET_COMMIT' ? answer.results.find(isIt) : answer.offsets[i];
        const got = codeName(item?.code ?? 0);
        judgeThat(
          judge,
          response,
          got === queue,
          () => `expected ${queue} for ${topic}/${number} in ${name}, got ${got}`,
          'code',
        );
      });
    }
  },
};

const longAnswer: Clause = {
  id: 'QNT-OFS-013',
  roles: ['broker'],
  check(view, judge) {
    const most = LIMITS.CONTROL_HEADER_BYTES_MAX;
    const model = modelOf(view);
    for (const exchange of plainRequests(view, 'OFFSET_FETCH', 'OFFSET_LOOKUP')) {
      const { header } = exchange;
      if (header.queues.some(({ position }: Header) => position === POSITION.AT_OFFSET)) continue;
      const span = spanOf(view, exchange);
      const items = header.queues.map(({ topic, queue }: Header) => {
        const known = model.queue(topic, queue, span);
        return { topic, queue, code: known === 'TOPIC_NOT_FOUND' ? 4_005 : known === 'QUEUE_NOT_FOUND' ? 4_006 : 0 };
      });
      const bytes = answerBytes(exchange.name as 'OFFSET_FETCH', items);
      if (bytes > most) expectCode(view, judge, exchange, 'LIMIT_EXCEEDED', `an answer of ${bytes} bytes at the least`);
    }
  },
};

/** OFFSET_FETCH and OFFSET_LOOKUP. */
export const OFFSET_QUESTIONS: readonly Clause[] = [fetch, lookUp, lookUpAtOffset, missingQueue, longAnswer];
