import { LIMITS } from '@qanat/core';
import type { Message } from '../ground/websocket/message-reader.ts';
import type { EventOf } from './event.ts';

const LENGTH_BYTES = 4;
/** What a receiver takes of one message (QNT-WSK-014). */
export const PIECES_MAX = 1_024;

/** What stands in a history for a message of the subject. */
export const messageEvent = (
  connection: number,
  { type, length, pieces, payload }: Message,
): Omit<EventOf<'message'>, 'atMs'> => ({ kind: 'message', connection, from: 'subject', type, length, pieces, bytes: payload });

/** Why a data message of the kit is not to be taken, in the terms of the chapter of WebSocket. */
export type MessageFault = 'breach' | 'text' | 'many pieces' | 'long' | 'empty' | 'cut';

/**
 * All that is wrong with a message that the kit has laid out by hand.
 * @param bytesMax the longest that the receiver takes now.
 */
export function faultsOf({ type, length, pieces, bytes, breach }: EventOf<'message'>, bytesMax: number): readonly MessageFault[] {
  if (breach !== undefined) return ['breach'];
  if (type !== 'binary' && type !== 'text') return [];
  const faults: readonly [MessageFault, boolean][] = [
    ['text', type === 'text'],
    ['many pieces', pieces > PIECES_MAX],
    ['long', length > bytesMax],
    ['empty', length === 0],
    ['cut', length === bytes.length && !endsWithFrame(bytes)],
  ];
  return faults.flatMap(([fault, has]) => (has ? [fault] : []));
}

/** The longest message that everybody takes at any time. */
export const BYTES_FOR_ALL: number = LENGTH_BYTES + LIMITS.FRAME_BEFORE_HELLO_BYTES_MAX;

/** Whether every receiver takes a message of the kit, whenever it comes. */
export const isPlain = (message: EventOf<'message'>): boolean => faultsOf(message, BYTES_FOR_ALL).length === 0;

/** The longest message that holds a frame of so many bytes. */
export const bytesFor = (frameBytesMax: number): number => LENGTH_BYTES + frameBytesMax;

/** Whether bytes are whole frames by their length fields. */
export function endsWithFrame(bytes: Uint8Array): boolean {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  let at = 0;
  while (at + LENGTH_BYTES <= bytes.length) at += LENGTH_BYTES + view.getUint32(at);
  return at === bytes.length;
}
