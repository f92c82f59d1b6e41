import { BATCH_HEADER_BYTES, readBatchHeader } from '@qanat/core';
import { hexOf, type Json } from '../json.ts';
import type { HistoryEvent } from './event.ts';
import { type ConnectionSeen, type Exchange, type Header, View } from './view.ts';

/** Fields that tell a time, an address or a number that an implementation draws: no two runs have the same. */
const VOLATILE = /(Ms|[aA]ddress|storeId|term|incarnation|producerId|label|generation)$/;

/**
 * What was said in a history, connection by connection, without what clock and transport have a part in: prefaces, times,
 * addresses, and how requests of different connections mingle. The same program gives the same over every transport.
 */
export const canonicalHistory = (events: readonly HistoryEvent[]): readonly Json[] =>
  new View(events, 0).connections.filter(({ openedBy }) => openedBy === 'kit').map(conversation);

function conversation({ exchanges, frames, closed, goAways }: ConnectionSeen): Json {
  const pushes = frames.filter(({ from, isOneWay, name }) => from === 'subject' && isOneWay && name !== 'GOAWAY');
  return {
    // What was asked while the end was on its way may have been read or not.
    asked: exchanges
      .filter(({ request, response }) => request.from === 'kit' && (response !== undefined || closed?.by !== 'subject'))
      .map(asked),
    pushed: [...new Set(pushes.map(({ name, type }) => name ?? type))],
    goAways: goAways.map(({ from, code }) => `${from} ${code}`),
    closedBy: closed?.by ?? null,
  };
}

const asked = (exchange: Exchange): Json => ({
  request: exchange.name ?? exchange.request.type,
  ...(exchange.response === undefined
    ? { answer: null }
    : { answer: exchange.code ?? scrubbed(exchange.answer), flags: exchange.response.flags, payload: payloadOf(exchange) }),
});

function scrubbed(value: Header): Json {
  if (value instanceof Uint8Array) return hexOf(value);
  if (Array.isArray(value)) return value.map(scrubbed);
  if (typeof value !== 'object' || value === null) return value ?? null;
  const fields = Object.entries(value).filter(([name]) => !VOLATILE.test(name));
  return Object.fromEntries(fields.map(([name, one]) => [name, scrubbed(one)]));
}

/** Of batches the offsets and records: brokers stamp times and terms into their headers. */
function payloadOf({ name, payload, code }: Exchange): Json {
  if (name !== 'PULL' || code !== undefined) return hexOf(payload);
  const batches: Json[] = [];
  for (let at = 0; at + BATCH_HEADER_BYTES <= payload.length; ) {
    const { length, baseOffset, recordCount } = readBatchHeader(payload, at);
    batches.push({ baseOffset, recordCount, records: hexOf(payload.subarray(at + BATCH_HEADER_BYTES, at + length)) });
    at += length;
  }
  return batches;
}

/** Where two canonical histories part. @returns undefined where they are the same. */
export function firstDifference(one: readonly Json[], other: readonly Json[]): string | undefined {
  const count = Math.max(one.length, other.length);
  for (let i = 0; i < count; i++) {
    const [a, b] = [JSON.stringify(one[i]), JSON.stringify(other[i])];
    if (a === b) continue;
    let at = 0;
    while (a?.[at] !== undefined && a[at] === b?.[at]) at++;
    const around = (text: string | undefined): string => text?.slice(Math.max(0, at - 80), at + 80) ?? 'nothing';
    return `connection ${i}: ${around(a)} … ${around(b)}`;
  }
  return undefined;
}
