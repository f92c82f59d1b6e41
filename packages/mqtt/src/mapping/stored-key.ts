import { createHash } from 'node:crypto';
import { LIMITS, utf8Length } from '@qanat/core';

/** Bytes of a hash that a key holds. */
const HASH_BYTES = 16;

/**
 * The key that stands for a text: the text itself, or, where it is longer than KEY_BYTES_MAX or begins with `#`, `#` and in
 * hex the first 16 bytes of the SHA-256 of its UTF-8 (QNT-MQT-004). So no text is taken for another one's hash.
 */
export function storedKey(text: string): string {
  if (text.length * 3 <= LIMITS.KEY_BYTES_MAX || utf8Length(text) <= LIMITS.KEY_BYTES_MAX) {
    if (!text.startsWith('#')) return text;
  }
  return `#${createHash('sha256')
    .update(text, 'utf8')
    .digest('hex')
    .slice(0, 2 * HASH_BYTES)}`;
}
