import { readUint32 } from '@qanat/core';
import type { Exchange, FrameSeen } from '../../history/view.ts';
import { type ClientRun, clientOf, type Facts, once } from '../clients/facts.ts';
import { pulled } from '../clients/joined-clauses.ts';
import { type BatchSeen, readBatch } from '../clients/records.ts';
import { keyOf } from './deliveries.ts';
import { memberRequests, runOfMember } from './leases.ts';

/** One queue of a PULL, with what its answer says of it. */
export interface PullItem {
  readonly topic: string;
  readonly queue: number;
  readonly key: string;
  readonly epoch: number;
  readonly offset: number;
  readonly result: PullResultSeen | undefined;
}

export interface PullResultSeen {
  readonly code: number;
  readonly nextOffset: number;
  readonly batches: readonly BatchBytes[];
}

export interface BatchBytes extends BatchSeen {
  readonly bytes: Uint8Array;
}

export interface PullSeen {
  readonly exchange: Exchange;
  readonly request: FrameSeen;
  readonly node: string;
  readonly run: ClientRun | undefined;
  readonly items: readonly PullItem[];
  /** The answer, where one came that is no error. */
  readonly answer: FrameSeen | undefined;
  /** What is wrong with the answer as a whole. */
  readonly fault: string | undefined;
}

function cut(bytes: Uint8Array): readonly BatchBytes[] {
  const found: BatchBytes[] = [];
  let at = 0;
  while (at < bytes.length) {
    const rest = bytes.length - at;
    const length = rest < 64 ? 0 : readUint32(bytes, at + 4) + 8;
    const whole = length >= 64 && length <= rest;
    const one = bytes.subarray(at, at + (whole ? length : rest));
    found.push({ ...readBatch(one), bytes: one, ...(whole ? {} : { fault: 'sums' as const, records: [] }) });
    at += one.length;
  }
  return found;
}

function read(facts: Facts, exchange: Exchange): PullSeen {
  const { request, connection, header, response, answer, payload } = exchange;
  const node = connection.node;
  const results: readonly { topic: string; queue: number; code: number; nextOffset: number; bytes: number }[] =
    answer?.results ?? [];
  const items = pulled(header);
  const sum = results.reduce((all, { bytes }) => all + bytes, 0);
  const stranger = results.find(({ topic, queue }) => !items.some((item) => item.topic === topic && item.queue === queue));
  const fault =
    response === undefined || response.isError || response.index >= facts.end.index
      ? undefined
      : sum !== payload.length
        ? `says ${sum} bytes and has ${payload.length}`
        : stranger === undefined
          ? undefined
          : `names queue ${stranger.queue} of ${stranger.topic}, which was not asked for`;
  const seen = new Map<string, PullResultSeen>();
  let at = 0;
  for (const { topic, queue, code, nextOffset, bytes } of fault === undefined ? results : []) {
    seen.set(`${topic}/${queue}`, { code, nextOffset, batches: cut(payload.subarray(at, at + bytes)) });
    at += bytes;
  }
  const good = response !== undefined && !response.isError && response.index < facts.end.index;
  return {
    exchange,
    request,
    node,
    run: runOfMember(facts.view).get(header.member) ?? clientOf(facts, connection),
    items: items.map((item) => ({
      ...item,
      key: keyOf(item.topic, node, item.queue),
      result: seen.get(`${item.topic}/${item.queue}`),
    })),
    answer: good ? response : undefined,
    fault,
  };
}

/** All PULL requests, in order. */
export const pullsOf = once((facts: Facts): readonly PullSeen[] =>
  memberRequests(facts.view)
    .filter(({ name }) => name === 'PULL')
    .map((exchange) => read(facts, exchange)),
);
