// Reads facts from frames, as an outsider would.
import {
  CONTROL_HEADERS,
  codeOfWireNumber,
  decodeFrame,
  ErrorInfo,
  Flag,
  FRAME_NAMES,
  type Frame,
  type LiveFrame,
  type RequestHeader,
  type ResponseHeader,
} from '@qanat/core';

const TYPE_AT = 4;

/** The name of a frame's type, without decoding the rest. */
export const frameNameOf = (head: Uint8Array): LiveFrame | undefined =>
  FRAME_NAMES.get(((head[TYPE_AT] as number) << 8) | (head[TYPE_AT + 1] as number));

export function joinParts(parts: readonly Uint8Array[]): Uint8Array {
  if (parts.length === 1) return parts[0] as Uint8Array;
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

export const isResponse = (frame: Frame): boolean => (frame.flags & Flag.RESPONSE) !== 0;

/** The code of an answer that is an error, or undefined. */
export function errorCodeOf(frame: Frame): string | undefined {
  return (frame.flags & Flag.ERROR) === 0 ? undefined : codeOf(ErrorInfo.decode(frame.control).code);
}

export const codeOf = (number: number): string => (number === 0 ? 'OK' : codeOfWireNumber(number));

export const requestOf = <N extends LiveFrame>(name: N, frame: Frame): RequestHeader<N> =>
  CONTROL_HEADERS[name].request.decode(frame.control) as RequestHeader<N>;

export const responseOf = <N extends LiveFrame>(name: N, frame: Frame): ResponseHeader<N> =>
  (CONTROL_HEADERS[name].response as { decode(bytes: Uint8Array): unknown }).decode(frame.control) as ResponseHeader<N>;

export { decodeFrame };
