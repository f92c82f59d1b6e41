import type { RecordInit } from '@qanat/core';
import type { MessageInit } from './types.ts';

const encoder = new TextEncoder();

/** What the engine takes for a message of the application; a string body becomes UTF-8. */
export function toRecord(message: MessageInit): RecordInit {
  if (typeof message.body !== 'string') return message as RecordInit;
  return { ...message, body: encoder.encode(message.body) };
}
