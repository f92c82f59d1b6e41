import { LIMITS, QanatError } from '@qanat/core';

const LENGTH_FIELD_BYTES = 4;

/** A message holds several frames only up to this length: every peer takes it, before HELLO too. */
export const JOINED_MESSAGE_BYTES_MAX: number = LIMITS.FRAME_BEFORE_HELLO_BYTES_MAX;

/** The longest message is the longest frame with its length field. @returns FRAME_TOO_LARGE for a longer one. */
export function checkMessageLength(bytes: number, frameBytesMax: number): QanatError | undefined {
  const bytesMax = LENGTH_FIELD_BYTES + frameBytesMax;
  if (bytes <= bytesMax) return undefined;
  return new QanatError('FRAME_TOO_LARGE', `a message of ${bytes} bytes; the limit in force is ${bytesMax}`);
}

/**
 * A message holds one or more whole frames.
 * @param bytes of the message. @param pendingBytes of a frame in it that is not whole.
 */
export function checkMessageEnd(bytes: number, pendingBytes: number): QanatError | undefined {
  if (bytes === 0) return new QanatError('MALFORMED_FRAME', 'a message holds no frame');
  if (pendingBytes > 0) return new QanatError('MALFORMED_FRAME', 'a message ends inside a frame');
  return undefined;
}

/** Frames are binary. */
export const textRefused = (): QanatError => new QanatError('MALFORMED_FRAME', 'a text message: send frames as binary messages');
