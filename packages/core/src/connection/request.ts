import { codeOfWireNumber, type ErrorCode, errorClass, QanatError, wireNumberOf } from '../errors.ts';
import { utf8Length } from '../wire/bytes.ts';
import { encodeFrame, Flag } from '../wire/frame.ts';
import type { CONTROL_HEADERS } from '../wire/gen/control-headers.ts';
import { ErrorInfo, type ErrorInfoInit } from '../wire/gen/messages.ts';
import { LIMITS, WIRE_ERRORS, type WireErrorCode } from '../wire/gen/registry.ts';
import type { MessageType } from '../wire/protobuf.ts';

type Controls = typeof CONTROL_HEADERS;
/** The frame types that version 1.0 serves. */
export type LiveFrame = keyof Controls;
export type RequestHeader<N extends LiveFrame> = Controls[N]['request'] extends MessageType<infer Value, infer _> ? Value : never;
export type RequestInit<N extends LiveFrame> = Controls[N]['request'] extends MessageType<infer _, infer Init> ? Init : never;
export type ResponseHeader<N extends LiveFrame> =
  Controls[N]['response'] extends MessageType<infer Value, infer _> ? Value : undefined;
export type ResponseInit<N extends LiveFrame> = Controls[N]['response'] extends MessageType<infer _, infer Init> ? Init : never;

/**
 * An answer: every control header (several when the server used MORE) and the payload of the last frame, which the caller owns.
 */
export interface Response<N extends LiveFrame> {
  readonly header: ResponseHeader<N>;
  readonly headers: readonly ResponseHeader<N>[];
  readonly payload: Uint8Array;
}

export type ResponseDone<N extends LiveFrame> = (error: QanatError | undefined, response: Response<N>) => void;

/** How a client writes a request of its own, and reads the answer. */
export interface ClientCodec {
  encode(header: unknown): Uint8Array;
  decode(bytes: Uint8Array): unknown;
}

export interface RequestOptions {
  /** When to give up, ms from now. The error is TIMEOUT; a late answer is dropped. */
  readonly timeoutMs: number;
  readonly payload?: readonly Uint8Array[];
  /** Of a frame that is not in CLIENT_REQUESTS, but in a part that is loaded later. */
  readonly codec?: ClientCodec;
}

/** Cuts an error message to what the wire allows. */
function boundedMessage(text: string): string {
  let message = text;
  // A cut between the halves of a surrogate pair would leave half a character.
  while (utf8Length(message) > LIMITS.ERROR_MESSAGE_BYTES_MAX)
    message = `${message.slice(0, Math.floor(message.length * 0.9) - 1).replace(/[\ud800-\udbff]$/, '')}…`;
  return message;
}

/**
 * A local code does not travel: nothing that goes wrong at a server is its client's fault (spec, chapter of errors). Of a defect
 * nobody can tell whether it came before or after the request took effect.
 */
function wireNumberOfLocal({ code, outcome }: QanatError): number {
  return wireNumberOf(code === 'INTERNAL' || outcome === 'unknown' ? 'STORAGE_FAILED' : 'NOT_READY');
}

/** Whether the connection ends with the error. */
export const closes = (error: QanatError): boolean =>
  error.code in WIRE_ERRORS && errorClass(error.wireNumber) === 1 && WIRE_ERRORS[error.code as WireErrorCode].closes;

/** What an error looks like on the wire. */
export function errorInfo(error: QanatError): ErrorInfoInit {
  return {
    code: error.wireNumber === 0 ? wireNumberOfLocal(error) : error.wireNumber,
    message: boundedMessage(error.message),
    retryAfterMs: error.retryAfterMs,
    expectedSequence: error.expectedSequence,
  };
}

export const encodeError = (type: number, correlation: number, error: QanatError): readonly Uint8Array[] =>
  encodeFrame(type, Flag.RESPONSE | Flag.ERROR, correlation, ErrorInfo.encode(errorInfo(error)));

/** The error that a server answered with. */
export function wireError(info: ErrorInfo): QanatError {
  return new QanatError(codeOfWireNumber(info.code), info.message, {
    wireNumber: info.code,
    ...(info.retryAfterMs > 0 ? { retryAfterMs: info.retryAfterMs } : {}),
    ...(info.expectedSequence > 0 ? { expectedSequence: info.expectedSequence } : {}),
  });
}

/** A QanatError from a code alone, for results of many queues. */
export const codeNumber = (code: ErrorCode | undefined): number => (code === undefined ? 0 : wireNumberOf(code));
