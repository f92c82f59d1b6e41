import { LIMITS } from '@qanat/core';
import { BYTES_FOR_ALL, bytesFor, faultsOf, type MessageFault } from '../../history/message-event.ts';
import type { ConnectionSeen, Exchange, Placed, View } from '../../history/view.ts';

/** A data message that the kit has laid out by hand, and what a receiver has to see in it. */
export interface LaidOut {
  readonly connection: ConnectionSeen;
  readonly message: Placed<'message'>;
  /** Place of the last frame in it, or of the message itself. */
  readonly lastIndex: number;
  /** The one thing that is wrong with it; undefined where nothing is. */
  readonly fault: MessageFault | undefined;
  /** The requests in it. */
  readonly requests: readonly Exchange[];
}

/**
 * The messages of a connection up to the first one that is not to be taken: what comes behind that is not looked at, and neither
 * is one of which it is not sure what is wrong.
 */
export function laidOutOn(view: View, connection: ConnectionSeen): readonly LaidOut[] {
  const found: LaidOut[] = [];
  for (const message of connection.messages) {
    if (message.from === 'subject' || (message.type !== 'binary' && message.type !== 'text')) continue;
    const faults = surelyWrong(connection, message);
    const lastIndex = lastFrameOf(view, message);
    const requests = connection.exchanges.filter(({ request }) => request.index > message.index && request.index <= lastIndex);
    if (faults === undefined || faults.length > 1 || isOver(connection, message, requests)) return found;
    found.push({ connection, message, lastIndex, fault: faults[0], requests });
    if (faults.length > 0) return found;
  }
  return found;
}

/** The connection ends for something else: it was said so before, or the first frame is no HELLO. */
function isOver(
  { goAways, closedIndex, hello }: ConnectionSeen,
  { index }: Placed<'message'>,
  requests: readonly Exchange[],
): boolean {
  if (closedIndex < index || goAways.some((goAway) => goAway.index < index)) return true;
  return requests.length > 0 && hello !== requests[0] && (hello?.request.index ?? Number.POSITIVE_INFINITY) > index;
}

/** Undefined where it is not sure which limit holds: HELLO is on its way. */
function surelyWrong(connection: ConnectionSeen, message: Placed<'message'>): readonly MessageFault[] | undefined {
  const { hello, helloOk, openedBy } = connection;
  const greeted = (hello?.response?.index ?? Number.POSITIVE_INFINITY) < message.index;
  // The limit of a client is in its HELLO, the one of a server in its answer.
  const told: number | undefined = openedBy === 'kit' ? helloOk?.frameBytesMax : hello?.header?.frameBytesMax;
  if (greeted) return faultsOf(message, bytesFor(told === undefined || told === 0 ? LIMITS.FRAME_BYTES_MAX : told));
  const asked = (hello?.request.index ?? Number.POSITIVE_INFINITY) < message.index;
  return asked && message.length > BYTES_FOR_ALL ? undefined : faultsOf(message, BYTES_FOR_ALL);
}

/** The frames of a message stand right behind it. */
function lastFrameOf({ events }: View, { index, connection }: Placed<'message'>): number {
  let last = index;
  for (let at = index + 1; at < events.length; at++) {
    const event = events[at];
    if (event?.kind !== 'frame' || event.from !== 'kit' || event.connection !== connection) break;
    last = at;
  }
  return last;
}

/** For sentences. */
export const FAULT_TEXTS: Readonly<Record<MessageFault, string>> = {
  breach: 'a message that breaks RFC 6455',
  text: 'a text message',
  'many pieces': 'a message in more than 1024 pieces',
  long: 'a message that is longer than the longest frame with its length field',
  empty: 'an empty message',
  cut: 'a message that ends inside a frame',
};
