import { portableCrc32, readUtf8 } from '@qanat/core';

/** What a message of a run says of itself, so that one that is misrouted, mixed up or damaged is seen. */
export interface Value {
  /** `producer:number`, unique in a run. */
  readonly value: string;
  readonly topic: string;
  readonly key: string | undefined;
  readonly tag: string | undefined;
}

const CHECKSUM_DIGITS = 8;

/** Texts of a run are ASCII. */
const bytesOf = (text: string): Uint8Array => Uint8Array.from(text, (char) => char.charCodeAt(0));

const checksumOf = (bytes: Uint8Array): string => portableCrc32(bytes, 0).toString(16).padStart(CHECKSUM_DIGITS, '0');

/** The body of a message. @param padding bytes that only make it longer. */
export function writeValue({ value, topic, key, tag }: Value, padding: number): Uint8Array {
  const text = `${value}|${topic}|${key ?? ''}|${tag ?? ''}|${'.'.repeat(padding)}|`;
  return bytesOf(text + checksumOf(bytesOf(text)));
}

/** What a body says, or undefined when it is not whole. */
export function readValue(body: Uint8Array): Value | undefined {
  const end = body.length - CHECKSUM_DIGITS;
  if (end < 0 || checksumOf(body.subarray(0, end)) !== readUtf8(body, end, body.length)) return undefined;
  const [value = '', topic = '', key = '', tag = ''] = readUtf8(body, 0, end).split('|');
  return { value, topic, key: key === '' ? undefined : key, tag: tag === '' ? undefined : tag };
}
