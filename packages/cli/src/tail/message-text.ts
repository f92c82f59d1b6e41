import type { Message } from '@qanat/core';
import { isoTime } from '../output/json.ts';

const STRICT = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** The body as text, or undefined when it is not UTF-8. */
export function bodyText(body: Uint8Array): string | undefined {
  try {
    return STRICT.decode(body);
  } catch {
    return undefined;
  }
}

export const base64 = (body: Uint8Array): string => Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString('base64');

/** The shape of a line of `tail -o json`. */
export function messageDocument(message: Message): Record<string, unknown> {
  const text = bodyText(message.body);
  return {
    topic: message.topic,
    broker: message.broker,
    queue: message.queue,
    offset: message.offset,
    tag: message.tag ?? null,
    key: message.key ?? null,
    properties: message.properties,
    bornTime: isoTime(message.bornTimeMs),
    storeTime: isoTime(message.storeTimeMs),
    ...(text === undefined ? { base64: base64(message.body) } : { text }),
  };
}
