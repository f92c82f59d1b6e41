// Retained messages and wills (MQTT 5.0, 3.1.2.5, 3.3.1.3, 3.8.3.1).
import { type Clause, judgeThat } from '../../../clause/clause.ts';
import type { View } from '../../../history/view.ts';
import { type Life, livesOf, type Subscription, selects } from '../lives.ts';
import { type Delivery, deliveriesOf, type Publication, publicationsOf } from '../messages.ts';
import { isOverdue, type LinkSeen, linksOf, packetsOf } from '../mqtt-view.ts';
import { reasonText } from '../wire/packet.ts';
import { numberIn } from '../wire/properties.ts';
import { mqttClause } from './clause-of.ts';

/** The retained message of a topic at a place of the history. Undefined where nobody can say. */
function retainedAt(view: View, topic: string, index: number): Publication | 'none' | undefined {
  // What other clients of the cluster retain is judged by the mapping.
  if (view.notes('told').length > 0) return undefined;
  // When a will is published nobody tells.
  if (publicationsOf(view).some((one) => one.isWill && one.retain && one.topic === topic)) return undefined;
  const all = retainsOf(view, topic).filter(({ atIndex }) => atIndex < index);
  const last = all.at(-1);
  if (last === undefined) return 'none';
  // Who published at the same time, or was not answered, may be in front or behind.
  if (!last.isSure || retainsOf(view, topic).some((one) => one.atIndex >= index && one.sentIndex < index)) return undefined;
  return last.publication ?? 'none';
}

interface Retain {
  readonly publication: Publication | undefined;
  readonly sentIndex: number;
  /** Where the server has said that it took it. */
  readonly atIndex: number;
  readonly isSure: boolean;
}

/** PUBLISH with RETAIN to a topic, in order; without a publication it removes. */
function retainsOf(view: View, topic: string): readonly Retain[] {
  const byKey = new Map(publicationsOf(view).map((one) => [one.key, one]));
  return linksOf(view)
    .flatMap((link) =>
      packetsOf(link, 'kit', 'PUBLISH').filter(
        ({ packet }) => packet.retain === true && packet.topic === topic && link.isAccepted,
      ),
    )
    .map((seen) => {
      const { qos = 0, payload, packetId } = seen.packet;
      const publication = payload?.length === 0 ? undefined : byKey.get(new TextDecoder().decode(payload));
      const answer = seen.link.packets.find(
        (one) =>
          one.from === 'subject' &&
          one.index > seen.index &&
          one.packet?.packetId === packetId &&
          (one.packet?.name === 'PUBACK' || one.packet?.name === 'PUBREC'),
      );
      const isSure = qos > 0 && answer !== undefined && (answer.packet?.reason ?? 0) < 0x80;
      return { publication, sentIndex: seen.index, atIndex: answer?.index ?? seen.index, isSure };
    })
    .sort((one, other) => one.atIndex - other.atIndex);
}

const topicsRetained = (view: View): readonly string[] => [
  ...new Set(
    linksOf(view).flatMap((link) =>
      packetsOf(link, 'kit', 'PUBLISH').flatMap(({ packet }) =>
        packet.retain === true && packet.topic !== '' ? [packet.topic ?? ''] : [],
      ),
    ),
  ),
];

/** Every subscription with every topic that has, or had, a retained message. */
function* asked(
  view: View,
): Generator<{ life: Life; one: Subscription; topic: string; came: readonly Delivery[]; link: LinkSeen }> {
  for (const life of livesOf(view).lives)
    for (const one of life.subscriptions)
      for (const topic of topicsRetained(view)) {
        const link = life.links.find(
          ({ connack, closedIndex }) => (connack?.index ?? 0) < one.sentIndex && one.sentIndex < closedIndex,
        );
        if (link === undefined || one.granted === undefined || !selects(one.selects, topic)) continue;
        const came = deliveriesOf(view).filter(
          (other) =>
            other.link === link &&
            other.topic === topic &&
            other.seen.index > one.sentIndex &&
            other.seen.packet.retain === true &&
            !one.retainAsPublished,
        );
        yield { life, one, topic, came, link };
      }
}

/** What a subscription is sent of retained messages. @param wanted for which it is judged. */
const retained = (
  id: string,
  wanted: (one: Subscription, held: Publication | 'none') => boolean,
  gives: (one: Subscription) => boolean,
): Clause =>
  mqttClause(id, (view, judge) => {
    for (const { one, topic, came, link } of asked(view)) {
      const held = retainedAt(view, topic, one.sentIndex);
      if (held === undefined || one.share !== undefined || one.retainAsPublished || !wanted(one, held)) continue;
      // Another SUBSCRIBE may bring it too.
      const next = packetsOf(link, 'kit', 'SUBSCRIBE').find(({ index }) => index > one.sentIndex)?.index ?? view.events.length;
      const got = came.filter(({ seen }) => seen.index < next);
      const has = gives(one) && held !== 'none';
      const right = held === 'none' ? undefined : held.key;
      const wrong = got.find(({ key }) => !has || key !== right);
      if (wrong !== undefined)
        judge.fail(
          wrong.seen.index,
          `a subscription to ${one.filter} is sent ${has ? `the retained ${right}` : 'no retained message'}; got ${wrong.key || 'an empty one'}`,
        );
      else if (!has || got.length > 0) judge.pass(one.ackIndex);
      else if (
        numberIn(held.properties, 'messageExpiry') === undefined &&
        isOverdue(view, link, view.events[one.ackIndex]?.atMs ?? 0)
      )
        judge.fail(one.ackIndex, `a subscription to ${one.filter} is sent the retained ${right}; it did not come`);
    }
  });

const isFresh = (one: Subscription): boolean => !one.isAgain;

const CLAUSES_OF_RETAIN: readonly Clause[] = [
  retained(
    'MQTT-3.3.1-5',
    (one, held) => held !== 'none' && one.retainHandling === 0 && isFresh(one),
    () => true,
  ),
  retained(
    'MQTT-3.3.1-6',
    (one, held) => held === 'none' && one.retainHandling === 0,
    () => false,
  ),
  retained(
    'MQTT-3.3.1-9',
    (one) => one.retainHandling === 0,
    () => true,
  ),
  retained('MQTT-3.3.1-10', (one) => one.retainHandling === 1, isFresh),
  retained(
    'MQTT-3.3.1-11',
    (one) => one.retainHandling === 2,
    () => false,
  ),
];

/** What is not retained neither becomes a retained message nor takes one away: it is seen with the next subscription. */
const notRetained = mqttClause('MQTT-3.3.1-8', (view, judge) => {
  for (const { one, topic, came } of asked(view)) {
    const plain = publicationsOf(view).filter(
      (other) => other.topic === topic && !other.retain && (other.takenIndex ?? Number.POSITIVE_INFINITY) < one.sentIndex,
    );
    if (plain.length === 0 || one.retainHandling === 2 || one.isAgain) continue;
    const wrong = came.find(({ key }) => plain.some((other) => other.key === key));
    if (wrong !== undefined) judge.fail(wrong.seen.index, `${wrong.key} was not retained; it came as a retained message`);
    else judge.pass(one.ackIndex);
  }
});

/** RETAIN of what comes to a subscription that was there when it was published. */
const retainFlag = (id: string, asPublished: boolean): Clause =>
  mqttClause(id, (view, judge) => {
    for (const { publication, life, seen, topic = '', key } of deliveriesOf(view)) {
      if (publication === undefined || publication.isWill) continue;
      const all = life.subscriptions.filter((one) => one.sentIndex < seen.index && selects(one.selects, topic));
      const isLive =
        all.length > 0 && all.every((one) => one.ackIndex < publication.first.index && one.retainAsPublished === asPublished);
      if (!isLive || (!asPublished && !publication.retain)) continue;
      const right = asPublished && publication.retain;
      judgeThat(
        judge,
        seen.index,
        seen.packet.retain === right,
        () => `${key} comes with RETAIN ${Number(right)}; got ${Number(!right)}`,
      );
    }
  });

/** How a link with a will has ended, and what has to become of it. */
interface WillSeen {
  readonly link: LinkSeen;
  readonly publication: Publication;
  /** Undefined where it is not known. */
  readonly isDue: boolean | undefined;
  readonly why: string;
  /** When it has to come, at the earliest. */
  readonly fromMs: number;
  readonly came: readonly Delivery[];
  /** Somebody who has subscribed is there to the end. */
  readonly witnesses: readonly Life[];
}

function willsOf(view: View): readonly WillSeen[] {
  return publicationsOf(view).flatMap((publication): readonly WillSeen[] => {
    const { link } = publication.first;
    if (!publication.isWill || !link.isAccepted) return [];
    const came = deliveriesOf(view).filter(({ key }) => key === publication.key);
    const witnesses = livesOf(view).lives.filter(
      ({ links, subscriptions }) =>
        links.some((one) => one !== link && one.closed === undefined && one.rawIndex > one.closedIndex - 1) &&
        subscriptions.some(
          (one) => one.ackIndex < link.closedIndex && selects(one.selects, publication.topic) && one.share === undefined,
        ),
    );
    return [{ link, publication, came, witnesses, ...fateOf(view, link, publication) }];
  });
}

function fateOf(view: View, link: LinkSeen, { properties }: Publication): Pick<WillSeen, 'isDue' | 'why' | 'fromMs'> {
  const goodbye = packetsOf(link, 'kit', 'DISCONNECT')[0];
  const discards = goodbye !== undefined && (link.version === 4 || goodbye.packet.reason === 0);
  if (discards) return { isDue: false, why: 'DISCONNECT discards a will', fromMs: goodbye.atMs };
  if (link.closed === undefined) return { isDue: undefined, why: 'the link goes on', fromMs: view.endMs };
  const delayMs = (numberIn(properties, 'willDelay') ?? 0) * 1_000;
  const expiry = numberIn(link.connect?.packet.properties ?? [], 'sessionExpiry') ?? 0;
  const waitMs = Math.min(delayMs, expiry * 1_000);
  const fromMs = link.closedAtMs + waitMs;
  const back = linksOf(view).find(
    ({ clientId, connack, number }) => clientId === link.clientId && number > link.number && connack !== undefined,
  );
  const isBack = back?.connect !== undefined && back.connect.atMs < fromMs - view.slackMs;
  if (isBack && waitMs > 0 && back.connect?.packet.cleanStart === false)
    return { isDue: false, why: 'the device was back before the will delay was over', fromMs };
  if (back !== undefined && waitMs > 0) return { isDue: undefined, why: '', fromMs };
  return { isDue: true, why: 'a link that ends without DISCONNECT publishes its will', fromMs };
}

const willComes = (id: string): Clause =>
  mqttClause(id, (view, judge) => {
    for (const will of willsOf(view)) {
      const { publication, came, witnesses, fromMs, why, link } = will;
      if (will.isDue !== true || witnesses.length === 0) continue;
      const [first] = came;
      if (first !== undefined) {
        const isEarly = first.seen.atMs < fromMs - 1_000 - view.slackMs && fromMs > link.closedAtMs;
        judgeThat(
          judge,
          first.seen.index,
          !isEarly,
          () => `${publication.key} comes when its delay is over; it came ${Math.round(fromMs - first.seen.atMs)} ms too early`,
        );
      } else if (view.endMs - fromMs >= 2_000 + view.slackMs)
        judge.fail(link.closedIndex, `${why}; ${publication.key} did not come`);
    }
  });

const willStays = (id: string, wanted: (will: WillSeen) => boolean): Clause =>
  mqttClause(id, (view, judge) => {
    for (const will of willsOf(view)) {
      const { publication, came, witnesses, why, link } = will;
      if (will.isDue !== false || witnesses.length === 0 || !wanted(will)) continue;
      const [first] = came;
      if (first === undefined) judge.pass(link.closedIndex);
      else judge.fail(first.seen.index, `${why}; ${publication.key} came`);
    }
  });

const delayed = ({ publication }: WillSeen): boolean => numberIn(publication.properties, 'willDelay') !== undefined;
const saidGoodbye = ({ link }: WillSeen): boolean => packetsOf(link, 'kit', 'DISCONNECT').length > 0;

/** RETAIN of a will as its CONNECT has it: who subscribes later is sent it, or not. */
const willRetain = (id: string, retain: boolean): Clause =>
  mqttClause(id, (view, judge) => {
    for (const { publication, came } of willsOf(view)) {
      const [first] = came;
      if (publication.retain !== retain || first === undefined) continue;
      for (const { clientId, subscriptions, links } of livesOf(view).lives) {
        const late = subscriptions.find(
          (one) =>
            one.sentIndex > first.seen.index &&
            one.granted !== undefined &&
            one.share === undefined &&
            selects(one.selects, publication.topic),
        );
        const link = links.at(-1);
        if (late === undefined || link === undefined) continue;
        const got = came.some(({ life, seen }) => life.clientId === clientId && seen.index > late.sentIndex);
        if (got === retain) judge.pass(late.ackIndex);
        else if (got || isOverdue(view, link, view.events[late.ackIndex]?.atMs ?? 0))
          judge.fail(
            late.ackIndex,
            `a will with RETAIN ${Number(retain)} is ${retain ? '' : 'not '}retained; ${clientId} was ${got ? '' : 'not '}sent it`,
          );
      }
    }
  });

/** Each filter of a request is answered by a code, in order. */
const codes = (id: string, asks: 'SUBSCRIBE' | 'UNSUBSCRIBE', by: 'SUBACK' | 'UNSUBACK'): Clause =>
  mqttClause(id, (view, judge) => {
    for (const link of linksOf(view)) {
      for (const { index, packet } of packetsOf(link, 'kit', asks)) {
        const answer = packetsOf(link, 'subject', by).find((one) => one.index > index && one.packet.packetId === packet.packetId);
        if (answer === undefined || (by === 'UNSUBACK' && link.version === 4)) continue;
        const got = answer.packet.reasons ?? [];
        const filters = packet.filters ?? [];
        const strange = got.find((reason) => !isCode(by, reason, link));
        const tooHigh = by === 'SUBACK' && got.some((reason, at) => reason < 3 && reason > (filters[at]?.qos ?? 0));
        const isRight = got.length === filters.length && strange === undefined && !tooHigh;
        judgeThat(
          judge,
          answer.index,
          isRight,
          () => `${by} has a code for each of ${filters.length} filters; got ${got.map(reasonText).join(' ') || 'none'}`,
        );
      }
    }
  });

const isCode = (by: string, reason: number, { version }: LinkSeen): boolean => {
  if (by === 'UNSUBACK') return [0, 0x11, 0x80, 0x83, 0x87, 0x8f, 0x91].includes(reason);
  return version === 4
    ? [0, 1, 2, 0x80].includes(reason)
    : [0, 1, 2, 0x80, 0x83, 0x87, 0x8f, 0x91, 0x97, 0x9e, 0xa1, 0xa2].includes(reason);
};

export const RETAIN_WILL_CLAUSES: readonly Clause[] = [
  ...CLAUSES_OF_RETAIN,
  notRetained,
  retainFlag('MQTT-3.3.1-12', false),
  retainFlag('MQTT-3.3.1-13', true),
  willComes('MQTT-3.1.2-8'),
  willStays('MQTT-3.1.2-10', saidGoodbye),
  willStays('MQTT-3.14.4-3', (will) => saidGoodbye(will) && will.link.version === 5),
  willStays('MQTT-3.1.3-9', delayed),
  willRetain('MQTT-3.1.2-14', false),
  willRetain('MQTT-3.1.2-15', true),
  codes('MQTT-3.8.4-6', 'SUBSCRIBE', 'SUBACK'),
  codes('MQTT-3.11.3-1', 'UNSUBSCRIBE', 'UNSUBACK'),
];
