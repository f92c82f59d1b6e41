import { AckLevel, Flag, WIRE_ERRORS, type WireErrorCode } from '@qanat/core';
import { isOfSecurity } from '../../history/entry.ts';
import type { ConnectionSeen, Exchange, FrameSeen, View } from '../../history/view.ts';
import { type BatchFields, fieldsOf, keyOf } from './batch-oracle.ts';

/** What became of a SEND: what the broker said of it, or that it said nothing. */
export type Outcome = 'stored' | 'duplicate' | 'rejected' | 'unknown' | 'one-way';

/** A SEND of the kit. */
export interface Send {
  readonly frame: FrameSeen;
  /** Undefined for a one-way one. */
  readonly exchange: Exchange | undefined;
  readonly connection: ConnectionSeen;
  readonly topic: string;
  readonly queue: number;
  readonly ack: number;
  readonly batch: Uint8Array;
  /** Undefined for bytes that are shorter than a header. */
  readonly fields: BatchFields | undefined;
  readonly key: string;
  /** Its place in the history, and that of its answer: behind everything where there is none. */
  readonly start: number;
  readonly end: number;
  readonly outcome: Outcome;
  /** Of an error. */
  readonly code: string | undefined;
  /** Of what was stored, now or before. */
  readonly offset: number | undefined;
  readonly storeTimeMs: number | undefined;
}

/** Answers that come before anybody looks at a request. */
const NOT_LOOKED_AT: ReadonlySet<string | undefined> = new Set(['NOT_READY', 'SHUTTING_DOWN', 'TOO_MANY_REQUESTS']);

/** It was answered before anybody looked at it, or because of who had sent it. */
export const isNotLookedAt = (connection: ConnectionSeen, code: string | undefined): boolean =>
  NOT_LOOKED_AT.has(code) || isOfSecurity(connection, code);

/** There is no room: the last line of the decode order. */
export const NO_ROOM: ReadonlySet<string> = new Set(['DISK_FULL', 'BROKER_BUSY']);

/** Class 6xxx: the outcome is not known. */
export const isUncertain = (code: string): boolean => {
  const number = code in WIRE_ERRORS ? WIRE_ERRORS[code as WireErrorCode].number : Number(code);
  return Math.floor(number / 1_000) === 6;
};

function outcomeOf(exchange: Exchange): Outcome {
  const { response, code, answer } = exchange;
  if (response === undefined) return 'unknown';
  if (code !== undefined) return isUncertain(code) ? 'unknown' : 'rejected';
  if (answer === undefined || exchange.responses.length !== 1) return 'unknown';
  return answer.duplicate ? 'duplicate' : 'stored';
}

/** The bytes are a SEND as it should be, so that a broker has to look at what it asks for. */
const isPlain = (frame: FrameSeen): boolean =>
  frame.name === 'SEND' &&
  frame.from === 'kit' &&
  frame.header !== undefined &&
  frame.wrong === undefined &&
  (frame.flags & ~Flag.ONEWAY) === 0 &&
  frame.connection.helloOk !== undefined &&
  !frame.connection.goAways.some(({ from, index }) => from === 'kit' && index < frame.index);

function sendOf(frame: FrameSeen, exchange: Exchange | undefined): Send {
  const { topic, queue, ack } = frame.header;
  const outcome = exchange === undefined ? 'one-way' : outcomeOf(exchange);
  const told = outcome === 'stored' || outcome === 'duplicate' ? exchange?.answer : undefined;
  return {
    frame,
    exchange,
    connection: frame.connection,
    topic,
    queue,
    ack,
    batch: frame.payload,
    fields: fieldsOf(frame.payload),
    key: keyOf(frame.payload),
    start: frame.index,
    end: exchange?.response?.index ?? Number.POSITIVE_INFINITY,
    outcome,
    code: exchange?.code,
    offset: told?.baseOffset,
    storeTimeMs: told?.storeTimeMs,
  };
}

/** All of them, in the order in which they were sent. */
export function sendsOf(view: View): readonly Send[] {
  const asked = view.requests('SEND', 'kit').filter(({ request, requests }) => requests.length === 1 && isPlain(request));
  const oneWays = view.oneWays('SEND', 'kit').filter(isPlain);
  return [
    ...asked.map((exchange) => sendOf(exchange.request, exchange)),
    ...oneWays.map((frame) => sendOf(frame, undefined)),
  ].sort((a, b) => a.start - b.start);
}

/** A one-way SEND that a broker stores in silence, if it is right in all else. */
export const isSilent = (send: Send): boolean => send.ack === AckLevel.ACK_NONE && send.fields?.producerId === 0;

/** Whether it may be in the queue, for all that the kit knows. */
export const mayBeStored = (send: Send): boolean => {
  if (send.outcome === 'one-way') return isSilent(send);
  return send.outcome !== 'rejected' && send.outcome !== 'duplicate';
};
