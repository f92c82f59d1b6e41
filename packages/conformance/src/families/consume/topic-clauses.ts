import { compareTexts, LIMITS, nameError } from '@qanat/core';
import { type Clause, type Judge, judgeThat } from '../../clause/clause.ts';
import type { Exchange, Header, View } from '../../history/view.ts';
import { objectOf } from '../../play/program.ts';
import { isTelling, plainRequests, type Span, spanOf } from './acts.ts';
import { isSame } from './batches.ts';
import { modelOf } from './broker-model.ts';
import { fetchesOf } from './offset-commits.ts';
import { nameOf, pullsOf } from './pulled.ts';
import { isWithin, shownRange } from './queue-model.ts';
import { cameBy, expectCode, expectServed } from './timing.ts';
import { Life } from './topic-model.ts';

const create: Clause = {
  id: 'QNT-ADM-001',
  roles: ['broker'],
  check(view, judge) {
    const model = modelOf(view);
    for (const exchange of plainRequests(view, 'TOPIC_CREATE')) {
      const { header, answer, response, code } = exchange;
      const isNew = model.topic(header.topic, spanOf(view, exchange)) === 'absent';
      if (isNew && isGood(header) && response?.isError === true && isTelling(exchange) && code !== 'LIMIT_EXCEEDED')
        judge.fail(response, `expected topic ${header.topic} to be made, got ${code}`, 'code');
      if (answer === undefined || response === undefined || answer.existed) continue;
      const isRight = header.queues === 0 ? answer.queues >= 1 : answer.queues === header.queues;
      judgeThat(judge, response, isRight, () => `expected ${header.queues || 'some'} queues, got ${answer.queues}`, 'queues');
    }
    judgeSizes(view, judge);
  },
};

const isGood = ({ topic, queues, onDemand }: Header): boolean =>
  nameError(topic) === undefined && queues <= LIMITS.QUEUES_PER_TOPIC_MAX && onDemand !== true;

/** What is told later has as many queues as were made, through restarts. */
function judgeSizes(view: View, judge: Judge): void {
  const model = modelOf(view);
  for (const exchange of plainRequests(view, 'TOPIC_DESCRIBE')) {
    const { header, answer, response, code } = exchange;
    const span = spanOf(view, exchange);
    const life = model.topic(header.topic, span);
    if (!(life instanceof Life) || response === undefined) continue;
    if (code === 'TOPIC_NOT_FOUND') judge.fail(response, `expected the topic ${header.topic} that was made, got ${code}`, 'code');
    if (answer === undefined) continue;
    const range = life.queues(span);
    judgeThat(
      judge,
      response,
      isWithin(answer.queues.length, range),
      () => `expected ${shownRange(range)} queues of ${header.topic}, got ${answer.queues.length}`,
      'queues',
    );
  }
}

const createAgain: Clause = {
  id: 'QNT-ADM-002',
  roles: ['broker'],
  check(view, judge) {
    const model = modelOf(view);
    for (const exchange of plainRequests(view, 'TOPIC_CREATE')) {
      const { header, answer, response } = exchange;
      const span = spanOf(view, exchange);
      const life = model.topic(header.topic, span);
      if (!(life instanceof Life) || header.queues > LIMITS.QUEUES_PER_TOPIC_MAX) continue;
      const { least, most } = life.queues(span);
      if (least !== most) continue;
      if (header.queues !== 0 && header.queues !== least) {
        expectCode(view, judge, exchange, 'TOPIC_EXISTS', `${header.topic} with ${header.queues} queues where it has ${least}`);
        continue;
      }
      if (!expectServed(view, judge, exchange, `TOPIC_CREATE of ${header.topic}, which exists,`) || response === undefined)
        continue;
      const isRight = answer.existed === true && answer.queues === least;
      const field = answer.existed === true ? 'queues' : 'existed';
      judgeThat(
        judge,
        response,
        isRight,
        () => `expected existed with ${least} queues, got ${answer.existed} with ${answer.queues}`,
        field,
      );
    }
  },
};

const onDemand: Clause = {
  id: 'QNT-ADM-003',
  roles: ['broker'],
  check(view, judge) {
    const model = modelOf(view);
    const disabled = plainRequests(view, 'TOPIC_CREATE').find(({ code }) => code === 'CREATION_DISABLED');
    const creates = model.settings.createsTopics === false || disabled !== undefined;
    for (const exchange of plainRequests(view, 'TOPIC_CREATE')) {
      const { header, response, code } = exchange;
      const isNew = model.topic(header.topic, spanOf(view, exchange)) === 'absent' && isGood({ ...header, onDemand: false });
      if (code === 'CREATION_DISABLED' && !header.onDemand && response !== undefined)
        judge.fail(response, `expected CREATION_DISABLED for topics on demand only, got it for ${header.topic}`, 'code');
      else if (creates && header.onDemand) {
        if (isNew || exchange.answer?.existed === false)
          expectCode(view, judge, exchange, 'CREATION_DISABLED', `the topic ${header.topic} on demand`);
      }
    }
  },
};

const topicLimits: Clause = {
  id: 'QNT-ADM-004',
  roles: ['broker'],
  check(view, judge) {
    const model = modelOf(view);
    const { topicsMax } = objectOf(model.settings, 'limits');
    for (const exchange of plainRequests(view, 'TOPIC_CREATE', 'TOPIC_ALTER')) {
      const { header, name } = exchange;
      // What the request itself makes does not count.
      const at = { from: exchange.request.index, to: exchange.request.index };
      const state = model.topic(header.topic, at);
      const isCreate = name === 'TOPIC_CREATE';
      if (header.topic === '') continue;
      if (isCreate && nameError(header.topic) !== undefined)
        expectCode(view, judge, exchange, 'INVALID_NAME', `the name ${JSON.stringify(header.topic)}`);
      else if (header.queues > LIMITS.QUEUES_PER_TOPIC_MAX) {
        if (isCreate ? state === 'absent' && !header.onDemand : state instanceof Life)
          expectCode(view, judge, exchange, 'LIMIT_EXCEEDED', `${header.queues} queues`);
      } else if (isCreate && state === 'absent' && typeof topicsMax === 'number') {
        const others = model.topicNames.filter((topic) => model.topic(topic, spanOf(view, exchange)) instanceof Life).length;
        if (others >= topicsMax) expectCode(view, judge, exchange, 'LIMIT_EXCEEDED', `a topic beside ${others}`);
      }
    }
  },
};

const alter: Clause = {
  id: 'QNT-ADM-005',
  roles: ['broker'],
  check(view, judge) {
    const model = modelOf(view);
    for (const exchange of plainRequests(view, 'TOPIC_ALTER')) {
      const { header, answer, response } = exchange;
      const span = spanOf(view, exchange);
      const life = model.topic(header.topic, span);
      if (!(life instanceof Life) || header.queues > LIMITS.QUEUES_PER_TOPIC_MAX) continue;
      const { least } = life.queues(span);
      if (header.queues < least)
        expectCode(view, judge, exchange, 'INVALID_ARGUMENT', `${header.queues} queues where ${header.topic} has ${least}`);
      else if (expectGrown(view, judge, exchange) && response !== undefined)
        judgeThat(
          judge,
          response,
          answer.queues === header.queues,
          () => `expected ${header.queues} queues, got ${answer.queues}`,
          'queues',
        );
    }
  },
};

/** More queues may be refused where the broker has too many of them. */
const expectGrown = (view: View, judge: Judge, exchange: Exchange): boolean =>
  exchange.code !== 'LIMIT_EXCEEDED' &&
  expectServed(view, judge, exchange, `${exchange.header.queues} queues of ${exchange.header.topic}`);

const remove: Clause = {
  id: 'QNT-ADM-006',
  roles: ['broker'],
  check(view, judge) {
    const model = modelOf(view);
    for (const pulled of pullsOf(view)) {
      const { exchange, asked, span, waitMs } = pulled;
      const { request, response } = exchange;
      const [one] = asked;
      if (one === undefined || asked.length > 1 || waitMs === 0) continue;
      const life = model.lives(one.topic).find(({ removed }) => removed.from > span.from && removed.from < span.to);
      if (life === undefined || model.topic(one.topic, { from: span.from, to: span.from }) !== life) continue;
      const removedMs = view.events[life.removed.to]?.atMs;
      if (removedMs === undefined || removedMs > request.atMs + waitMs - view.slackMs) continue;
      const what = `expected TOPIC_NOT_FOUND for the PULL of ${nameOf(one)} that waited when its topic was removed`;
      const came = cameBy(view, exchange, removedMs);
      if (came === false) judge.fail(response ?? request, `${what}, got no answer in time`);
      else if (response === undefined || exchange.code !== undefined) continue;
      else if (one.result?.code === 'TOPIC_NOT_FOUND') judge.pass(response);
      else if (one.result === undefined) judge.fail(response, `${what}, got no result`, 'results');
    }
    judgeRemoved(view, judge);
  },
};

/** Behind the removal nothing is left of the topic. */
function judgeRemoved(view: View, judge: Judge): void {
  const model = modelOf(view);
  for (const { exchange, asked, span } of pullsOf(view)) {
    for (const one of asked) {
      if (exchange.response === undefined || one.result === undefined || model.lives(one.topic).length === 0) continue;
      if (model.topic(one.topic, span) !== 'absent' || model.lives(one.topic).every(({ made }) => made.from > span.to)) continue;
      const { code } = one.result;
      judgeThat(
        judge,
        exchange.response,
        code === 'TOPIC_NOT_FOUND',
        () => `expected TOPIC_NOT_FOUND for ${nameOf(one)}, whose topic was removed, got ${code}`,
        'code',
      );
    }
  }
}

const madeAgain: Clause = {
  id: 'QNT-ADM-007',
  roles: ['broker'],
  check(view, judge) {
    const model = modelOf(view);
    for (const exchange of plainRequests(view, 'TOPIC_DESCRIBE')) {
      const { header, answer, response } = exchange;
      const span = spanOf(view, exchange);
      const life = model.topic(header.topic, span);
      if (!(life instanceof Life) || life.number === 0 || answer === undefined || response === undefined) continue;
      for (const { queue, oldestOffset, highWatermark } of answer.queues) {
        const high = life.queue(queue).highWatermark(span);
        const isRight = isWithin(highWatermark, high) && isWithin(oldestOffset, life.queue(queue).oldest(span));
        const what = `expected ${header.topic}/${queue}, made again, to have the offsets 0 to ${shownRange(high)}`;
        judgeThat(judge, response, isRight, () => `${what}, got ${oldestOffset} to ${highWatermark}`, 'high_watermark');
      }
    }
    judgeMessagesAgain(view, judge);
    for (const { exchange, life, known, committed, offset, group, topic, queue } of fetchesOf(view)) {
      if (life.number === 0 || known.has !== false || exchange.response === undefined) continue;
      judgeThat(
        judge,
        exchange.response,
        !committed,
        () => `expected no offset of ${group} in ${topic}/${queue}, which was made again, got ${offset}`,
        'committed',
      );
    }
  },
};

/** Messages of an earlier life do not come back. */
function judgeMessagesAgain(view: View, judge: Judge): void {
  const model = modelOf(view);
  for (const { exchange, answered, span } of pullsOf(view))
    for (const one of answered) {
      const life = model.topic(one.topic, span);
      const { batches } = one.result;
      if (!(life instanceof Life) || life.number === 0 || batches === undefined || exchange.response === undefined) continue;
      const { writes } = life.queue(one.queue);
      judgeThat(
        judge,
        exchange.response,
        batches.every(({ bytes }) => writes.some(({ sent }) => isSame(bytes, sent))),
        () => `expected messages of the present ${one.topic}, which was made again, got others of ${nameOf(one)}`,
        'payload',
      );
    }
}

const absent: Clause = {
  id: 'QNT-ADM-008',
  roles: ['broker'],
  check(view, judge) {
    const model = modelOf(view);
    for (const exchange of plainRequests(view, 'TOPIC_ALTER', 'TOPIC_REMOVE', 'TOPIC_DESCRIBE')) {
      const { topic } = exchange.header;
      if (model.topic(topic, spanOf(view, exchange)) !== 'absent') continue;
      expectCode(view, judge, exchange, 'TOPIC_NOT_FOUND', `${exchange.name} of ${topic}, which does not exist`);
    }
  },
};

/** Names are sorted by their UTF-8. */
export const isSorted = (names: readonly string[]): boolean =>
  names.every((name, i) => i === 0 || compareTexts(names[i - 1] as string, name) < 0);

const lists: Clause = {
  id: 'QNT-ADM-009',
  roles: ['broker'],
  check(view, judge) {
    for (const exchange of plainRequests(view, 'TOPIC_LIST')) {
      const { answer, response } = exchange;
      if (answer === undefined || response === undefined) continue;
      const wrong = wrongList(view, exchange.answer.topics, spanOf(view, exchange));
      judgeThat(judge, response, wrong === undefined, () => wrong ?? '', 'topics');
    }
    for (const { answer, response, header } of plainRequests(view, 'TOPIC_DESCRIBE')) {
      if (answer === undefined || response === undefined) continue;
      const numbers: readonly number[] = answer.queues.map(({ queue }: Header) => queue);
      judgeThat(
        judge,
        response,
        numbers.every((number, i) => number === i),
        () => `expected every queue of ${header.topic} by number, got ${numbers.slice(0, 8).join(', ')}`,
        'queues',
      );
    }
  },
};

function wrongList(view: View, topics: readonly Header[], span: Span): string | undefined {
  const names = topics.map(({ topic }) => topic);
  if (!isSorted(names)) return `expected topics sorted by name, got ${names.slice(0, 8).join(', ')}`;
  const model = modelOf(view);
  for (const topic of model.topicNames) {
    const life = model.topic(topic, span);
    const listed = topics.find((one) => one.topic === topic);
    if (life instanceof Life) {
      if (listed === undefined) return `expected ${topic} in the list, got none`;
      if (!isWithin(listed.queues, life.queues(span)))
        return `expected ${shownRange(life.queues(span))} queues of ${topic}, got ${listed.queues}`;
    } else if (life === 'absent' && listed !== undefined && model.lives(topic).length > 0)
      return `expected no ${topic} in the list, got it`;
  }
  return undefined;
}

const watermark: Clause = {
  id: 'QNT-ADM-010',
  roles: ['broker'],
  check(view, judge) {
    const model = modelOf(view);
    for (const exchange of plainRequests(view, 'TOPIC_DESCRIBE')) {
      const { header, answer, response } = exchange;
      const span = spanOf(view, exchange);
      const life = model.topic(header.topic, span);
      if (!(life instanceof Life) || answer === undefined || response === undefined) continue;
      for (const { queue, highWatermark } of answer.queues) {
        const { most } = life.queue(queue).highWatermark(span);
        judgeThat(
          judge,
          response,
          highWatermark <= most,
          () => `expected a high watermark of at most ${most} in ${header.topic}/${queue}, got ${highWatermark}`,
          'high_watermark',
        );
      }
    }
  },
};

/** Topics by the hand of an operator. */
export const TOPIC_CLAUSES: readonly Clause[] = [
  create,
  createAgain,
  onDemand,
  topicLimits,
  alter,
  remove,
  madeAgain,
  absent,
  lists,
  watermark,
];
