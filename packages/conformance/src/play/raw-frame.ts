import { FRAME_HEADER_BYTES, FRAME_LENGTH_MIN, writeUint16At, writeUint32At } from '@qanat/core';

/** What one frame is made of; everything can be wrong. */
export interface FrameParts {
  readonly type: number;
  readonly flags?: number;
  readonly correlation?: number;
  readonly control?: Uint8Array;
  readonly payload?: Uint8Array;
  readonly reserved?: number;
  /** Instead of the true length of what follows the length field. */
  readonly length?: number;
  /** Instead of the true length of the control header. */
  readonly controlLength?: number;
}

const NO_BYTES = new Uint8Array(0);

/** The bytes of a frame, checked by nothing. */
export function rawFrame(parts: FrameParts): Uint8Array {
  const { type, flags = 0, correlation = 0, control = NO_BYTES, payload = NO_BYTES, reserved = 0 } = parts;
  const bytes = new Uint8Array(FRAME_HEADER_BYTES + control.length + payload.length);
  writeUint32At(bytes, 0, parts.length ?? FRAME_LENGTH_MIN + control.length + payload.length);
  writeUint16At(bytes, 4, type);
  bytes[6] = flags;
  bytes[7] = reserved;
  writeUint32At(bytes, 8, correlation);
  writeUint32At(bytes, 12, parts.controlLength ?? control.length);
  bytes.set(control, FRAME_HEADER_BYTES);
  bytes.set(payload, FRAME_HEADER_BYTES + control.length);
  return bytes;
}
