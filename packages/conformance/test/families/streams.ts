import type { HistoryEvent } from '../../src/history/event.ts';
import { bytesOf } from '../../src/json.ts';

export const PREFACE = 'ab514e5401000000';
export const HELLO = '0000000c000100000000000100000000';
/** Of a broker that takes the usual frames, and says no more of itself. */
export const HELLO_OK = '0000001300010100000000010000000720014080808402';

export type Happening =
  | readonly [atMs: number, from: 'kit' | 'subject', what: 'bytes' | 'frame', hex: string]
  | readonly [atMs: number, by: 'kit' | 'subject', what: 'closed', clean?: 'reset']
  | readonly [atMs: number, by: 'kit', what: 'ended']
  | readonly [atMs: number, from: 'subject', what: 'broken', hex: string];

/** The history of one connection over TCP. */
export function stream(endMs: number, ...happenings: readonly Happening[]): HistoryEvent[] {
  const events = happenings.map(([atMs, who, what, rest]): HistoryEvent => {
    if (what === 'closed') return { kind: 'closed', atMs, connection: 1, by: who, clean: rest !== 'reset' };
    if (what === 'ended') return { kind: 'note', atMs, note: 'ended', args: { connection: 1 } };
    if (what === 'broken') return { kind: 'broken', atMs, connection: 1, why: 'no frame', bytes: bytesOf(rest) };
    return { kind: what, atMs, connection: 1, from: who, bytes: bytesOf(rest ?? '') };
  });
  return [
    { kind: 'opened', atMs: 0, connection: 1, by: 'kit', node: 'subject', binding: 'tcp' },
    ...events,
    { kind: 'step', atMs: endMs, step: 9, op: 'end' },
  ];
}

export const sends = (atMs: number, hex: string): Happening => [atMs, 'kit', 'bytes', hex];
export const answers = (atMs: number, hex: string): Happening => [atMs, 'subject', 'bytes', hex];
export const closes = (atMs: number): Happening => [atMs, 'subject', 'closed'];
export const ended = (atMs: number): Happening => [atMs, 'kit', 'ended'];
/** What came is no frame, and the kit reads nothing behind it. */
export const breaks = (atMs: number, hex: string): Happening => [atMs, 'subject', 'broken', hex];
export const asks = (atMs: number, hex: string): Happening => [atMs, 'kit', 'frame', hex];
export const replies = (atMs: number, hex: string): Happening => [atMs, 'subject', 'frame', hex];
/** The first steps of every connection that gets as far. */
export const GREETED: readonly Happening[] = [sends(1, PREFACE), answers(2, PREFACE), asks(3, HELLO), replies(4, HELLO_OK)];
