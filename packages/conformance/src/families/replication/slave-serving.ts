import type { Exchange, View } from '../../history/view.ts';
import { codeName } from '../../history/view.ts';
import { hexOf } from '../../json.ts';
import { type Entry, entriesIn } from './log-entries.ts';
import type { Sentences } from './sentences.ts';

const REFUSES = 'QNT-RPL-029';
const SHOWS = 'QNT-RPL-030';
/** What masters alone take. */
const OF_MASTERS = new Set([
  ...['SEND', 'INIT_PRODUCER', 'OFFSET_COMMIT', 'STATE_WRITE', 'RELEASE', 'LEAVE'],
  ...['TOPIC_CREATE', 'TOPIC_ALTER', 'TOPIC_REMOVE', 'GROUP_RESET'],
]);
/** Bytes of a batch that no broker changes begin here. */
const BATCH_BODY_AT = 36;

/**
 * What a slave does for clients, until it is promoted.
 * @param committedBefore what the subject was told to be committed before a place of the history.
 */
export function judgeServing(
  view: View,
  asked: readonly Exchange[],
  committedBefore: (index: number) => number,
  sentences: Sentences,
): void {
  const promoted = view.requests('PROMOTE', 'kit')[0]?.request.index ?? Number.POSITIVE_INFINITY;
  const first = asked.find(({ answer }) => answer !== undefined)?.response?.index ?? Number.POSITIVE_INFINITY;
  const entries = asked.flatMap(({ answer, payload }) => (answer === undefined ? [] : (entriesIn(payload) ?? [])));
  for (const exchange of view.exchanges) {
    const { name, request, response, code } = exchange;
    if (request.from !== 'kit' || response === undefined || request.index < first || response.index > promoted) continue;
    if (OF_MASTERS.has(name ?? '') && code !== 'INVALID_ARGUMENT') {
      const says = (): string => `a slave has to refuse ${name} with NOT_MASTER, and answered ${code ?? 'without an error'}`;
      sentences.that(REFUSES, response, code === 'NOT_MASTER', says, 'code');
    }
    if (name === 'PULL' && exchange.answer !== undefined) judgePull(exchange, entries, committedBefore, sentences);
  }
}

function judgePull(
  { answer, payload, response, header }: Exchange,
  entries: readonly Entry[],
  committedBefore: (index: number) => number,
  sentences: Sentences,
): void {
  if (response === undefined) return;
  for (const { topic, queue, code, highWatermark } of answer.results) {
    const asked = header.topics.find((one: { topic: string }) => one.topic === topic)?.queues;
    const offset = asked?.find((one: { queue: number }) => one.queue === queue)?.offset ?? 0;
    if (offset <= highWatermark) continue;
    const says = (): string => `offset ${offset} may be committed elsewhere: NOT_YET has to come, and ${codeName(code)} does`;
    sentences.that(SHOWS, response, codeName(code) === 'NOT_YET', says, 'results');
  }
  const committed = committedBefore(response.index);
  const shown = hexOf(payload);
  const early = entries.find(
    ({ end, body }) => end > committed && body.length > BATCH_BODY_AT && shown.includes(hexOf(body.subarray(BATCH_BODY_AT))),
  );
  if (payload.length === 0 && entries.every(({ end }) => end <= committed)) return;
  const says = (): string => `it shows what ends at ${early?.end} in its log, of which ${committed} is known to be committed`;
  sentences.that(SHOWS, response, early === undefined, says, 'payload');
}
