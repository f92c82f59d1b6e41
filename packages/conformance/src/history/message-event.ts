import type { Message } from '../ground/websocket/message-reader.ts';
import type { EventOf } from './event.ts';

/** What stands in a history for a message of the subject. */
export const messageEvent = (
  connection: number,
  { type, length, pieces, payload }: Message,
): Omit<EventOf<'message'>, 'atMs'> => ({ kind: 'message', connection, from: 'subject', type, length, pieces, bytes: payload });
