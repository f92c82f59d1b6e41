// Packet ids and the exchanges of QoS 1 and 2 (MQTT 5.0, 2.2.1, 4.3, 4.4, 4.9).
import { type Clause, type Judge, judgeThat } from '../../../clause/clause.ts';
import type { View } from '../../../history/view.ts';
import { hexOf } from '../../../json.ts';
import { type Life, livesOf, selects } from '../lives.ts';
import { deliveriesOf, follow, publicationsOf, receiveMaximumOf } from '../messages.ts';
import { isOverdue, type LinkSeen, packetsOf, type ReadPacket } from '../mqtt-view.ts';
import type { PacketName } from '../wire/packet.ts';
import { linkClause, mqttClause } from './clause-of.ts';

/** A packet of a device that has to be answered with one of the same packet id. */
const answered = (id: string, asks: PacketName, by: PacketName, qos?: number): Clause =>
  linkClause(id, (link, judge, view) => {
    if (!link.isAccepted || link.rawIndex < link.closedIndex) return;
    for (const asked of packetsOf(link, 'kit', asks)) {
      if (qos !== undefined && asked.packet.qos !== qos) continue;
      const answer = packetsOf(link, 'subject', by).find(
        (one) => one.index > asked.index && one.packet.packetId === asked.packet.packetId,
      );
      if (answer !== undefined) judge.pass(answer.index);
      else if (isOverdue(view, link, asked.atMs))
        judge.fail(asked.index, `${asks} ${asked.packet.packetId} is answered with ${by}; got nothing`);
    }
  });

const PUBACK = answered('MQTT-4.3.2-4', 'PUBLISH', 'PUBACK', 1);
const PUBREC = answered('MQTT-4.3.3-8', 'PUBLISH', 'PUBREC', 2);
const PUBCOMP = answered('MQTT-4.3.3-11', 'PUBREL', 'PUBCOMP');
const PUBREL = answered('MQTT-4.3.3-4', 'PUBREC', 'PUBREL');
const SUBACK = answered('MQTT-3.8.4-1', 'SUBSCRIBE', 'SUBACK');
const UNSUBACK = answered('MQTT-3.10.4-4', 'UNSUBSCRIBE', 'UNSUBACK');

/** What a server answers with belongs to something that was asked. */
const ASKED_BY: Readonly<Partial<Record<PacketName, PacketName>>> = {
  PUBACK: 'PUBLISH',
  PUBREC: 'PUBLISH',
  PUBCOMP: 'PUBREL',
  SUBACK: 'SUBSCRIBE',
  UNSUBACK: 'UNSUBSCRIBE',
};

const strayAnswers = (id: string, names: readonly PacketName[]): Clause =>
  linkClause(id, (link, judge) => {
    if (link.rawIndex < link.closedIndex) return;
    for (const { index, from, packet } of link.packets) {
      const asks = packet === undefined ? undefined : ASKED_BY[packet.name];
      if (from !== 'subject' || asks === undefined || packet === undefined || !names.includes(packet.name)) continue;
      const isAsked = packetsOf(link, 'kit', asks).some((one) => one.index < index && one.packet.packetId === packet.packetId);
      judgeThat(
        judge,
        index,
        isAsked,
        () => `${packet.name} has the packet id of a ${asks}; got ${packet.packetId}, which none had`,
      );
    }
  });

const acknowledgesIds = strayAnswers('MQTT-2.2.1-5', ['PUBACK', 'PUBREC', 'PUBCOMP']);
const subscribesIds = strayAnswers('MQTT-2.2.1-6', ['SUBACK', 'UNSUBACK']);

/** What the server has begun in one session, by packet id. */
interface Flight {
  readonly key: string;
  readonly qos: number;
  state: 'published' | 'received' | 'released';
}

type Told = (at: ReadPacket, wrong: string | undefined) => void;
type Finding = 'id' | 'dup' | 'again' | 'released' | 'resumed';
type Listeners = Partial<Record<Finding, Told>>;

/** Walks through the packets of one session, link by link. What a share has given with QoS 1 may go to another member. */
function walk(view: View, life: Life, told: Listeners): void {
  const flights = new Map<number, Flight>();
  for (const link of life.links) {
    for (const [id, { key, qos }] of flights) if (qos === 1 && isOfShare(view, life, key)) flights.delete(id);
    const before = new Map(flights);
    for (const one of link.packets) if (one.packet !== undefined) step(flights, before, one as ReadPacket, told);
  }
}

function step(flights: Map<number, Flight>, before: ReadonlyMap<number, Flight>, seen: ReadPacket, told: Listeners): void {
  const { name, packetId = 0, reason = 0 } = seen.packet;
  const flight = flights.get(packetId);
  if (seen.from === 'kit') {
    if (flight === undefined) return;
    // Whether it has come nobody knows: a server may go on from either state when the link drops.
    if (name === 'PUBACK' || name === 'PUBCOMP' || (name === 'PUBREC' && reason >= 0x80)) flights.delete(packetId);
    else if (name === 'PUBREC' && flight.state === 'published') flight.state = 'received';
    return;
  }
  if (name === 'PUBREL' && flight !== undefined) flight.state = 'released';
  if (name === 'PUBLISH') published(flights, before, seen, told);
}

function published(flights: Map<number, Flight>, before: ReadonlyMap<number, Flight>, seen: ReadPacket, told: Listeners): void {
  const { packetId = 0, qos = 0, dup = false, payload } = seen.packet;
  if (qos === 0) return told.dup?.(seen, dup ? 'a message of QoS 0 has DUP 0; got 1' : undefined);
  const key = new TextDecoder().decode(payload);
  const flight = flights.get(packetId);
  told.id?.(seen, packetId === 0 || (flight !== undefined && flight.key !== key) ? idText(packetId) : undefined);
  if (flight === undefined || flight.key !== key) {
    flights.set(packetId, { key, qos, state: 'published' });
    // What was acknowledged when the link dropped may come again.
    return;
  }
  const isOfBefore = before.get(packetId) === flight;
  told.again?.(seen, isOfBefore ? undefined : `nothing is sent again on one connection; packet ${packetId} came twice`);
  if (isOfBefore) told.resumed?.(seen, dup ? undefined : 'what is sent again has DUP 1; got 0');
  told.released?.(seen, flight.state === 'released' ? `no PUBLISH comes behind its PUBREL; packet ${packetId} did` : undefined);
}

const idText = (packetId: number): string =>
  packetId === 0 ? 'a PUBLISH has a packet id; got 0' : `a new PUBLISH has a packet id that is free; ${packetId} is not`;

const walked = (id: string, kind: Finding): Clause =>
  mqttClause(id, (view, judge) => {
    for (const life of livesOf(view).lives)
      walk(view, life, {
        [kind]: ({ index }: ReadPacket, wrong: string | undefined) =>
          judgeThat(judge, index, wrong === undefined, () => wrong ?? ''),
      });
  });

/** What stood open when a link ended comes again, with its packet id, when the session goes on, and at no other time. */
const resends = mqttClause('MQTT-4.4.0-1', (view, judge) => {
  sentAgainOnOneLink(view, judge);
  for (const life of livesOf(view).lives) {
    const { links } = life;
    for (const [at, next] of links.slice(1).entries()) {
      for (const one of leftOpen(links.slice(0, at + 1)).slice(0, receiveMaximumOf(next))) {
        const again = packetsOf(next, 'subject', one.packet.name).find((other) => isSame(one, other));
        if (again !== undefined) judge.pass(again.index);
        else if (!one.isSure || mayMove(view, life, one) || next.rawIndex < view.events.length) continue;
        else judgeMissed(view, judge, one, next);
      }
    }
  }
});

/** A member of a share that is away may lose what it has not acknowledged, but for QoS 2 (MQTT 5.0, 4.8.2). */
const mayMove = (view: View, life: Life, { packet: { name, qos, payload } }: ReadPacket): boolean =>
  name === 'PUBLISH' && qos === 1 && isOfShare(view, life, new TextDecoder().decode(payload));

/** A message that a shared subscription of the session selects. */
const isOfShare = (view: View, { subscriptions }: Life, key: string): boolean => {
  const topic = publicationsOf(view).find((one) => one.key === key)?.topic;
  return topic !== undefined && subscriptions.some(({ share, selects: filter }) => share !== undefined && selects(filter, topic));
};

/** It has not come under its packet id: under another one, or not at all. */
function judgeMissed(view: View, judge: Judge, one: ReadPacket, next: LinkSeen): void {
  const { name, packetId, payload } = one.packet;
  const expected = `${name} ${packetId} is sent again when the session goes on`;
  const key = new TextDecoder().decode(payload);
  const isAlone = publicationsOf(view).some((other) => other.key === key && other.copies.length === 1);
  const other = packetsOf(next, 'subject', 'PUBLISH').find(({ packet }) => new TextDecoder().decode(packet.payload) === key);
  if (name === 'PUBLISH' && isAlone && other !== undefined)
    judge.fail(other.index, `${expected} by its packet id; it came as packet ${other.packet.packetId}`);
  else if (isOverdue(view, next, next.connack?.atMs ?? 0))
    judge.fail(next.connack?.index ?? one.index, `${expected}; it did not come`);
}

/** The same packet again: the packet id, and of PUBLISH the message. */
const isSame = ({ packet: one }: ReadPacket, { packet: other }: ReadPacket): boolean =>
  one.packetId === other.packetId && hexOf(one.payload ?? NO_BYTES) === hexOf(other.payload ?? NO_BYTES);

const NO_BYTES = new Uint8Array(0);

function sentAgainOnOneLink(view: View, judge: Judge): void {
  const again: Told = ({ index }, wrong) => {
    if (wrong !== undefined) judge.fail(index, wrong);
  };
  for (const life of livesOf(view).lives) walk(view, life, { again });
}

/** Packets of the server that its device has not answered on these links; `isSure`: it has answered nothing of the exchange. */
function leftOpen(links: readonly LinkSeen[]): readonly (ReadPacket & { readonly isSure: boolean })[] {
  const open = new Map<number, ReadPacket>();
  const recorded = new Set<number>();
  for (const one of links.flatMap(({ packets }) => packets)) {
    if (one.packet === undefined) continue;
    const { name, packetId = 0, qos = 0 } = one.packet;
    if (one.from === 'subject') {
      if (name === 'PUBLISH' && qos > 0) recorded.delete(packetId);
      if ((name === 'PUBLISH' && qos > 0) || name === 'PUBREL') open.set(packetId, one as ReadPacket);
      continue;
    }
    if (name === 'PUBACK' || name === 'PUBCOMP') open.delete(packetId);
    if (name === 'PUBREC') recorded.add(packetId);
  }
  return [...open.entries()].map(([id, one]) => ({ ...one, isSure: one.packet.name === 'PUBREL' || !recorded.has(id) }));
}

/** Exchanges under way never pass what the device can take. */
const receiveMaximum = linkClause('MQTT-3.3.4-9', (link, judge) => {
  const most = receiveMaximumOf(link);
  const open = new Set<number>();
  let reached = false;
  for (const one of link.packets) {
    if (one.packet === undefined) continue;
    follow(open, one as ReadPacket);
    reached ||= open.size >= most;
    if (open.size > most)
      return judge.fail(one.index, `no more than ${most} messages are under way to this device; got ${open.size}`);
  }
  if (reached) judge.pass(link.connack?.index ?? link.closedIndex);
});

/** A device that is sent all that it can take is answered all the same. */
const othersGoOn = linkClause('MQTT-4.9.0-3', (link, judge, view) => {
  const most = receiveMaximumOf(link);
  const open = new Set<number>();
  for (const one of link.packets) {
    if (one.packet === undefined) continue;
    follow(open, one as ReadPacket);
    if (open.size < most || one.from !== 'kit' || one.packet.name !== 'PINGREQ') continue;
    const answer = packetsOf(link, 'subject', 'PINGRESP').find(({ index }) => index > one.index);
    if (answer !== undefined) judge.pass(answer.index);
    else if (isOverdue(view, link, one.atMs))
      judge.fail(one.index, 'PINGREQ is answered while no PUBLISH may be sent; got nothing');
  }
});

/** So much later than of what comes by another link a server may hear that one is gone: TCP keeps no order between them. */
const DROP_SEEN_MS = 100;

/** A first copy has DUP 0, whatever the device has sent. */
const firstIsNoDup = mqttClause('MQTT-3.3.1-3', (view, judge) => {
  const given = new Set<string>();
  for (const { seen, life, key, qos, publication, link } of deliveriesOf(view)) {
    // On a link that dropped it may have been sent before, and not read.
    const sinceMs = (publication?.first.atMs ?? 0) - DROP_SEEN_MS;
    if (qos === 0 || life.links.some((one) => one !== link && one.closedAtMs > sinceMs)) continue;
    const name = `${life.clientId} ${life.beginIndex} ${key}`;
    if (!given.has(name))
      judgeThat(judge, seen.index, seen.packet.dup === false, () => 'a message that was not sent before has DUP 0; got 1');
    given.add(name);
  }
});

/** A wildcard stands alone in its level, and # in the last one. */
const isFilter = (filter: string): boolean => {
  const levels = filter.split('/');
  return levels.every((level, at) => (level === '#' ? at === levels.length - 1 : level === '+' || !/[#+]/.test(level)));
};

const filters = linkClause('MQTT-4.7.1-1', (link, judge, view) => {
  for (const { index, atMs, packet } of packetsOf(link, 'kit', 'SUBSCRIBE')) {
    const answer = packetsOf(link, 'subject', 'SUBACK').find(
      (one) => one.index > index && one.packet.packetId === packet.packetId,
    );
    for (const [at, { filter }] of (packet.filters ?? []).entries()) {
      if (isFilter(filter)) continue;
      const reason = answer?.packet.reasons?.[at];
      if (reason !== undefined)
        judgeThat(judge, index, reason >= 0x80, () => `the filter ${filter} is refused; it was granted QoS ${reason}`);
      else if (link.closed?.by === 'subject') judge.pass(index);
      else if (isOverdue(view, link, atMs)) judge.fail(index, `the filter ${filter} is refused; got nothing`);
    }
  }
});

export const EXCHANGE_CLAUSES: readonly Clause[] = [
  PUBACK,
  PUBREC,
  PUBCOMP,
  PUBREL,
  SUBACK,
  UNSUBACK,
  acknowledgesIds,
  subscribesIds,
  walked('MQTT-2.2.1-4', 'id'),
  walked('MQTT-3.3.1-2', 'dup'),
  walked('MQTT-3.3.1-1', 'resumed'),
  walked('MQTT-4.3.3-6', 'released'),
  resends,
  receiveMaximum,
  othersGoOn,
  firstIsNoDup,
  filters,
];
