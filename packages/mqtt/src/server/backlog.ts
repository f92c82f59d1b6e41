import type { Backlog, Claimed, OutboundExchange, Place, SentPlace, Unsettled } from '../ports.ts';
import type { Flight } from './flights.ts';
import { RETAINED_PLACES_MAX } from './limits.ts';
import { placesOf, type Round } from './retained-rounds.ts';
import type { ServerContext } from './server-context.ts';
import type { Session } from './session.ts';
import { placeKey, type Resend, Waiting } from './waiting.ts';

export const NOTHING_LEFT: Backlog = { places: [], scanFrom: [], maybeSent: [], exchanges: [] };

const placeOf = ({ queue, offset }: Place): Place => ({ queue, offset });

/** Oldest first in each queue. */
const sortedByPlace = <Item extends Place>(places: readonly Item[]): Item[] =>
  places.toSorted((a, b) => a.queue - b.queue || a.offset - b.offset);

/** Oldest first in each queue, each once. */
function inOrder(places: readonly Place[]): Place[] {
  const sorted = sortedByPlace(places);
  return sorted.filter((place, i) => place.queue !== sorted[i - 1]?.queue || place.offset !== sorted[i - 1]?.offset);
}

function exchangeOf({ queue, offset, packetId, state }: Flight): OutboundExchange {
  return { queue, offset, packetId, released: state === 'released' || state === 'releasing' };
}

/** The places that wait, and have no packet id yet. */
function waitingPlaces({ reading = [], loaded, retained, places }: Waiting): Place[] {
  const read = [...reading, ...loaded.rest()];
  return [
    ...read.filter(({ resend }) => resend === undefined).map(({ place }) => placeOf(place)),
    ...[...retained.rest()]
      .filter(({ message, subscription }) => message.qos > 0 && subscription.qos > 0)
      .map(({ message }) => placeOf(message)),
    ...places,
  ];
}

/** What may be looked for in a session's retained messages that have not had their turn. */
interface Retained {
  /** Further ones than those that wait. */
  readonly rounds?: readonly Round[];
  /** Default: RETAINED_PLACES_MAX. */
  readonly costMax?: number;
}

/**
 * What a session still has to send when its connection ends. Of shared subscriptions only exchanges of QoS 2 are the session's
 * own; their messages of QoS 1 have gone back.
 */
export function backlogOf(context: ServerContext, { flights, waiting, clientId }: Session, retained: Retained = {}): Backlog {
  const maybeSent: SentPlace[] = [];
  const exchanges: OutboundExchange[] = [];
  for (const flight of flights) {
    // What is being recorded for a member of a share is the share's, until it is.
    if (flight.shared && flight.state === 'recording') continue;
    if (flight.qos === 2) exchanges.push(exchangeOf(flight));
    else if (!flight.shared) maybeSent.push({ ...placeOf(flight), packetId: flight.packetId });
  }
  const { rounds = [], costMax = RETAINED_PLACES_MAX } = retained;
  const notBegun = placesOf(context, clientId, [...(waiting?.retained.waiting ?? []), ...rounds], costMax);
  const places = inOrder([...maybeSent.map(placeOf), ...(waiting === undefined ? [] : waitingPlaces(waiting)), ...notBegun]);
  const scanFrom = [...(waiting?.scans.values() ?? [])].map(placeOf);
  return { places, scanFrom, maybeSent, exchanges };
}

function reserve(session: Session, place: Place, packetId: number, qos: 1 | 2, released: boolean): Flight {
  const { queue, offset } = place;
  const state = released ? 'released' : 'reserved';
  const flight: Flight = { packetId, queue, offset, qos, state, counted: false, settle: undefined, shared: false };
  session.flights.add(flight);
  return flight;
}

/**
 * Gives a session that goes on what it still has to send.
 * @returns the exchanges whose PUBREL is sent again at once: it takes no place in the window (MQTT 5.0 section 4.9).
 */
export function restoreBacklog(session: Session, { backlog }: Claimed): Flight[] {
  const { exchanges, maybeSent, places, scanFrom } = backlog;
  const released: Flight[] = [];
  const resends: Resend[] = [];
  // As they were sent: the cluster may have them in the order of packet ids, which go round.
  for (const exchange of sortedByPlace(exchanges)) {
    const flight = reserve(session, exchange, exchange.packetId, 2, exchange.released);
    if (exchange.released) released.push(flight);
    else resends.push({ ...placeOf(exchange), packetId: exchange.packetId, qos: 2 });
  }
  for (const place of maybeSent) {
    reserve(session, place, place.packetId, 1, false);
    resends.push({ ...place, qos: 1 });
  }
  if (resends.length === 0 && places.length === 0 && scanFrom.length === 0) return released;
  session.waiting = new Waiting();
  session.waiting.resends.add(resends);
  const known = new Set([...exchanges, ...maybeSent].map(placeKey));
  for (const place of places) if (!known.has(placeKey(place))) session.waiting.places.push(place.queue, place.offset);
  for (const { queue, offset } of scanFrom) session.waiting.scan(queue, offset);
  session.waiting.list([...exchanges, ...maybeSent, ...places]);
  return released;
}

/** Whether anything of the session is not acknowledged, or not sent. */
export const isBehind = ({ flights, waiting }: Session): boolean => flights.size > 0 || waiting !== undefined;

/** The sessions that would lose something if this process ended now, each with what it still has to send. */
export function* unsettled(context: ServerContext): Generator<Unsettled> {
  for (const session of context.sessions.values()) {
    const { clientId, epoch, expiryInterval } = session;
    if (expiryInterval > 0 && isBehind(session)) yield { clientId, epoch, backlog: backlogOf(context, session) };
  }
}
