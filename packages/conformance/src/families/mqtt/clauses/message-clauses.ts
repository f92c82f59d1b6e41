// What a message bears, how long it lives, and how long it may be (MQTT 5.0, 3.1.2.11, 3.3.2).
import { type Clause, judgeThat } from '../../../clause/clause.ts';
import { livesOf, selects } from '../lives.ts';
import { deliveriesOf, isDue, owedOf, publicationsOf, wasGiven } from '../messages.ts';
import { numberIn } from '../wire/properties.ts';
import { asOf, mqttClause } from './clause-of.ts';
import { judgeOwed } from './owed.ts';

/** A too long message is as good as sent: what comes behind it comes. */
const tooLong = mqttClause('MQTT-3.1.2-25', (view, judge) => {
  for (const owed of owedOf(view)) {
    const { publication, life } = owed;
    const max = numberIn(life.links[0]?.connect?.packet.properties ?? [], 'maximumPacketSize');
    if (max === undefined) continue;
    const isBehindLong = publicationsOf(view).some(
      ({ first, topic }) => topic === publication.topic && first.index < publication.first.index && first.bytes.length > max + 10,
    );
    if (!isBehindLong) continue;
    if (wasGiven(view, owed)) judge.pass(publication.first.index);
    else if (life.links.at(-1)?.closed?.by === 'subject' || isDue(view, owed))
      judge.fail(
        publication.first.index,
        `${publication.key} comes, though one before it was too long for the device; it did not`,
      );
  }
});

const dropsExpired = mqttClause('MQTT-3.3.2-5', (view, judge) => {
  for (const publication of publicationsOf(view)) {
    const expiry = numberIn(publication.properties, 'messageExpiry');
    if (expiry === undefined || publication.isWill || publication.takenIndex === undefined) continue;
    const overMs = publication.first.atMs + expiry * 1_000;
    for (const life of livesOf(view).lives) {
      const back = life.links.find(({ connack }) => (connack?.atMs ?? 0) > overMs + 1_000 + view.slackMs);
      const had = life.subscriptions.some(
        (one) => one.ackIndex < publication.first.index && selects(one.selects, publication.topic),
      );
      if (back === undefined || !had) continue;
      const came = deliveriesOf(view).find((one) => one.life === life && one.key === publication.key);
      if (came === undefined) judge.pass(back.connack?.index ?? 0);
      else if (came.seen.atMs > overMs + 1_000 + view.slackMs && came.isNew)
        judge.fail(
          came.seen.index,
          `${publication.key} expired after ${expiry} s; it came ${Math.round(came.seen.atMs - publication.first.atMs)} ms behind its PUBLISH`,
        );
    }
  }
});

const tellsExpiry = mqttClause('MQTT-3.3.2-6', (view, judge) => {
  for (const { publication, seen, key } of deliveriesOf(view)) {
    const expiry = numberIn(publication?.properties ?? [], 'messageExpiry');
    if (publication === undefined || publication.isWill || expiry === undefined || seen.link.version !== 5) continue;
    const left = numberIn(seen.packet.properties, 'messageExpiry');
    const waited = (seen.atMs - publication.first.atMs) / 1_000;
    const slack = view.slackMs / 1_000;
    const isRight =
      left !== undefined &&
      left <= expiry - Math.floor(waited - slack - 1) &&
      left >= expiry - Math.ceil(waited + slack) - 1 &&
      left <= expiry;
    judgeThat(
      judge,
      seen.index,
      isRight,
      () => `${key} with an expiry of ${expiry} s tells what is left behind ${waited.toFixed(1)} s; got ${left ?? 'none'}`,
    );
  }
});

const aliases = mqttClause('MQTT-3.3.2-12', (view, judge) =>
  judgeOwed(
    view,
    judge,
    ({ publication }) => publication.first.packet.topic === '' && numberIn(publication.properties, 'topicAlias') !== undefined,
  ),
);

const ownAliases = mqttClause('MQTT-3.1.2-26', (view, judge) => {
  for (const { seen, link } of deliveriesOf(view)) {
    const alias = numberIn(seen.packet.properties, 'topicAlias');
    const most = numberIn(link.connect?.packet.properties ?? [], 'topicAliasMaximum') ?? 0;
    if (alias !== undefined)
      judgeThat(judge, seen.index, alias >= 1 && alias <= most, () => `a topic alias is between 1 and ${most}; got ${alias}`);
    else if (most === 0) judge.pass(seen.index);
  }
});

/** What belongs to a message reaches the subscriber as it was sent. */
const unaltered = (id: string, name: 'payloadFormat' | 'responseTopic' | 'correlation' | 'contentType'): Clause =>
  mqttClause(id, (view, judge) => {
    for (const { publication, seen, key } of deliveriesOf(view)) {
      if (publication === undefined || seen.link.version !== 5) continue;
      const [sent, got] = [publication.properties, seen.packet.properties].map((all) =>
        valueText(all.find((one) => one.name === name)?.value),
      );
      if (sent !== undefined || got !== undefined)
        judgeThat(judge, seen.index, sent === got, () => `${name} of ${key} is ${sent ?? 'none'}; got ${got ?? 'none'}`);
    }
  });

const valueText = (value: unknown): string | undefined =>
  value === undefined ? undefined : value instanceof Uint8Array ? Buffer.from(value).toString('hex') : JSON.stringify(value);

const userProperties = (id: string, form: (pairs: readonly string[]) => readonly string[]): Clause =>
  mqttClause(id, (view, judge) => {
    for (const { publication, seen, key } of deliveriesOf(view)) {
      if (publication === undefined || seen.link.version !== 5) continue;
      const [sent, got] = [publication.properties, seen.packet.properties].map((all) =>
        form(all.filter(({ name }) => name === 'user').map(({ value }) => JSON.stringify(value))),
      ) as [string[], string[]];
      if (sent.length > 0 || got.length > 0)
        judgeThat(
          judge,
          seen.index,
          sent.join() === got.join(),
          () => `User Properties of ${key} are ${sent.join(' ')}; got ${got.join(' ') || 'none'}`,
        );
    }
  });

export const MESSAGE_CLAUSES: readonly Clause[] = [
  asOf('QNT-MQT-019', dropsExpired, tellsExpiry),
  tooLong,
  dropsExpired,
  tellsExpiry,
  aliases,
  ownAliases,
  unaltered('MQTT-3.3.2-4', 'payloadFormat'),
  unaltered('MQTT-3.3.2-15', 'responseTopic'),
  unaltered('MQTT-3.3.2-16', 'correlation'),
  unaltered('MQTT-3.3.2-20', 'contentType'),
  userProperties('MQTT-3.3.2-17', (pairs) => pairs.toSorted()),
  userProperties('MQTT-3.3.2-18', (pairs) => pairs),
];
