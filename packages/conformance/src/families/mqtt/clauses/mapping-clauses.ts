// How messages of MQTT lie in the cluster, and which of those that lie there reach devices (chapter 24 of the specification).
import { createHash } from 'node:crypto';
import { type Clause, type Judge, judgeThat } from '../../../clause/clause.ts';
import { once } from '../../../history/once.ts';
import type { View } from '../../../history/view.ts';
import { bytesOf, isObject } from '../../../json.ts';
import { listOf, numberOf, objectOf, textOf } from '../../../play/program.ts';
import { livesOf, selects } from '../lives.ts';
import { KEY_BYTES_MAX_OF_MQTT, MQTT_PROPERTIES } from '../mapping-table.ts';
import { type Delivery, deliveriesOf, type Publication, publicationsOf } from '../messages.ts';
import { isOverdue } from '../mqtt-view.ts';
import { numberIn, type Property } from '../wire/properties.ts';
import { mqttClause } from './clause-of.ts';

/** One message of the cluster, as the kit has read it. */
interface Lying {
  /** The place of the note that tells it. */
  readonly index: number;
  readonly queue: number;
  readonly offset: number;
  readonly key: string | undefined;
  readonly tag: string | undefined;
  readonly properties: Readonly<Record<string, string>>;
  readonly body: string;
}

const lyingIn = once((view: View): readonly Lying[] =>
  view.notes('stored').flatMap(({ args, index }) =>
    (isObject(args) ? listOf(args, 'messages') : []).filter(isObject).map(
      (one): Lying => ({
        index,
        queue: numberOf(one, 'queue', 0),
        offset: numberOf(one, 'offset', 0),
        key: typeof one.key === 'string' ? one.key : undefined,
        tag: typeof one.tag === 'string' ? one.tag : undefined,
        properties: objectOf(one, 'properties') as Record<string, string>,
        body: textOf(one, 'body'),
      }),
    ),
  ),
);

/** The payload of a message: some of its properties may stand in front of it. */
const payloadText = ({ body, properties }: Lying): string =>
  new TextDecoder().decode(bytesOf(body).subarray(Number(properties['mqtt.head'] ?? 0)));

/** All properties, also those in front of the payload. */
function allOf({ body, properties }: Lying): Readonly<Record<string, string>> {
  const { 'mqtt.head': length, ...rest } = properties;
  if (length === undefined) return rest;
  try {
    return { ...rest, ...JSON.parse(new TextDecoder().decode(bytesOf(body).subarray(0, Number(length)))) };
  } catch {
    return rest;
  }
}

/** Where a publication lies. */
const placesOf = (view: View, { key }: Publication): readonly Lying[] => lyingIn(view).filter((one) => payloadText(one) === key);

/** The kit has looked at the cluster from before the PUBLISH until behind its acknowledgement. */
const wasLookedFor = (view: View, { first, takenIndex }: Publication): boolean =>
  takenIndex !== undefined &&
  view.calls('cluster').some(({ result }) => result !== undefined && result.index < first.index) &&
  view.notes('stored').some(({ index }) => index > takenIndex);

const ofStored = (id: string, check: (lying: Lying, publication: Publication, judge: Judge) => void): Clause =>
  mqttClause(
    id,
    (view, judge) => {
      for (const publication of publicationsOf(view))
        for (const lying of placesOf(view, publication)) check(lying, publication, judge);
    },
    { needs: ['cluster'] },
  );

/** What is acknowledged lies in the topic of the cluster, once where it was of QoS 2. */
const isStored = (id: string, wanted: (publication: Publication) => boolean, isOnce: boolean): Clause =>
  mqttClause(
    id,
    (view, judge) => {
      for (const publication of publicationsOf(view)) {
        if (!wanted(publication) || publication.isWill || !wasLookedFor(view, publication)) continue;
        const count = placesOf(view, publication).length;
        const isRight = isOnce ? count === 1 : count > 0;
        const expected = `${publication.key} was acknowledged, and lies in the cluster${isOnce ? ' once' : ''}`;
        judgeThat(judge, publication.takenIndex ?? 0, isRight, () => `${expected}; it lies there ${count} times`);
      }
    },
    { needs: ['cluster'] },
  );

const isPlainTopic = ({ topic }: Publication): boolean => !topic.startsWith('$');

const keys = ofStored('QNT-MQT-005', ({ key, tag, index }, { topic }, judge) => {
  if (Buffer.byteLength(topic) > KEY_BYTES_MAX_OF_MQTT) return;
  judgeThat(
    judge,
    index,
    key === topic && tag === undefined,
    () => `the key is ${topic}, without a tag; got ${key ?? 'none'}, ${tag ?? 'no tag'}`,
  );
});

const longKeys = ofStored('QNT-MQT-004', ({ key, index }, { topic }, judge) => {
  if (Buffer.byteLength(topic) <= KEY_BYTES_MAX_OF_MQTT) return;
  const right = `#${createHash('sha256').update(topic).digest('hex').slice(0, 32)}`;
  judgeThat(judge, index, key === right, () => `the key of a topic of ${topic.length} bytes is ${right}; got ${key ?? 'none'}`);
});

/** The properties that a publication is stored with, in the form of the table. */
function rightProperties(
  { topic, qos, retain, properties, first }: Publication,
  key: string | undefined,
): Record<string, string> {
  const value = (name: Property['name']): Property['value'] | undefined => properties.find((one) => one.name === name)?.value;
  const user = properties.filter(({ name }) => name === 'user').map((one) => one.value);
  const correlation = value('correlation');
  const all: Record<string, string | undefined> = {
    'mqtt.topic': key === topic ? undefined : topic,
    'mqtt.qos': qos === 0 ? undefined : `${qos}`,
    'mqtt.retain': retain ? '1' : undefined,
    'mqtt.client': first.link.clientId,
    'mqtt.format': value('payloadFormat')?.toString(),
    'mqtt.content-type': value('contentType')?.toString(),
    'mqtt.response-topic': value('responseTopic')?.toString(),
    'mqtt.correlation': correlation === undefined ? undefined : Buffer.from(correlation as Uint8Array).toString('base64'),
    'mqtt.user': user.length === 0 ? undefined : JSON.stringify(user),
  };
  return Object.fromEntries(Object.entries(all).filter((entry): entry is [string, string] => entry[1] !== undefined));
}

const textOfProperties = (properties: Readonly<Record<string, string>>): string =>
  JSON.stringify(Object.entries(properties).sort());

/** The deadline depends on when the bridge received it, and QoS 0 may be written or left out. */
const withoutFree = ({
  'mqtt.expires': _,
  'mqtt.qos': qos,
  ...rest
}: Readonly<Record<string, string>>): Record<string, string> => ({
  ...rest,
  ...(qos === undefined || qos === '0' ? {} : { 'mqtt.qos': qos }),
});

const forms = ofStored('QNT-MQT-008', (lying, publication, judge) => {
  const right = textOfProperties(rightProperties(publication, lying.key));
  const got = textOfProperties(withoutFree(allOf(lying)));
  judgeThat(judge, lying.index, got === right, () => `${publication.key} is stored with ${right}; got ${got}`);
  const expiry = numberIn(publication.properties, 'messageExpiry');
  const deadline = allOf(lying)['mqtt.expires'];
  if (expiry === undefined && deadline === undefined) return;
  const isRight = expiry !== undefined && /^\d+$/.test(deadline ?? '');
  judgeThat(
    judge,
    lying.index,
    isRight,
    () => `${publication.key} has a deadline in milliseconds where it expires; got ${deadline ?? 'none'}`,
  );
});

const noOthers = ofStored('QNT-MQT-006', (lying, { topic }, judge) => {
  const all = allOf(lying);
  const stranger = Object.keys(all).find((name) => !MQTT_PROPERTIES.includes(name));
  const isRight = stranger === undefined && (lying.key === topic) === (all['mqtt.topic'] === undefined);
  judgeThat(
    judge,
    lying.index,
    isRight,
    () => `mqtt.topic is there where the key is not the topic, and nothing else; got ${textOfProperties(all)}`,
  );
});

const heads = ofStored('QNT-MQT-014', (lying, publication, judge) => {
  const right = textOfProperties(rightProperties(publication, lying.key));
  const isLong = Buffer.byteLength(right) > 20_000;
  const outside = Object.keys(lying.properties).filter((name) => name !== 'mqtt.head');
  if (!isLong && lying.properties['mqtt.head'] === undefined) return;
  const isRight =
    lying.properties['mqtt.head'] !== undefined && outside.every((name) => name === 'mqtt.qos' || name === 'mqtt.retain');
  judgeThat(
    judge,
    lying.index,
    isRight,
    () =>
      `properties that are too long stand in front of the payload; got ${Object.keys(lying.properties).join(', ')} as properties`,
  );
});

const inOrder = mqttClause(
  'QNT-MQT-023',
  (view, judge) => {
    const newest = new Map<string, { readonly publication: Publication; readonly place: Lying }>();
    for (const publication of publicationsOf(view)) {
      const [place] = placesOf(view, publication);
      if (place === undefined || publication.isWill || publication.copies.length > 1) continue;
      const row = `${publication.first.link.clientId} ${publication.topic} ${publication.qos}`;
      const before = newest.get(row);
      newest.set(row, { publication, place });
      if (before === undefined) continue;
      const isBehind = before.place.queue === place.queue && before.place.offset < place.offset;
      judgeThat(
        judge,
        place.index,
        isBehind,
        () => `${publication.key} lies behind ${before.publication.key} in one queue; it does not`,
      );
    }
  },
  { needs: ['cluster'] },
);

/** A message that the kit has stored as another client, and what has to come of it. */
interface Told {
  readonly index: number;
  readonly atMs: number;
  readonly topic: string | undefined;
  readonly body: string;
  readonly properties: Readonly<Record<string, string>>;
}

const toldIn = once((view: View): readonly Told[] =>
  view.notes('told').flatMap(({ args, index, atMs }) => {
    if (!isObject(args)) return [];
    const properties = objectOf(args, 'properties') as Record<string, string>;
    const topic = properties['mqtt.topic'] ?? (typeof args.key === 'string' ? args.key : undefined);
    return [
      { index, atMs, topic: topic !== undefined && isTopic(topic) ? topic : undefined, body: textOf(args, 'body'), properties },
    ];
  }),
);

const isTopic = (text: string): boolean => text !== '' && !/[#+\0]/.test(text) && !text.startsWith('$');

const cameOf = (view: View, { body }: Told): readonly Delivery[] =>
  deliveriesOf(view).filter(({ key, seen }) => key === body && !seen.packet.retain);

/** Sessions with a subscription of QoS 2 that selects a message, online to the end. */
const hearersOf = (view: View, { topic, index }: Told): boolean =>
  livesOf(view).lives.some(
    ({ links, subscriptions }) =>
      links.at(-1)?.closed === undefined &&
      subscriptions.some(
        (one) => one.ackIndex < index && one.granted === 2 && one.share === undefined && selects(one.selects, topic ?? ''),
      ),
  );

const ofTold = (id: string, check: (told: Told, came: readonly Delivery[], judge: Judge, view: View) => void): Clause =>
  mqttClause(
    id,
    (view, judge) => {
      for (const told of toldIn(view)) check(told, cameOf(view, told), judge, view);
    },
    { needs: ['cluster'] },
  );

const reached = ofTold('QNT-MQT-011', (told, [first], judge, view) => {
  if (told.topic === undefined) {
    if (first === undefined) judge.pass(told.index);
    else judge.fail(first.seen.index, `a message without an MQTT topic reaches no device; ${told.body} came`);
  } else if (first !== undefined)
    judgeThat(
      judge,
      first.seen.index,
      first.topic === told.topic,
      () => `${told.body} comes with the topic ${told.topic}; got ${first.topic}`,
    );
  else if (hearersOf(view, told) && view.endMs - told.atMs > 1_500 + view.slackMs)
    judge.fail(told.index, `${told.body} for ${told.topic} lies in the cluster, and a device has subscribed; it never came`);
});

const qosOfOthers = ofTold('QNT-MQT-009', ({ properties, index, body }, [first], judge) => {
  if (first === undefined || properties['mqtt.qos'] !== undefined) return;
  const right = properties['mqtt.client'] === undefined ? 1 : 0;
  judgeThat(
    judge,
    first.seen.index,
    first.qos === right,
    () => `${body} without mqtt.qos comes with QoS ${right}; got ${first.qos} (${index})`,
  );
});

const isOwn = (name: string): boolean => name.startsWith('mqtt.') || name.startsWith('qnt.');

const othersProperties = ofTold('QNT-MQT-010', ({ properties, body }, [first], judge) => {
  if (first === undefined || first.seen.link.version !== 5 || properties['mqtt.client'] !== undefined) return;
  const right = Object.entries(properties)
    .filter(([name]) => !isOwn(name))
    .map((pair) => JSON.stringify(pair))
    .sort();
  const got = first.seen.packet.properties
    .filter(({ name }) => name === 'user')
    .map(({ value }) => JSON.stringify(value))
    .sort();
  judgeThat(
    judge,
    first.seen.index,
    right.join() === got.join(),
    () => `${body} comes with the User Properties ${right.join(' ') || 'none'}; got ${got.join(' ') || 'none'}`,
  );
});

/** A message of another client with `mqtt.retain`: who subscribes later is sent it, or nothing where it was empty. */
const retained = (id: string, isEmpty: boolean): Clause =>
  ofTold(id, ({ topic, body, properties, index, atMs }, _, judge, view) => {
    if (topic === undefined || properties['mqtt.retain'] !== '1' || (body === '') !== isEmpty) return;
    if (toldIn(view).findLast((one) => one.topic === topic)?.index !== index) return;
    for (const { subscriptions, links } of livesOf(view).lives) {
      const late = subscriptions.find(
        (one) => one.sentIndex > index && one.granted !== undefined && one.share === undefined && selects(one.selects, topic),
      );
      const link = links.at(-1);
      const asked = view.events[late?.ackIndex ?? 0]?.atMs ?? 0;
      if (late === undefined || link === undefined || asked - atMs < 1_000) continue;
      const came = deliveriesOf(view).find(
        (one) => one.link === link && one.topic === topic && one.seen.index > late.sentIndex && one.seen.packet.retain === true,
      );
      const isRight = isEmpty ? came === undefined : came?.key === body;
      if (isRight) judge.pass(late.ackIndex);
      else if (came !== undefined || isOverdue(view, link, asked))
        judge.fail(
          late.ackIndex,
          `${topic} has ${isEmpty ? 'no retained message' : `the retained ${body}`}; got ${came?.key ?? 'none'}`,
        );
    }
  });

/** What a bridge cannot store it tells: by a reason, or in 3.1.1 by the end of the connection. */
const refused = mqttClause(
  'QNT-MQT-022',
  (view, judge) => {
    // Which topics a rule selects is known of a cluster that the driver tells.
    if (view.calls('cluster').length === 0) return;
    for (const { topic, first, key, takenIndex, isRefused, qos } of publicationsOf(view)) {
      if (!topic.startsWith('$') || qos === 0) continue;
      const isTold = isRefused || (takenIndex === undefined && first.link.closed?.by === 'subject');
      judgeThat(
        judge,
        first.index,
        isTold,
        () =>
          `${key} to ${topic}, which no rule selects, is refused; it was ${takenIndex === undefined ? 'not answered' : 'acknowledged'}`,
      );
    }
  },
  { needs: ['cluster'] },
);

export const MAPPING_CLAUSES: readonly Clause[] = [
  isStored('QNT-MQT-001', isPlainTopic, false),
  keys,
  longKeys,
  forms,
  noOthers,
  heads,
  inOrder,
  isStored('QNT-MQT-021', ({ qos }) => qos > 0, false),
  isStored('QNT-MQT-024', ({ qos }) => qos === 2, true),
  reached,
  qosOfOthers,
  othersProperties,
  retained('QNT-MQT-027', false),
  retained('QNT-MQT-028', true),
  refused,
];
