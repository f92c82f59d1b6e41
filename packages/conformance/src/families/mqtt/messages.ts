// What devices published, and what they were given.
import { once } from '../../history/once.ts';
import type { View } from '../../history/view.ts';
import { type Life, lifeOf, livesOf, type Subscription, selects } from './lives.ts';
import {
  isOverdue,
  type LinkSeen,
  linksOf,
  PATIENCE_MS,
  packetMaxOf,
  packetsOf,
  type ReadPacket,
  readsToTheEnd,
} from './mqtt-view.ts';
import { numberIn, type Property } from './wire/properties.ts';

/** One message of a device. A PUBLISH that is sent again is another copy of it. */
export interface Publication {
  /** Its payload as text: no two have the same. */
  readonly key: string;
  readonly topic: string;
  readonly qos: number;
  readonly retain: boolean;
  readonly properties: readonly Property[];
  /** The PUBLISH that came first, or the CONNECT of a will. */
  readonly first: ReadPacket;
  readonly isWill: boolean;
  readonly copies: ReadPacket[];
  /** The place of the PUBACK or PUBREC by which the server took it. */
  readonly takenIndex: number | undefined;
  /** The server said that it did not. */
  readonly isRefused: boolean;
}

/** One PUBLISH by the server. */
export interface Delivery {
  readonly seen: ReadPacket;
  readonly link: LinkSeen;
  readonly life: Life;
  /** Of the alias, where there is no name. Undefined for an alias that nobody has set. */
  readonly topic: string | undefined;
  readonly key: string;
  readonly qos: number;
  readonly publication: Publication | undefined;
  /** It does not belong to an exchange that had begun before. */
  readonly isNew: boolean;
}

type Building = { -readonly [K in keyof Publication]: Publication[K] };

const textOf = (payload: Uint8Array | undefined): string => new TextDecoder().decode(payload);

/** Topics behind aliases: they are of one direction of one connection. */
function resolver(): (packet: ReadPacket) => string | undefined {
  const topics = new Map<number, string>();
  return ({ packet: { topic = '', properties } }) => {
    const alias = numberIn(properties, 'topicAlias');
    if (topic === '') return alias === undefined ? undefined : topics.get(alias);
    if (alias !== undefined) topics.set(alias, topic);
    return topic;
  };
}

export const publicationsOf = once((view: View): readonly Publication[] => {
  const publications = new Map<string, Building>();
  for (const link of linksOf(view)) {
    if (!link.isAccepted) continue;
    addWill(publications, link);
    const topicOf = resolver();
    for (const seen of packetsOf(link, 'kit', 'PUBLISH')) {
      const topic = topicOf(seen);
      // What is empty cannot be told apart from another.
      if (topic !== undefined && seen.packet.payload?.length !== 0 && seen.index < link.rawIndex)
        addPublish(publications, seen, topic);
    }
  }
  return [...publications.values()].sort((one, other) => one.first.index - other.first.index);
});

function addWill(publications: Map<string, Building>, { connect }: LinkSeen): void {
  const { will } = connect?.packet ?? {};
  if (connect === undefined || will === undefined) return;
  const { topic, qos, retain, properties } = will;
  const key = textOf(will.payload);
  if (publications.has(key)) return;
  const told = { takenIndex: undefined, isRefused: false };
  publications.set(key, { key, topic, qos, retain, properties, first: connect, isWill: true, copies: [], ...told });
}

function addPublish(publications: Map<string, Building>, seen: ReadPacket, topic: string): void {
  const { qos = 0, retain = false, properties, payload } = seen.packet;
  const key = textOf(payload);
  const answer = takenBy(seen);
  const isRefused = (answer?.packet.reason ?? 0) >= 0x80;
  const takenIndex = answer === undefined || isRefused ? undefined : answer.index;
  const known = publications.get(key);
  if (known === undefined) {
    const first = { key, topic, qos, retain, properties, first: seen, isWill: false };
    publications.set(key, { ...first, copies: [seen], takenIndex, isRefused });
    return;
  }
  known.copies.push(seen);
  known.takenIndex ??= takenIndex;
  known.isRefused &&= isRefused;
}

/** The PUBACK or PUBREC to a PUBLISH of a device. */
export function takenBy({ link, index, packet }: ReadPacket): ReadPacket | undefined {
  if (packet.qos === 0) return undefined;
  const name = packet.qos === 1 ? 'PUBACK' : 'PUBREC';
  return packetsOf(link, 'subject', name).find((one) => one.index > index && one.packet.packetId === packet.packetId);
}

export const deliveriesOf = once((view: View): readonly Delivery[] => {
  const byKey = new Map(publicationsOf(view).map((one) => [one.key, one]));
  const deliveries: Delivery[] = [];
  for (const life of livesOf(view).lives) {
    const exchanges = new Exchanges();
    for (const link of life.links) {
      const topicOf = resolver();
      for (const seen of link.packets) {
        if (seen.packet === undefined) continue;
        const read = seen as ReadPacket;
        if (seen.from !== 'subject' || seen.packet.name !== 'PUBLISH') {
          exchanges.see(read);
          continue;
        }
        const key = textOf(seen.packet.payload);
        const isNew = exchanges.begins(read, key);
        const { qos = 0 } = seen.packet;
        deliveries.push({ seen: read, link, life, topic: topicOf(read), key, qos, publication: byKey.get(key), isNew });
      }
    }
  }
  return deliveries.sort((one, other) => one.seen.index - other.seen.index);
});

/** Exchanges of QoS 1 and 2 that the server has begun in one session: which PUBLISH is a new one? */
class Exchanges {
  readonly #open = new Map<number, string>();

  /** A client forgets an exchange with PUBACK, or when PUBREL comes (MQTT 5.0, 4.3.3). */
  see({ from, packet: { name, packetId = 0 } }: ReadPacket): void {
    if (from === 'subject' && name === 'PUBREL') this.#open.delete(packetId);
  }

  begins({ packet: { qos = 0, packetId = 0, dup } }: ReadPacket, key: string): boolean {
    if (qos === 0) return true;
    const isAgain = this.#open.get(packetId) === key && dup === true;
    this.#open.set(packetId, key);
    return !isAgain;
  }
}

/** A subscription that a message reaches for sure: granted before it was published, and there when it was taken. */
export const reaches = (life: Life, one: Subscription, publication: Publication): boolean =>
  one.granted !== undefined &&
  one.ackIndex < publication.first.index &&
  one.untilIndex > (publication.takenIndex ?? publication.first.index) &&
  selects(one.selects, publication.topic) &&
  !(one.noLocal && publication.first.link.clientId === life.clientId);

/** A message that a session has to get. */
export interface Owed {
  readonly life: Life;
  readonly publication: Publication;
  readonly subscription: Subscription;
}

/** What was taken with QoS 1 or 2, and reaches a subscription of such a QoS of a session that lives on. */
export const owedOf = once((view: View): readonly Owed[] => {
  const owed: Owed[] = [];
  const { lives } = livesOf(view);
  for (const publication of publicationsOf(view)) {
    if (publication.takenIndex === undefined || publication.isWill || publication.key === '') continue;
    if (numberIn(publication.properties, 'messageExpiry') !== undefined) continue;
    for (const life of lives) {
      if (life.endIndex < view.events.length || isTooLong(life, publication)) continue;
      const subscription = life.subscriptions.find(
        (one) => one.share === undefined && (one.granted ?? 0) > 0 && reaches(life, one, publication),
      );
      if (subscription !== undefined) owed.push({ life, publication, subscription });
    }
  }
  return owed;
});

/** What a server may add to a PUBLISH: subscription identifiers. */
const ADDED_BYTES = 40;

const isTooLong = ({ links }: Life, { first, topic }: Publication): boolean =>
  links.some((link) => packetMaxOf(link) < first.bytes.length + topic.length - (first.packet.topic ?? '').length + ADDED_BYTES);

export const wasGiven = (view: View, { life, publication }: Owed): boolean =>
  deliveriesOf(view).some((one) => one.life === life && one.key === publication.key);

/** Whether a session is online at the end, has read everything, and nothing has come for so long that nothing will. */
export function isDue(view: View, { life, publication }: Owed): boolean {
  const link = life.links.at(-1);
  if (link === undefined || link.closed !== undefined || !readsToTheEnd(view, link) || isFull(link)) return false;
  const last = link.packets.findLast(({ from }) => from === 'subject');
  const takenAtMs = view.events[publication.takenIndex ?? 0]?.atMs ?? 0;
  return isOverdue(view, link, Math.max(last?.atMs ?? 0, takenAtMs));
}

/** The server may send no more before the device acknowledges. */
const isFull = (link: LinkSeen): boolean => unacknowledgedIn(link) >= receiveMaximumOf(link);

export const receiveMaximumOf = ({ connect }: LinkSeen): number =>
  numberIn(connect?.packet.properties ?? [], 'receiveMaximum') ?? 65_535;

/** Exchanges of the server on a link that its device has not brought to an end. */
export function unacknowledgedIn(link: LinkSeen): number {
  const open = new Set<number>();
  for (const one of link.packets) if (one.packet !== undefined) follow(open, one as ReadPacket);
  return open.size;
}

/** Follows which packet ids of the server are unacknowledged (MQTT 5.0, 4.9). */
export function follow(open: Set<number>, { from, packet: { name, qos = 0, packetId = 0, reason = 0 } }: ReadPacket): void {
  // A PUBREL of an exchange that an earlier link has begun counts until its PUBCOMP.
  if (from === 'subject') {
    if (name === 'PUBLISH' && qos > 0) open.add(packetId);
  } else if (name === 'PUBACK' || name === 'PUBCOMP' || (name === 'PUBREC' && reason >= 0x80)) open.delete(packetId);
}

/** Until a session that is asked for it has had time to give up what it owes, ms. */
export const COLLECT_MS = 3_000 + 2 * PATIENCE_MS;

export const lifeOfPublisher = (view: View, { first }: Publication): Life | undefined => lifeOf(view, first.link);
