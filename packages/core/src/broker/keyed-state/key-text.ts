// A key of keyed state as a text of one character for each byte: texts compare as the bytes do, and take one byte for each.

/** @param bytes at most STATE_KEY_BYTES_MAX. */
export const keyOfBytes = (bytes: Uint8Array): string => String.fromCharCode(...bytes);

export function bytesOfKey(key: string): Uint8Array {
  const bytes = new Uint8Array(key.length);
  for (let i = 0; i < key.length; i++) bytes[i] = key.charCodeAt(i);
  return bytes;
}
