import { BATCH_HEADER_BYTES, Position, readBatchHeader } from '@qanat/core';
import { type Clause, judgeThat } from '../../clause/clause.ts';
import type { Exchange, View } from '../../history/view.ts';
import { classOf, isComplete } from './circumstances.ts';

const UNCERTAIN = 6;

/** Answered with an error that says that nothing happened. */
const isRefused = ({ response }: Exchange): boolean => response?.isError === true && classOf(response) !== UNCERTAIN;

/** Records that a batch says it has; a part of a batch has none. */
const recordsIn = (payload: Uint8Array): number =>
  payload.length < BATCH_HEADER_BYTES ? 0 : readBatchHeader(payload).recordCount;

/** Topics that exist by this program alone: it made them, and has not removed them. */
function ownTopics(view: View): ReadonlySet<string> {
  const made = view
    .requests('TOPIC_CREATE', 'kit')
    .filter(({ answer }) => answer?.existed === false)
    .flatMap(({ header }): string[] => (header === undefined ? [] : [header.topic]));
  const removed = new Set(view.requests('TOPIC_REMOVE', 'kit').map(({ header }) => header?.topic));
  return new Set(made.filter((topic) => !removed.has(topic)));
}

interface Sent {
  readonly place: string;
  readonly index: number;
  readonly records: number;
  readonly refused: boolean;
}

const placeOf = (topic: string, queue: number): string => `${topic}/${queue}`;

/** All batches of the kit, one-way ones included. */
function sentBy(view: View): readonly Sent[] {
  const asked = view.requests('SEND', 'kit').map((one) => ({ frame: one.request, refused: isRefused(one) }));
  const told = view.oneWays('SEND', 'kit').map((frame) => ({ frame, refused: false }));
  return [...asked, ...told].flatMap(({ frame, refused }) =>
    frame.header === undefined
      ? []
      : [
          {
            place: placeOf(frame.header.topic, frame.header.queue),
            index: frame.index,
            records: recordsIn(frame.payload),
            refused,
          },
        ],
  );
}

const brokerTellsTheTruth: Clause = {
  id: 'QNT-ERR-001',
  roles: ['broker'],
  check(view, judge) {
    if (!isComplete(view)) return;
    const topics = ownTopics(view);
    const sent = sentBy(view);
    for (const { header, answer, response } of view.requests('OFFSET_LOOKUP', 'kit')) {
      if (answer === undefined || response === undefined || header === undefined) continue;
      for (const [i, { topic, queue, offset, code }] of answer.offsets.entries()) {
        if (code !== 0 || !topics.has(topic) || header.queues[i]?.position !== Position.LAST) continue;
        const here = sent.filter(({ place, index }) => place === placeOf(topic, queue) && index < response.index);
        const refused = here.filter((one) => one.refused).length;
        const most = here.reduce((sum, one) => sum + (one.refused ? 0 : one.records), 0);
        if (refused === 0) continue;
        judgeThat(
          judge,
          response,
          offset <= most,
          () =>
            `${refused} batches were refused, with codes that say that they have no effect: at most ${most} records can be in ${topic}/${queue}, and its last offset is ${offset}`,
          'offset',
        );
      }
    }
  },
};

const nameServerTellsTheTruth: Clause = {
  id: 'QNT-ERR-001',
  roles: ['nameserver'],
  check(view, judge) {
    if (!isComplete(view)) return;
    const registrations = view.requests('REGISTER_BROKER', 'kit').filter(({ header }) => header !== undefined);
    const maybe = new Set(registrations.filter((one) => !isRefused(one)).map(({ header }) => header.broker));
    const refused = new Map(registrations.filter(isRefused).map((one) => [one.header.broker as string, one]));
    for (const { answer, response } of view.requests('ROUTE_QUERY', 'kit')) {
      if (answer === undefined || response === undefined) continue;
      for (const [broker, { code, response: refusal }] of refused) {
        if (maybe.has(broker) || refusal === undefined || refusal.index > response.index) continue;
        const known = answer.brokers.some((one: { broker: string }) => one.broker === broker);
        judgeThat(
          judge,
          response,
          !known,
          () => `the registration of ${broker} was answered ${code}: it has no effect, and ROUTE_QUERY knows the broker`,
          'brokers',
        );
      }
    }
  },
};

export const REFUSED_CLAUSES: readonly Clause[] = [brokerTellsTheTruth, nameServerTellsTheTruth];
