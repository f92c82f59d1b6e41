import type { Exchange, FrameSeen, Header, View } from '../../history/view.ts';
import { codeName } from '../../history/view.ts';
import { type BatchFields, fieldsOf, keyOf, wholeBatches } from './batch-oracle.ts';
import type { TopicBook } from './topic-book.ts';

/** A batch that the broker served. */
export interface Stored {
  readonly bytes: Uint8Array;
  readonly fields: BatchFields;
  readonly key: string;
}

/** What one PULL said of one queue. */
export interface Reading {
  readonly exchange: Exchange;
  /** The answer. */
  readonly frame: FrameSeen;
  readonly topic: string;
  readonly queue: number;
  /** Topic, generation and queue. */
  readonly place: string;
  /** The offset asked for. */
  readonly from: number;
  /** Everything from `from` on was to be told: no filter, no group. */
  readonly isWhole: boolean;
  /** `NOTHING`: the answer has no results at all. */
  readonly code: string;
  readonly nextOffset: number;
  /** Undefined where it was not told. */
  readonly highWatermark: number | undefined;
  readonly oldestOffset: number | undefined;
  readonly batches: readonly Stored[];
  /** The bytes of this queue are no whole batches. */
  readonly isCut: boolean;
  readonly start: number;
  readonly end: number;
}

/** The whole queue is not there. */
const MISSING: ReadonlySet<string> = new Set(['TOPIC_NOT_FOUND', 'QUEUE_NOT_FOUND']);

export const placeOf = (topic: string, generation: number, queue: number): string => `${topic}/${generation}/${queue}`;

/** What all PULLs said, in the order of their answers. */
export function readingsOf(view: View, topics: TopicBook): readonly Reading[] {
  return view
    .requests('PULL', 'kit')
    .filter(({ requests, responses, answer, header }) => requests.length === 1 && responses.length === 1 && answer && header)
    .flatMap((exchange) => readingsOfPull(view, exchange, topics))
    .sort((a, b) => a.end - b.end);
}

function readingsOfPull(view: View, exchange: Exchange, topics: TopicBook): readonly Reading[] {
  const parts = partsOf(exchange);
  const asked = (exchange.header.topics as Header[]).flatMap(({ topic, filter, queues }: Header) =>
    (queues as Header[]).map(({ queue, offset }: Header) => ({ topic, filter, queue, offset })),
  );
  const names = asked.map(({ topic, queue }) => `${topic}/${queue}`);
  return asked.flatMap(({ topic, filter, queue, offset }, i) => {
    // A queue that is asked for twice has two results that nobody can tell apart.
    if (names.indexOf(names[i] as string) !== names.lastIndexOf(names[i] as string)) return [];
    const isWhole = (filter === '' || filter === '*') && exchange.header.group === '';
    const part = parts.get(names[i] as string);
    const nothing = parts.size === 0 && !isCutShort(view, exchange);
    const reading = readingOf(exchange, topics, { topic, queue, from: offset, isWhole }, part, nothing);
    return reading === undefined ? [] : [reading];
  });
}

/** It may have been answered before its time, with what it had: another PULL came, or the broker was told to stop. */
function isCutShort(view: View, { connection, request, response }: Exchange): boolean {
  const within = (index: number): boolean => index > request.index && index < (response as FrameSeen).index;
  const another = connection.exchanges.some((one) => one.name === 'PULL' && within(one.request.index));
  return another || view.of('subject').some(({ index }) => within(index));
}

interface Part {
  readonly result: Header;
  readonly bytes: Uint8Array;
}

function partsOf({ answer, payload }: Exchange): ReadonlyMap<string, Part> {
  const parts = new Map<string, Part>();
  let at = 0;
  for (const result of answer.results as Header[]) {
    parts.set(`${result.topic}/${result.queue}`, { result, bytes: payload.subarray(at, at + result.bytes) });
    at += result.bytes;
  }
  return parts;
}

function readingOf(
  exchange: Exchange,
  topics: TopicBook,
  asked: Pick<Reading, 'topic' | 'queue' | 'from' | 'isWhole'>,
  part: Part | undefined,
  nothing: boolean,
): Reading | undefined {
  const frame = exchange.response as FrameSeen;
  const [start, end] = [exchange.request.index, frame.index];
  const generation = topics.generation(asked.topic, start, end);
  if (generation === undefined || (part === undefined && !nothing)) return undefined;
  const batches = part === undefined ? [] : wholeBatches(part.bytes);
  const told = part !== undefined && (part.result.code === 0 || codeName(part.result.code) === 'OFFSET_OUT_OF_RANGE');
  return {
    ...asked,
    exchange,
    frame,
    place: placeOf(asked.topic, generation, asked.queue),
    code: part === undefined ? 'NOTHING' : codeName(part.result.code),
    nextOffset: part?.result.nextOffset ?? asked.from,
    highWatermark: told ? part.result.highWatermark : undefined,
    oldestOffset: told ? part.result.oldestOffset : undefined,
    batches: (batches ?? []).map((bytes) => ({ bytes, fields: fieldsOf(bytes) as BatchFields, key: keyOf(bytes) })),
    isCut: batches === undefined,
    start,
    end,
  };
}

/** What a reading says of a place in its queue: the batch that begins there, that there is none, or nothing. */
export function lookAt(reading: Reading, offset: number, count: number): Stored | 'none' | undefined {
  if (reading.isCut) return undefined;
  const found = reading.batches.find(({ fields }) => fields.baseOffset === offset);
  if (found !== undefined) return found;
  if (reading.oldestOffset !== undefined && reading.oldestOffset > offset) return undefined;
  if (!reading.isWhole) return undefined;
  if (reading.code === 'OK' && reading.from <= offset && reading.nextOffset >= offset + count) return 'none';
  if (reading.highWatermark !== undefined && reading.highWatermark < offset + count) return 'none';
  // Nobody has removed the topic since: it is in the same generation.
  return MISSING.has(reading.code) || (reading.code === 'NOTHING' && reading.from <= offset) ? 'none' : undefined;
}
