import { QanatError } from '../errors.ts';
import { writeUint16At, writeUint32At } from './bytes.ts';
import { LIMITS } from './gen/registry.ts';

/** Length field and fixed header together (spec, invariants). */
export const FRAME_HEADER_BYTES = 16;
/** The least value of a length field: the fixed header without the length field itself. */
export const FRAME_LENGTH_MIN = FRAME_HEADER_BYTES - 4;

/** Bits of the flags byte (spec, invariants). Unknown bits are ignored. */
export const Flag = {
  RESPONSE: 0x01,
  ONEWAY: 0x02,
  IGNORABLE: 0x04,
  ERROR: 0x08,
  MORE: 0x10,
} as const;

export interface Frame {
  readonly type: number;
  readonly flags: number;
  readonly correlation: number;
  /** The encoded control header: a view of the frame's bytes. */
  readonly control: Uint8Array;
  /** What follows it: a view of the frame's bytes. */
  readonly payload: Uint8Array;
}

const uint32 = (b: Uint8Array, at: number): number =>
  (((b[at] as number) << 24) | ((b[at + 1] as number) << 16) | ((b[at + 2] as number) << 8) | (b[at + 3] as number)) >>> 0;

/**
 * Takes one whole frame apart; nothing is copied.
 * @param bytes the frame, its length field included.
 * @throws QanatError MALFORMED_FRAME when lengths contradict each other (spec, chapter of framing).
 */
export function decodeFrame(bytes: Uint8Array): Frame {
  if (bytes.length < FRAME_HEADER_BYTES || uint32(bytes, 0) !== bytes.length - 4) {
    throw new QanatError('MALFORMED_FRAME', `a frame of ${bytes.length} bytes does not match its length field`);
  }
  const controlLength = uint32(bytes, 12);
  if (controlLength > LIMITS.CONTROL_HEADER_BYTES_MAX || controlLength > bytes.length - FRAME_HEADER_BYTES) {
    throw new QanatError('MALFORMED_FRAME', `control header of ${controlLength} bytes in a frame of ${bytes.length}`);
  }
  const payloadAt = FRAME_HEADER_BYTES + controlLength;
  return {
    type: ((bytes[4] as number) << 8) | (bytes[5] as number),
    flags: bytes[6] as number,
    correlation: uint32(bytes, 8),
    control: bytes.subarray(FRAME_HEADER_BYTES, payloadAt),
    payload: bytes.subarray(payloadAt),
  };
}

/** The head of a frame: fixed header and control header; `payloadLength` bytes follow it. */
export function encodeFrameHead(
  type: number,
  flags: number,
  correlation: number,
  control: Uint8Array,
  payloadLength: number,
): Uint8Array {
  if (control.length > LIMITS.CONTROL_HEADER_BYTES_MAX) {
    throw new QanatError('LIMIT_EXCEEDED', `a control header of ${control.length} bytes passes CONTROL_HEADER_BYTES_MAX`);
  }
  const bytes = new Uint8Array(FRAME_HEADER_BYTES + control.length);
  writeUint32At(bytes, 0, FRAME_LENGTH_MIN + control.length + payloadLength);
  writeUint16At(bytes, 4, type);
  bytes[6] = flags;
  writeUint32At(bytes, 8, correlation);
  writeUint32At(bytes, 12, control.length);
  bytes.set(control, FRAME_HEADER_BYTES);
  return bytes;
}

const NO_PAYLOAD: readonly Uint8Array[] = [];

/** A whole frame in parts: its head, then the payload's parts as they are. */
export function encodeFrame(
  type: number,
  flags: number,
  correlation: number,
  control: Uint8Array,
  payload: readonly Uint8Array[] = NO_PAYLOAD,
): readonly Uint8Array[] {
  let length = 0;
  for (const part of payload) length += part.length;
  const head = encodeFrameHead(type, flags, correlation, control, length);
  return length === 0 ? [head] : [head, ...payload];
}

/** The length of a frame given in parts, its length field not counted. */
export function frameLength(parts: readonly Uint8Array[]): number {
  let length = -4;
  for (const part of parts) length += part.length;
  return length;
}

/** One copy of bytes that are given in parts. */
export function joinParts(parts: readonly Uint8Array[]): Uint8Array {
  let length = 0;
  for (const part of parts) length += part.length;
  const whole = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
