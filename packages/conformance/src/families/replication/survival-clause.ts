import type { Clause } from '../../clause/clause.ts';
import { replicaTold } from '../../history/replica-told.ts';
import type { Exchange, Header, View } from '../../history/view.ts';
import { codeName } from '../../history/view.ts';
import { hexOf, isObject } from '../../json.ts';
import { numberOf, textOf } from '../../play/program.ts';
import { fieldsOf, wholeBatches } from '../produce/batch-oracle.ts';
import { ACKNOWLEDGED } from './kit-master.ts';
import { clausesBy, Sentences } from './sentences.ts';

const KEEPS = 'QNT-RPL-001';

/** A message that the group has acknowledged with ACK_COMMITTED. */
interface Acknowledged {
  readonly topic: string;
  readonly queue: number;
  readonly offset: number;
  /** What its batch holds, hex. */
  readonly body: string;
  /** From here on in the history. */
  readonly since: number;
}

/** What a PULL of the kit has told of a queue. */
interface Told {
  readonly exchange: Exchange;
  readonly topic: string;
  readonly queue: number;
  readonly from: number;
  readonly nextOffset: number;
  readonly highWatermark: number;
  readonly oldestOffset: number;
  readonly batches: readonly Uint8Array[];
}

/** What was acknowledged is there, at its place, when the subject has become master, or is so again. */
function judgeSurvival(view: View): Sentences {
  const sentences = new Sentences();
  const since = masterAgainAt(view);
  if (replicaTold(view) === undefined || since === undefined) return sentences;
  const acknowledged = [...byTheKit(view), ...bySubject(view)].filter((one) => one.since < since);
  for (const told of view.requests('PULL', 'kit').flatMap(toldBy)) {
    const { response } = told.exchange;
    if (response === undefined || told.exchange.request.index < since) continue;
    for (const one of acknowledged) {
      const state = stateOf(one, told);
      if (state === undefined) continue;
      const says = (): string => `a message was acknowledged at offset ${one.offset} of queue ${one.queue}; there ${state}`;
      sentences.that(KEEPS, response, state === 'it is', says, 'payload');
    }
  }
  return sentences;
}

/** A promotion without a loss, or a start behind an end; undefined where nothing was tried, or a loss was accepted. */
function masterAgainAt(view: View): number | undefined {
  const promotions = view.requests('PROMOTE', 'kit').filter(({ response, code }) => response !== undefined && code === undefined);
  if (promotions.some(({ header }) => header?.acceptLoss === true) || view.notes('powerloss').length > 0) return undefined;
  const isSlave = view.requests('REPLICATE', 'subject').length > 0;
  const starts = view.of('subject').filter(({ what }) => what === 'started');
  return isSlave ? promotions[0]?.response?.index : starts.at(-1)?.index;
}

function byTheKit(view: View): readonly Acknowledged[] {
  return view.notes(ACKNOWLEDGED).flatMap(({ args, index }) => {
    if (!isObject(args)) return [];
    const body = hexOf(new TextEncoder().encode(textOf(args, 'body')));
    return [
      {
        topic: textOf(args, 'topic'),
        queue: numberOf(args, 'queue', 0),
        offset: numberOf(args, 'offset', 0),
        body,
        since: index,
      },
    ];
  });
}

/** Bytes of a batch that no broker changes begin here. */
const BATCH_BODY_AT = 36;

function bySubject(view: View): readonly Acknowledged[] {
  return view.requests('SEND', 'kit').flatMap(({ header, answer, request, response }) => {
    if (header?.ack !== 0 || answer === undefined || response === undefined) return [];
    const body = hexOf(request.payload.subarray(BATCH_BODY_AT));
    return [{ topic: header.topic, queue: header.queue, offset: answer.baseOffset, body, since: response.index }];
  });
}

function toldBy(exchange: Exchange): readonly Told[] {
  let at = 0;
  return ((exchange.answer?.results ?? []) as Header[]).flatMap(
    ({ topic, queue, code, nextOffset, highWatermark, oldestOffset, bytes }) => {
      const batches = wholeBatches(exchange.payload.subarray(at, at + bytes));
      at += bytes;
      const asked = exchange.header.topics.find((one: Header) => one.topic === topic)?.queues;
      const from = asked?.find((one: Header) => one.queue === queue)?.offset;
      if (from === undefined || batches === undefined || !['OK', 'OFFSET_OUT_OF_RANGE'].includes(codeName(code))) return [];
      return [{ exchange, topic, queue, from, nextOffset, highWatermark, oldestOffset, batches }];
    },
  );
}

/** What stands at the place of a message; undefined where the answer does not tell. */
function stateOf({ topic, queue, offset, body }: Acknowledged, told: Told): string | undefined {
  if (told.topic !== topic || told.queue !== queue) return undefined;
  if (told.highWatermark <= offset) return `is nothing: the queue ends at ${told.highWatermark}`;
  // What was kept long enough has left the queue.
  if (told.from > offset || told.nextOffset <= offset || told.oldestOffset > offset) return undefined;
  const batch = told.batches.find((one) => fieldsOf(one)?.baseOffset === offset);
  if (batch === undefined) return 'no batch begins';
  return hexOf(batch).includes(body) ? 'it is' : 'is another one';
}

export const SURVIVAL_CLAUSES: readonly Clause[] = clausesBy(judgeSurvival, [KEEPS], {
  roles: ['broker'],
  needs: ['replication', 'register'],
});
