import { LIMITS } from '@qanat/core';
import { type Clause, judgeThat } from '../../clause/clause.ts';
import { plainRequests } from './acts.ts';
import { hasHit } from './batches.ts';
import { type Asked, filterOf, nameOf, type Pulled, pullsOf } from './pulled.ts';
import { QueueModel, type Write } from './queue-model.ts';
import { cameBy, EARLY_MS, expectCode } from './timing.ts';

/** The batches that hold the offsets from … to of a queue, where all are known. */
function batchesOf({ model, span }: Pulled, { topic, queue }: Asked, from: number, to: number): readonly Write[] | undefined {
  const known = model.queue(topic, queue, span);
  return known instanceof QueueModel ? known.batches(from, to) : undefined;
}

const allHits: Clause = {
  id: 'QNT-PUL-023',
  roles: ['broker'],
  check(view, judge) {
    for (const pulled of pullsOf(view)) {
      const { response } = pulled.exchange;
      for (const one of pulled.answered) {
        const { filter, result, offset } = one;
        if (response === undefined || filter === undefined || result.code !== 'OK' || result.batches === undefined) continue;
        const passed = batchesOf(pulled, one, offset, result.nextOffset);
        const hits = passed?.filter(({ sent }) => hasHit(sent, filter) === 'yes') ?? [];
        const left = hits.find(({ base }) => !result.batches?.some((batch) => batch.base === base));
        const what = `a record that passes ${[...filter].join(' || ')}`;
        if (left !== undefined)
          judge.fail(
            response,
            `expected the batch at offset ${left.base} of ${nameOf(one)}, which has ${what}, got none`,
            'payload',
          );
        else if (hits.length > 0) judge.pass(response);
      }
    }
  },
};

const bytesOf = (batches: readonly Write[]): number => batches.reduce((sum, { sent }) => sum + sent.length, 0);

const progress: Clause = {
  id: 'QNT-PUL-025',
  roles: ['broker'],
  check(view, judge) {
    const most = LIMITS.FILTERED_READ_BYTES_MAX;
    for (const pulled of pullsOf(view)) {
      const { exchange, asked, span } = pulled;
      const [one] = asked;
      if (one?.filter === undefined || asked.length > 1) continue;
      const queue = pulled.model.queue(one.topic, one.queue, span);
      if (!(queue instanceof QueueModel) || !isBeyond(queue, one, span.from)) continue;
      const { request, response } = exchange;
      if (cameBy(view, exchange, request.atMs) === false)
        judge.fail(response ?? request, `expected an answer with the progress in ${nameOf(one)} at once, got a late one or none`);
      if (response === undefined || exchange.code !== undefined) continue;
      const next = one.result?.nextOffset ?? one.offset;
      const looked = queue.batches(one.offset, next);
      if (next <= one.offset) judge.fail(response, `expected progress in ${nameOf(one)}, got none`, 'next_offset');
      else if (looked !== undefined)
        judgeThat(
          judge,
          response,
          bytesOf(looked) <= most,
          () => `expected at most ${most} bytes of ${nameOf(one)} to be looked at, got ${bytesOf(looked)}`,
          'next_offset',
        );
    }
  },
};

/** More bytes than a broker may look at lie behind the offset, and none of them passes. */
function isBeyond(queue: QueueModel, { offset, filter }: Asked, at: number): boolean {
  const batches = queue.batches(offset, queue.highWatermark({ from: at, to: at }).least);
  if (batches === undefined || batches.some(({ sent }) => hasHit(sent, filter) !== 'no')) return false;
  return bytesOf(batches) > LIMITS.FILTERED_READ_BYTES_MAX;
}

const passedOver: Clause = {
  id: 'QNT-PUL-026',
  roles: ['broker'],
  check(view, judge) {
    for (const pulled of pullsOf(view)) {
      const { exchange, waitMs, asked, span } = pulled;
      const { request, response, code } = exchange;
      if (response === undefined || code !== undefined || waitMs === 0 || response.payload.length > 0) continue;
      if (response.atMs < request.atMs + waitMs - EARLY_MS) continue;
      for (const one of asked) {
        const queue = pulled.model.queue(one.topic, one.queue, span);
        if (one.filter === undefined || !(queue instanceof QueueModel)) continue;
        if (pulled.model.group(pulled.group).fence(one.topic, one.queue, pulled.member, one.epoch, span) !== 'OK') continue;
        const { least } = queue.highWatermark({ from: span.from, to: span.from });
        const passed = queue.batches(one.offset, least) ?? [];
        if (passed.length === 0 || passed.some(({ sent }) => hasHit(sent, one.filter) !== 'no')) continue;
        const next = one.result?.nextOffset ?? one.offset;
        judgeThat(
          judge,
          response,
          next > one.offset,
          () => `expected the progress in ${nameOf(one)}, of which a filter passed messages over, got none`,
          'results',
        );
      }
    }
  },
};

const badFilter: Clause = {
  id: 'QNT-PUL-027',
  roles: ['broker'],
  check(view, judge) {
    for (const exchange of plainRequests(view, 'PULL')) {
      const filters: readonly string[] = exchange.header.topics.map(({ filter }: { readonly filter: string }) => filter);
      const bad = filters.find((filter) => filterOf(filter) === 'invalid');
      if (bad !== undefined)
        expectCode(view, judge, exchange, 'INVALID_ARGUMENT', `the filter ${JSON.stringify(bad.slice(0, 40))}`);
    }
  },
};

/** PULL with filters. */
export const PULL_FILTERS: readonly Clause[] = [allHits, progress, passedOver, badFilter];
