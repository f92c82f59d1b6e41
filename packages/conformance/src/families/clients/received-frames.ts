import { FRAMES, LIMITS } from '@qanat/core';
import type { HistoryEvent } from '../../history/event.ts';
import type { ConnectionSeen, FrameSeen } from '../../history/view.ts';
import { type Fault, SentStream } from '../framing/sent-frames.ts';
import { type Facts, framesOf, isBroker, isNameServer, once } from './facts.ts';

/** Something on a connection that no client can bear: wrong lengths, or more frames than MORE may join. */
export interface Offence {
  readonly connection: ConnectionSeen;
  readonly index: number;
  readonly atMs: number;
  readonly fault: Fault | 'too many joined';
  /** How long it is: of the frame or its control header; frames where they are joined. */
  readonly size: number;
}

/** The longest frame that a subject takes at a place of a connection. */
function limitAt({ hello }: ConnectionSeen, index: number): number {
  if (index <= (hello?.response?.index ?? index)) return LIMITS.FRAME_BEFORE_HELLO_BYTES_MAX;
  const said = hello?.header?.frameBytesMax;
  return typeof said === 'number' && said > 0 ? said : LIMITS.FRAME_BYTES_MAX;
}

/** Offences of lengths, one for a connection: behind it nobody knows what bytes mean. */
function offencesOfLength({ connections, view, end }: Facts): readonly Offence[] {
  const streams = new Map(connections.map((one) => [one.number, { connection: one, stream: new SentStream(one.binding) }]));
  return view.events.slice(0, end.index).flatMap((event, index) => {
    const known = isSent(event) ? streams.get(event.connection) : undefined;
    if (known === undefined || !isSent(event)) return [];
    const { connection, stream } = known;
    return stream
      .push(event, index, () => limitAt(connection, index))
      .flatMap(({ fault, bytes }): Offence[] => {
        if (fault === undefined) return [];
        const words = new DataView(bytes.buffer, bytes.byteOffset);
        const size = fault.startsWith('control') ? words.getUint32(12) : words.getUint32(0);
        return [{ connection, index, atMs: event.atMs, fault, size }];
      });
  });
}

const isSent = (event: HistoryEvent): event is HistoryEvent & { connection: number; bytes: Uint8Array } =>
  (event.kind === 'frame' || event.kind === 'bytes') && event.from === 'kit';

/** What joins the frames of the kit that a client has to gather; undefined where it need not. */
function joinerOf({ name, isResponse, isError, correlation, connection }: FrameSeen): string | undefined {
  if (name === undefined || isError) return undefined;
  if (isResponse) return FRAMES[name].more === 'response' ? `${correlation}` : undefined;
  const isTheirs = name === 'ROUTE_UPDATE' ? isNameServer(connection.node) : name === 'ASSIGNMENT' && isBroker(connection.node);
  return isTheirs ? name : undefined;
}

/** How many frames MORE joins, this one included, at each frame of the kit of which that is more than one. */
export function joinedOn(connection: ConnectionSeen): readonly { readonly frame: FrameSeen; readonly count: number }[] {
  const counts = new Map<string, number>();
  return framesOf(connection, 'kit').flatMap((frame) => {
    const joiner = joinerOf(frame);
    if (joiner === undefined) return [];
    const count = (counts.get(joiner) ?? 0) + 1;
    counts.set(joiner, frame.more ? count : 0);
    return count > 1 ? [{ frame, count }] : [];
  });
}

const offencesOfNumber = ({ connections, end }: Facts): readonly Offence[] =>
  connections.flatMap((connection) =>
    joinedOn(connection)
      .filter(({ frame, count }) => count === LIMITS.MORE_FRAMES_MAX + 1 && frame.index < end.index)
      .map(({ frame: { index, atMs }, count }) => ({ connection, index, atMs, fault: 'too many joined' as const, size: count })),
  );

/** All offences, in order. */
export const offencesOf = once((facts: Facts): readonly Offence[] =>
  [...offencesOfLength(facts), ...offencesOfNumber(facts)].toSorted((a, b) => a.index - b.index),
);
