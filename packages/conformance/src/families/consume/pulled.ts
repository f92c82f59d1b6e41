import { parseFilter } from '@qanat/core';
import { codeName, type Exchange, type Header, type View } from '../../history/view.ts';
import { plainRequests, type Span, spanOf, subjectEvents } from './acts.ts';
import { type BatchSeen, hasHit, splitBatches } from './batches.ts';
import { type BrokerModel, modelOf } from './broker-model.ts';
import { QueueModel } from './queue-model.ts';
import { hasTimes } from './timing.ts';

/** One queue that a PULL asked for, with its result where the answer has one. */
export interface Asked {
  readonly topic: string;
  readonly queue: number;
  readonly offset: number;
  readonly epoch: number;
  readonly maxBytes: number;
  /** Undefined lets everything through. */
  readonly filter: ReadonlySet<string> | undefined;
  readonly result: Result | undefined;
}

export interface Result {
  /** The name of its code. */
  readonly code: string;
  readonly nextOffset: number;
  readonly highWatermark: number;
  readonly oldestOffset: number;
  readonly bytes: number;
  /** Undefined where the bytes are not whole batches. */
  readonly batches: readonly BatchSeen[] | undefined;
}

/** A PULL that has to be served, with its answer. */
export interface Pulled {
  readonly exchange: Exchange;
  readonly span: Span;
  readonly group: string;
  readonly member: string;
  readonly poll: number;
  readonly waitMs: number;
  readonly maxBytes: number;
  readonly asked: readonly Asked[];
  /** Those with a result, in the order of the answer. */
  readonly answered: readonly (Asked & { readonly result: Result })[];
  readonly model: BrokerModel;
}

/** What there is to say of a queue: a code, messages, or nothing. Undefined where it is not known. */
export type Say = { readonly kind: 'code'; readonly code: string } | { readonly kind: 'data' | 'nothing' } | undefined;

/** The tags of a filter; a text that is none is `invalid`. */
export function filterOf(text: string): ReadonlySet<string> | undefined | 'invalid' {
  try {
    return parseFilter(text);
  } catch {
    return 'invalid';
  }
}

const cache = new WeakMap<View, readonly Pulled[]>();

/** The PULLs of a history that name each queue once, and wait and filter as they may. */
export function pullsOf(view: View): readonly Pulled[] {
  let pulls = cache.get(view);
  if (pulls === undefined) {
    const model = modelOf(view);
    pulls = plainRequests(view, 'PULL').flatMap((exchange) => pulledOf(view, model, exchange) ?? []);
    cache.set(view, pulls);
  }
  return pulls;
}

const WAIT_MS_MAX = 30_000;

function pulledOf(view: View, model: BrokerModel, exchange: Exchange): Pulled | undefined {
  const { group, member, poll, waitMs, maxBytes, topics } = exchange.header;
  const results = resultsOf(exchange);
  const wanted = topics.flatMap(({ topic, filter, queues }: Header) =>
    queues.map(({ queue, offset, leaseEpoch, maxBytes: own }: Header) => {
      const result = results.find((one) => one.topic === topic && one.queue === queue)?.result;
      return { topic, queue, offset, epoch: leaseEpoch, maxBytes: own, filter: filterOf(filter), result };
    }),
  );
  const names = new Set(wanted.map(({ topic, queue }: Asked) => `${topic}/${queue}`));
  if (wanted.length === 0 || names.size < wanted.length || waitMs > WAIT_MS_MAX) return undefined;
  if (wanted.some(({ filter }: { readonly filter: unknown }) => filter === 'invalid')) return undefined;
  const asked: readonly Asked[] = wanted;
  const answered = results.flatMap(({ topic, queue, result }) =>
    asked.filter((one) => one.topic === topic && one.queue === queue).map((one) => ({ ...one, result })),
  );
  return { exchange, span: spanOf(view, exchange), group, member, poll, waitMs, maxBytes, asked, answered, model };
}

function resultsOf({ answer, payload }: Exchange): readonly { topic: string; queue: number; result: Result }[] {
  let at = 0;
  return (answer?.results ?? []).map(({ topic, queue, code, nextOffset, highWatermark, oldestOffset, bytes }: Header) => {
    const batches = splitBatches(payload.subarray(at, at + bytes));
    at += bytes;
    return { topic, queue, result: { code: codeName(code), nextOffset, highWatermark, oldestOffset, bytes, batches } };
  });
}

/** What there is to say of a queue for a whole span. */
export function sayOf({ model, group, member }: Pulled, asked: Asked, span: Span): Say {
  const queue = model.queue(asked.topic, asked.queue, span);
  if (queue === undefined) return undefined;
  if (!(queue instanceof QueueModel)) return { kind: 'code', code: queue };
  const fence = model.group(group).fence(asked.topic, asked.queue, member, asked.epoch, span);
  if (fence !== 'OK') return fence === undefined ? undefined : { kind: 'code', code: fence };
  return sayOfQueue(queue, asked, span);
}

function sayOfQueue(queue: QueueModel, { offset, filter }: Asked, span: Span): Say {
  const { least, most } = queue.highWatermark(span);
  const oldest = queue.oldest(span);
  if (offset > most || offset < oldest.least) return { kind: 'code', code: 'OFFSET_OUT_OF_RANGE' };
  if (offset < oldest.most) return undefined;
  if (filter === undefined) return offset < least ? { kind: 'data' } : least === most ? { kind: 'nothing' } : undefined;
  const batches = queue.batches(offset, least);
  if (batches === undefined) return undefined;
  const hits = batches.map(({ sent }) => hasHit(sent, filter));
  if (hits.includes('yes')) return { kind: 'data' };
  return least === most && !hits.includes(undefined) ? { kind: 'nothing' } : undefined;
}

/** It was answered before its time: the next one under its number came, or the subject stops, or the kit did not read. */
export function wasEnded(view: View, pulled: Pulled): boolean {
  const { exchange, span, poll } = pulled;
  const isWithin = (index: number): boolean => index > span.from && index < span.to;
  return (
    !hasTimes(view) ||
    exchange.connection.goAways.some(({ index }) => isWithin(index)) ||
    subjectEvents(view).some(({ index }) => isWithin(index)) ||
    exchange.connection.exchanges.some(
      // One that is refused for what it says ends none.
      ({ name, header, request, code }) =>
        name === 'PULL' && header?.poll === poll && code !== 'INVALID_ARGUMENT' && isWithin(request.index),
    )
  );
}

/** A name for people. */
export const nameOf = ({ topic, queue, offset }: Asked): string => `${topic}/${queue} at ${offset}`;
