// Reads facts from frames, as an outsider would.
import {
  CONTROL_HEADERS,
  codeOfWireNumber,
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
