// Who is given what, how often and in which order (MQTT 5.0, 3.3, 3.8, 4.3, 4.5, 4.6, 4.7, 4.8).
import { type Clause, type Judge, judgeThat } from '../../../clause/clause.ts';
import type { View } from '../../../history/view.ts';
import { isObject } from '../../../json.ts';
import { type Life, livesOf, type Subscription, selects } from '../lives.ts';
import { type Delivery, deliveriesOf, isDue, type Publication, publicationsOf } from '../messages.ts';
import { packetsOf } from '../mqtt-view.ts';
import { numberIn } from '../wire/properties.ts';
import { asOf, mqttClause } from './clause-of.ts';
import { judgeOwed } from './owed.ts';

/** Subscriptions of the session that may have brought a delivery. */
const candidatesOf = ({ life, topic = '', seen }: Delivery): readonly Subscription[] =>
  life.subscriptions.filter((one) => one.sentIndex < seen.index && selects(one.selects, topic));

/** Another client of the cluster has stored it. */
const isFromCluster = (view: View, key: string): boolean =>
  view.notes('told').some(({ args }) => isObject(args) && args.body === key);

const onlySelected = mqttClause('MQTT-3.3.2-3', (view, judge) => {
  for (const delivery of deliveriesOf(view)) {
    const { seen, topic, key, publication } = delivery;
    const whose = `"${topic ?? 'no topic'}" with ${key.slice(0, 40)}`;
    if (topic === undefined) judge.fail(seen.index, 'a PUBLISH names its topic, or by an alias that has one; got neither');
    else if (publication === undefined && key !== '' && !isFromCluster(view, key))
      judge.fail(seen.index, `nothing comes that nobody published; got ${whose}`);
    else if (publication !== undefined && publication.topic !== topic)
      judge.fail(seen.index, `a message comes with the topic ${publication.topic}, as it was published; got ${topic}`);
    else
      judgeThat(
        judge,
        seen.index,
        candidatesOf(delivery).length > 0,
        () => `nothing comes that no subscription selects; got ${whose}`,
      );
  }
});

/** Behind UNSUBACK nothing new is added for the subscription. */
const unsubscribed = mqttClause('MQTT-3.10.4-2', (view, judge) => {
  for (const delivery of deliveriesOf(view)) {
    const { seen, publication } = delivery;
    const candidates = candidatesOf(delivery);
    if (publication === undefined || candidates.length === 0 || !delivery.isNew) continue;
    const isLate = candidates.every(({ stopIndex }) => stopIndex < publication.first.index);
    if (isLate)
      judge.fail(seen.index, `${publication.key} was published behind the UNSUBACK of ${candidates[0]?.filter}, and came`);
  }
  for (const { subscriptions } of livesOf(view).lives)
    for (const { stopIndex, selects: filter } of subscriptions)
      if (
        stopIndex < Number.POSITIVE_INFINITY &&
        publicationsOf(view).some(({ first, topic }) => first.index > stopIndex && selects(filter, topic))
      )
        judge.pass(stopIndex);
});

const noWildcardBeforeDollar = mqttClause('MQTT-4.7.2-1', (view, judge) => {
  // Nothing comes of what a server refuses, either.
  for (const { topic, takenIndex, isRefused, first } of publicationsOf(view))
    if (topic.startsWith('$') && (takenIndex !== undefined || isRefused)) judge.pass(takenIndex ?? first.index);
  for (const { seen, topic = '', life } of deliveriesOf(view)) {
    if (!topic.startsWith('$')) continue;
    const plain = life.subscriptions.some((one) => one.sentIndex < seen.index && one.selects.startsWith('$'));
    judgeThat(judge, seen.index, plain, () => `a filter that begins with a wildcard does not select ${topic}; it came`);
  }
});

const nothingLost = mqttClause('MQTT-4.5.0-1', (view, judge) => judgeOwed(view, judge, () => true));

/** What a session has got while its device was away. */
const kept = mqttClause('MQTT-3.1.2-5', (view, judge) =>
  judgeOwed(view, judge, ({ life, publication }) => {
    const at = publication.takenIndex ?? 0;
    return (
      life.links.length > 1 && life.links.every(({ connack, closedIndex }) => at < (connack?.index ?? 0) || at > closedIndex)
    );
  }),
);

/** A packet id that is free again begins another message (MQTT 5.0, 4.3.2 and 4.3.3). */
const idIsNew = (id: string, qos: number): Clause =>
  mqttClause(id, (view, judge) => {
    const isReused = ({ first, qos: of }: Publication): boolean =>
      of === qos &&
      packetsOf(first.link, 'kit', 'PUBLISH').some(
        (one) => one.index < first.index && one.packet.packetId === first.packet.packetId,
      );
    judgeOwed(view, judge, ({ publication }) => !publication.isWill && isReused(publication));
  });

const nameOfLife = ({ clientId, beginIndex }: Life): string => `${clientId} ${beginIndex}`;

/** Deliveries that are no repetitions, by session and message. */
function given(view: View): ReadonlyMap<string, readonly Delivery[]> {
  const all = new Map<string, Delivery[]>();
  for (const one of deliveriesOf(view)) {
    if (!one.isNew || one.publication === undefined) continue;
    const name = `${nameOfLife(one.life)} ${one.key}`;
    all.set(name, [...(all.get(name) ?? []), one]);
  }
  return all;
}

/** A retained message comes again with each subscription. */
const isRetained = ({ seen }: Delivery): boolean => seen.packet.retain === true;

const exactlyOnce = mqttClause('MQTT-4.3.3-10', (view, judge) => {
  for (const deliveries of given(view).values()) {
    const [first] = deliveries as [Delivery];
    const most = candidatesOf(deliveries.at(-1) ?? first).length;
    const twos = deliveries.filter((one) => one.qos === 2 && one.publication?.qos === 2 && !isRetained(one));
    if (twos.length === 0 || first.publication?.retain === true) continue;
    const extra = twos[most];
    if (extra === undefined) judge.pass(first.seen.index);
    else
      judge.fail(
        extra.seen.index,
        `a message of QoS 2 comes once; ${first.key} came ${twos.length} times to ${first.life.clientId}`,
      );
  }
});

/** QoS 0 and 1 do not come more often than they were published, but for what is sent again on another connection. */
const notTwice = mqttClause('MQTT-4.3.2-5', (view, judge) => {
  for (const deliveries of given(view).values()) {
    const [first] = deliveries as [Delivery];
    const { publication, life } = first;
    if (publication === undefined || publication.retain || publication.qos === 2) continue;
    const most = candidatesOf(deliveries.at(-1) ?? first).length * Math.max(1, publication.copies.length) + life.links.length - 1;
    const extra = deliveries.filter((one) => !isRetained(one))[most];
    if (extra !== undefined)
      judge.fail(
        extra.seen.index,
        `${first.key} was published ${publication.copies.length} times, and came ${deliveries.length} times`,
      );
    else if (publication.qos === 1) judge.pass(first.seen.index);
  }
  if (view.events.length > 0) idIsNew('MQTT-4.3.2-5', 1).check(view, judge);
});

/** What one device publishes to one topic with one QoS comes in this order. */
const inOrder = mqttClause('MQTT-4.6.0-5', (view, judge) => {
  const newest = new Map<string, Delivery>();
  const seen = new Set<string>();
  for (const one of deliveriesOf(view)) {
    const { publication, life, qos, topic, key } = one;
    if (
      publication === undefined ||
      publication.isWill ||
      isRetained(one) ||
      candidatesOf(one).some(({ share }) => share !== undefined)
    )
      continue;
    // Of what was published before nothing is promised.
    if (!candidatesOf(one).every(({ ackIndex }) => ackIndex < publication.first.index)) continue;
    const name = `${nameOfLife(life)} ${key}`;
    if (seen.has(name)) continue;
    seen.add(name);
    const row = `${nameOfLife(life)} ${publication.first.link.clientId} ${topic} ${publication.qos} ${qos}`;
    const before = newest.get(row);
    if (before !== undefined) {
      const isBehind = (before.publication?.first.index ?? 0) < publication.first.index;
      judgeThat(judge, one.seen.index, isBehind, () => `${key} was published before ${before.key}, and came behind it`);
    }
    if (before === undefined || (before.publication?.first.index ?? 0) < publication.first.index) newest.set(row, one);
  }
});

/** Subscriptions of which it is known that they were there, and how. */
const sureOf = (delivery: Delivery, publication: Publication): readonly Subscription[] | undefined => {
  const all = candidatesOf(delivery);
  const isSure = all.every(
    ({ granted, ackIndex, untilIndex, share }) =>
      granted !== undefined && share === undefined && ackIndex < publication.first.index && untilIndex > delivery.seen.index,
  );
  return isSure && all.length > 0 ? all : undefined;
};

const qosOf = (id: string, wanted: (count: number) => boolean): Clause =>
  mqttClause(id, (view, judge) => {
    for (const deliveries of given(view).values()) {
      const [first] = deliveries as [Delivery];
      const { publication } = first;
      const all = publication === undefined ? undefined : sureOf(first, publication);
      if (publication === undefined || all === undefined || !wanted(all.length)) continue;
      const right = Math.min(publication.qos, Math.max(...all.map(({ granted = 0 }) => granted)));
      const got = Math.max(...deliveries.map(({ qos }) => qos));
      judgeThat(
        judge,
        first.seen.index,
        got === right,
        () => `${first.key} of QoS ${publication.qos} comes with QoS ${right}; got ${got}`,
      );
    }
  });

const grantedQos = qosOf('MQTT-3.8.4-8', (count) => count === 1);
const overlappingQos = qosOf('MQTT-3.3.4-2', (count) => count > 1);

const subscriptionIds = mqttClause('MQTT-3.3.4-4', (view, judge) => {
  for (const delivery of deliveriesOf(view)) {
    const { publication, life, key, seen } = delivery;
    const all = publication === undefined ? undefined : sureOf(delivery, publication);
    const wanted = all?.flatMap(({ subscriptionId }) => subscriptionId ?? []).sort() ?? [];
    if (all === undefined || seen.link.version !== 5) continue;
    const copies = deliveriesOf(view).filter((one) => one.life === life && one.key === key && one.isNew);
    const got = copies
      .flatMap((one) => one.seen.packet.properties.filter(({ name }) => name === 'subscriptionId'))
      .map(({ value }) => Number(value));
    const isRight = JSON.stringify([...new Set(got)].sort()) === JSON.stringify([...new Set(wanted)].sort());
    if (wanted.length > 0 || got.length > 0)
      judgeThat(
        judge,
        seen.index,
        isRight,
        () => `${key} bears the subscription identifiers ${wanted.join(', ') || 'none'}; got ${got.join(', ') || 'none'}`,
      );
  }
});

const noLocal = mqttClause('MQTT-3.8.3-3', (view, judge) => {
  for (const publication of publicationsOf(view)) {
    for (const life of livesOf(view).lives) {
      const all = life.subscriptions.filter(
        (one) => one.ackIndex < publication.first.index && selects(one.selects, publication.topic),
      );
      const own = publication.first.link.clientId === life.clientId;
      if (!own || all.length === 0 || !all.every((one) => one.noLocal && one.share === undefined)) continue;
      const came = deliveriesOf(view).find((one) => one.life === life && one.key === publication.key);
      if (came === undefined) judge.pass(publication.first.index);
      else judge.fail(came.seen.index, `${publication.key} does not come back to its publisher, who asked for No Local`);
    }
  }
});

/** Each message goes to one member of a shared subscription. */
const sharedOnce = mqttClause('MQTT-4.8.2', (view, judge) => {
  const { lives } = livesOf(view);
  for (const publication of publicationsOf(view)) {
    if (publication.isWill || publication.key === '') continue;
    const groups = new Set(
      lives.flatMap(({ subscriptions }) =>
        subscriptions
          .filter(
            (one) => one.share !== undefined && one.ackIndex < publication.first.index && selects(one.selects, publication.topic),
          )
          .map(({ filter }) => filter),
      ),
    );
    for (const group of groups) judgeGroup(view, judge, publication, group);
  }
});

function judgeGroup(view: View, judge: Judge, publication: Publication, group: string): void {
  const isMember = ({ subscriptions }: Life): boolean => subscriptions.some(({ filter }) => filter === group);
  // Who has another subscription too gets it for that one.
  const isPure = ({ subscriptions }: Life): boolean =>
    subscriptions.every(({ filter, selects: of }) => filter === group || !selects(of, publication.topic));
  const { lives } = livesOf(view);
  if (!lives.filter(isMember).every(isPure)) return;
  const came = deliveriesOf(view).filter((one) => one.key === publication.key && one.isNew && isMember(one.life));
  const acknowledged = came.filter((one) => one.qos === 0 || isAcknowledged(view, one));
  const second = acknowledged[1];
  // A link that dropped may have had a message of QoS 1 that nobody acknowledged in time.
  if (
    second !== undefined &&
    !wasKilled(view) &&
    publication.copies.length === 1 &&
    new Set(acknowledged.map(({ link }) => link)).size === acknowledged.length
  )
    judge.fail(second.seen.index, `${publication.key} goes to one member of ${group}; got it ${acknowledged.length} times`);
  else if (came.length > 0) judge.pass(came[0]?.seen.index ?? 0);
  else if (isOwedToGroup(view, publication, group))
    judge.fail(publication.takenIndex ?? 0, `${publication.key} was acknowledged, and ${group} has members; none was given it`);
}

/** Who dies may have been told of an acknowledgement, and not have kept it: then QoS 1 comes again. */
const wasKilled = (view: View): boolean => view.of('subject').some(({ what }) => what === 'killed');

/** Its acknowledgement was on the way for long enough to have come before the link ended. */
const isAcknowledged = (view: View, { seen, link }: Delivery): boolean =>
  link.packets.some(
    ({ from, index, atMs, packet }) =>
      from === 'kit' &&
      index > seen.index &&
      packet?.packetId === seen.packet.packetId &&
      (packet?.name === 'PUBACK' || packet?.name === 'PUBREC') &&
      link.closedAtMs - atMs > view.slackMs,
  );

function isOwedToGroup(view: View, publication: Publication, group: string): boolean {
  if (publication.takenIndex === undefined || numberIn(publication.properties, 'messageExpiry') !== undefined) return false;
  return livesOf(view).lives.some((life) => {
    const subscription = life.subscriptions.find(
      ({ filter, granted = 0, untilIndex }) => filter === group && granted > 0 && untilIndex >= view.events.length,
    );
    return subscription !== undefined && life.endIndex >= view.events.length && isDue(view, { life, publication, subscription });
  });
}

export const DELIVERY_CLAUSES: readonly Clause[] = [
  asOf('QNT-MQT-017', inOrder),
  asOf('QNT-MQT-020', noLocal),
  asOf('QNT-MQT-026', kept),
  onlySelected,
  unsubscribed,
  noWildcardBeforeDollar,
  nothingLost,
  kept,
  exactlyOnce,
  notTwice,
  idIsNew('MQTT-4.3.3-12', 2),
  inOrder,
  grantedQos,
  overlappingQos,
  subscriptionIds,
  noLocal,
  sharedOnce,
];
