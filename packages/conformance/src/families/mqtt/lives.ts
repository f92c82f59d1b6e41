// The sessions of clients, as a server has to see them (MQTT 5.0, 4.1).
import { once } from '../../history/once.ts';
import type { View } from '../../history/view.ts';
import { type LinkSeen, linksOf, packetsOf, type ReadPacket } from './mqtt-view.ts';
import type { Filter } from './wire/packet.ts';
import { numberIn } from './wire/properties.ts';

/** What does not end by itself. */
const FOREVER = 0xffff_ffff;

/** One session, from the CONNECT that began it to its end. */
export interface Life {
  readonly clientId: string;
  readonly links: LinkSeen[];
  /** The place of the CONNACK that began it. */
  readonly beginIndex: number;
  /** From here on it may be over: a CONNECT that began another one, or the end of a link without anything kept. */
  readonly endIndex: number;
  readonly subscriptions: readonly Subscription[];
}

/** One filter of a SUBSCRIBE. */
export interface Subscription extends Filter {
  /** The topic filter itself, where it is that of a shared subscription. */
  readonly selects: string;
  readonly share: string | undefined;
  readonly subscriptionId: number | undefined;
  /** Undefined where SUBACK has not come: nobody knows. */
  readonly granted: number | undefined;
  readonly sentIndex: number;
  readonly ackIndex: number;
  /** It replaced one of the same filter. */
  readonly isAgain: boolean;
  /** It selects up to here for sure: it was taken back, replaced, or its session ended. */
  readonly untilIndex: number;
  /** From here on it selects nothing: UNSUBACK. */
  readonly stopIndex: number;
}

/** What the CONNACK of an accepted connection has to say of its session. */
export interface Resumption {
  readonly link: LinkSeen;
  /** Undefined where both are right: it was at its end just then. */
  readonly expected: boolean | undefined;
  /** Why not, of a session that is over. */
  readonly because: 'clean' | 'expired' | 'new' | 'kept';
}

interface Lives {
  readonly lives: readonly Life[];
  readonly resumptions: readonly Resumption[];
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };
type BuildingLife = Mutable<Life> & { subscriptions: Mutable<Subscription>[] };

export const livesOf = once((view: View): Lives => {
  const lives: BuildingLife[] = [];
  const resumptions: Resumption[] = [];
  const newest = new Map<string, BuildingLife>();
  const accepted = linksOf(view).filter(({ isAccepted }) => isAccepted);
  for (const link of accepted.toSorted((one, other) => connackOf(one).index - connackOf(other).index)) {
    const before = newest.get(link.clientId);
    const resumption = resumptionOf(view, link, before);
    resumptions.push(resumption);
    if (connackOf(link).packet.sessionPresent === true && before !== undefined) {
      before.links.push(link);
      before.endIndex = endOf(view, link);
      continue;
    }
    if (before !== undefined) before.endIndex = Math.min(before.endIndex, link.connect?.index ?? 0);
    const life = {
      clientId: link.clientId,
      links: [link],
      beginIndex: connackOf(link).index,
      endIndex: endOf(view, link),
      subscriptions: [],
    };
    newest.set(link.clientId, life);
    lives.push(life);
  }
  for (const life of lives) addSubscriptions(life);
  return { lives, resumptions };
});

export const connackOf = ({ connack }: LinkSeen): ReadPacket => connack as ReadPacket;

/** The life that a link belongs to; undefined where it was not accepted. */
export const lifeOf = (view: View, link: LinkSeen): Life | undefined =>
  livesOf(view).lives.find(({ links }) => links.includes(link));

/** How long the server keeps the session behind the end of a link, s. */
export function expiryOf({ connect, connack, version, packets }: LinkSeen): number {
  if (version === 4) return connect?.packet.cleanStart === true ? 0 : FOREVER;
  const asked = numberIn(connect?.packet.properties ?? [], 'sessionExpiry') ?? 0;
  const said = numberIn(connack?.packet.properties ?? [], 'sessionExpiry') ?? asked;
  const goodbye = packets.find(({ from, packet }) => from === 'kit' && packet?.name === 'DISCONNECT');
  return numberIn(goodbye?.packet?.properties ?? [], 'sessionExpiry') ?? said;
}

const endOf = (view: View, link: LinkSeen): number => (expiryOf(link) === 0 ? link.closedIndex : view.events.length);

function resumptionOf(view: View, link: LinkSeen, before: Life | undefined): Resumption {
  const { connect } = link;
  if (connect?.packet.cleanStart === true) return { link, expected: false, because: 'clean' };
  const last = before?.links.at(-1);
  if (last === undefined || connect === undefined) return { link, expected: false, because: 'new' };
  const expiry = expiryOf(last);
  const isTakenOver = last.closedIndex > connect.index;
  // Whether a session without anything to keep ends with the link that is taken over is for the server to say.
  if (isTakenOver) return { link, expected: expiry === 0 ? undefined : true, because: 'kept' };
  if (expiry === 0) return { link, expected: false, because: 'expired' };
  const leftMs = expiry * 1_000 - (connect.atMs - last.closedAtMs);
  if (expiry === FOREVER || leftMs > view.slackMs) return { link, expected: true, because: 'kept' };
  // A server may look for sessions that are over once in a second.
  return { link, expected: leftMs < -1_000 - view.slackMs ? false : undefined, because: 'expired' };
}

function addSubscriptions(life: BuildingLife): void {
  for (const link of life.links) for (const one of link.packets) if (one.from === 'kit') take(life, one as ReadPacket);
}

function take(life: BuildingLife, seen: ReadPacket): void {
  if (seen.index > seen.link.rawIndex) return;
  if (seen.packet?.name === 'SUBSCRIBE') subscribed(life, seen);
  if (seen.packet?.name === 'UNSUBSCRIBE') unsubscribed(life, seen);
}

function subscribed(life: BuildingLife, seen: ReadPacket): void {
  const suback = answerTo(seen, 'SUBACK');
  for (const [at, filter] of (seen.packet.filters ?? []).entries()) {
    const reason = suback?.packet.reasons?.[at];
    if (reason !== undefined && reason >= 0x80) continue;
    const former = life.subscriptions.findLast((one) => one.filter === filter.filter && one.untilIndex > seen.index);
    if (former !== undefined) Object.assign(former, { untilIndex: seen.index, stopIndex: suback?.index ?? former.stopIndex });
    const [, share, selects] = /^\$share\/([^/]+)\/(.+)$/.exec(filter.filter) ?? [];
    life.subscriptions.push({
      ...filter,
      share,
      selects: selects ?? filter.filter,
      subscriptionId: numberIn(seen.packet.properties, 'subscriptionId'),
      granted: reason,
      sentIndex: seen.index,
      ackIndex: suback?.index ?? Number.POSITIVE_INFINITY,
      isAgain: former !== undefined,
      untilIndex: life.endIndex,
      stopIndex: Number.POSITIVE_INFINITY,
    });
  }
}

function unsubscribed(life: BuildingLife, seen: ReadPacket): void {
  const unsuback = answerTo(seen, 'UNSUBACK');
  for (const { filter } of seen.packet.filters ?? [])
    for (const one of life.subscriptions)
      if (one.filter === filter && one.untilIndex > seen.index)
        Object.assign(one, { untilIndex: seen.index, stopIndex: unsuback?.index ?? one.stopIndex });
}

/** The first answer of a type with the packet id of a request. */
export const answerTo = ({ link, index, packet }: ReadPacket, name: 'SUBACK' | 'UNSUBACK'): ReadPacket | undefined =>
  packetsOf(link, 'subject', name).find((one) => one.index > index && one.packet.packetId === packet.packetId);

/** Whether a topic filter selects a topic (MQTT 5.0, 4.7). */
export function selects(filter: string, topic: string): boolean {
  const wanted = filter.split('/');
  const levels = topic.split('/');
  if (topic.startsWith('$') && (wanted[0] === '#' || wanted[0] === '+')) return false;
  for (const [at, level] of wanted.entries()) {
    if (level === '#') return true;
    if (at === levels.length || (level !== '+' && level !== levels[at])) return false;
  }
  return wanted.length === levels.length;
}
