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
const PADDING = 0x2e;
/** Names and numbers before the padding are shorter. */
const TEXT_BYTES_MAX = 200;

/** Texts of a run are ASCII. */
function write(bytes: Uint8Array, at: number, text: string): void {
  for (let i = 0; i < text.length; i++) bytes[at + i] = text.charCodeAt(i);
}

const checksumOf = (bytes: Uint8Array): string => portableCrc32(bytes, 0).toString(16).padStart(CHECKSUM_DIGITS, '0');

/** The body of a message. @param padding bytes that only make it longer. */
export function writeValue({ value, topic, key, tag }: Value, padding: number): Uint8Array {
  const text = `${value}|${topic}|${key ?? ''}|${tag ?? ''}|`;
  const bytes = new Uint8Array(text.length + padding + CHECKSUM_DIGITS);
  write(bytes, 0, text);
  const end = text.length + padding;
  bytes.fill(PADDING, text.length, end);
  write(bytes, end, checksumOf(bytes.subarray(0, end)));
  return bytes;
}

/** What a body says, or undefined when it is not whole. */
export function readValue(body: Uint8Array): Value | undefined {
  const end = body.length - CHECKSUM_DIGITS;
  if (end < 0 || checksumOf(body.subarray(0, end)) !== readUtf8(body, end, body.length)) return undefined;
  const [value = '', topic = '', key = '', tag = ''] = readUtf8(body, 0, Math.min(end, TEXT_BYTES_MAX)).split('|');
  return { value, topic, key: key === '' ? undefined : key, tag: tag === '' ? undefined : tag };
}
