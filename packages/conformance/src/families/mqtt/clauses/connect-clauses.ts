// CONNECT, CONNACK, and how connections end (MQTT 5.0, 3.1, 3.2, 3.12).
import { type Clause, judgeThat } from '../../../clause/clause.ts';
import { livesOf } from '../lives.ts';
import { isOverdue, type LinkSeen, linksOf, packetMaxOf, packetsOf } from '../mqtt-view.ts';
import { nameOf, reasonText } from '../wire/packet.ts';
import { numberIn, textIn } from '../wire/properties.ts';
import { linkClause, mqttClause } from './clause-of.ts';

/** The device did nothing that a server has to end its connection for. */
const isDecent = (link: LinkSeen): boolean => link.rawIndex > link.closedIndex && link.connect !== undefined;

const connackFirst = linkClause('MQTT-3.2.0-1', ({ packets }, judge) => {
  const first = packets.find(({ from }) => from === 'subject');
  if (first === undefined) return;
  const name = nameOf(first.bytes);
  judgeThat(judge, first.index, name === 'CONNACK' || name === 'AUTH', () => `CONNACK comes first; got ${name}`);
});

const connackOnce = linkClause('MQTT-3.2.0-2', (link, judge) => {
  const [first, second] = packetsOf(link, 'subject', 'CONNACK');
  if (second !== undefined) judge.fail(second.index, 'one CONNACK comes on a connection; got another one');
  else if (first !== undefined && link.packets.length > 2) judge.pass(first.index);
});

const resumed = (id: string, wanted: (because: string) => boolean, rule: string): Clause =>
  mqttClause(id, (view, judge) => {
    for (const { link, expected, because } of livesOf(view).resumptions) {
      if (expected === undefined || !wanted(because) || link.connack === undefined) continue;
      const said = link.connack.packet.sessionPresent === true;
      const sentence = (): string => `${rule}: Session Present has to be ${Number(expected)}; got ${Number(said)}`;
      judgeThat(judge, link.connack.index, said === expected, sentence);
    }
  });

const cleanStart = resumed('MQTT-3.2.2-2', (because) => because === 'clean', 'a clean start begins a session');
const sessionPresent = resumed(
  'MQTT-3.2.2-3',
  (because) => because === 'kept' || because === 'new',
  'whether there is a session is told',
);
const sessionExpired = resumed('MQTT-4.1.0-2', (because) => because === 'expired', 'a session ends when its time is over');

const refusalHasNoSession = linkClause('MQTT-3.2.2-6', ({ connack }, judge) => {
  if (connack === undefined || connack.packet.reason === 0) return;
  const { sessionPresent = false } = connack.packet;
  judgeThat(judge, connack.index, !sessionPresent, () => 'a refusal has Session Present 0; got 1');
});

const refusalCloses = linkClause('MQTT-3.2.2-7', (link, judge, view) => {
  const { connack, closed } = link;
  if (connack === undefined || connack.packet.reason === 0) return;
  if (closed?.by === 'subject') judge.pass(connack.index);
  else if (isOverdue(view, link, connack.atMs))
    judge.fail(connack.index, 'the connection is closed behind a refusal; it goes on');
});

const PLAIN_ID = /^[0-9a-zA-Z]{1,23}$/;

const plainIds = linkClause('MQTT-3.1.3-5', (link, judge, view) => {
  const { connect, connack } = link;
  const id = connect?.packet.clientId ?? '';
  if (connect === undefined || !PLAIN_ID.test(id) || !isPlain(link) || link.rawIndex < view.events.length) return;
  if (connack !== undefined)
    judgeThat(
      judge,
      connack.index,
      link.isAccepted,
      () => `the client id ${id} is taken; got ${reasonText(connack.packet.reason ?? 0)}`,
    );
  else if (link.closed?.by === 'subject')
    judge.fail(link.closedIndex, `the client id ${id} is taken; got the end of the connection`);
  else if (isOverdue(view, link, connect.atMs)) judge.fail(connect.index, `CONNECT of ${id} is answered; got nothing`);
});

/** It asks for nothing that a server may refuse. */
const isPlain = ({ connect }: LinkSeen): boolean =>
  connect !== undefined &&
  textIn(connect.packet.properties, 'authenticationMethod') === undefined &&
  connect.packet.name === 'CONNECT';

const assignedIds = mqttClause('MQTT-3.2.2-16', (view, judge) => {
  const known = new Set<string>();
  for (const { connect, connack, isAccepted } of linksOf(view)) {
    if (connect?.packet.clientId !== '') known.add(connect?.packet.clientId ?? '');
    else if (connack !== undefined && isAccepted && connect.packet.version === 5) {
      const id = textIn(connack.packet.properties, 'assignedClientId');
      const isNew = id !== undefined && id !== '' && !known.has(id);
      judgeThat(
        judge,
        connack.index,
        isNew,
        () => `a device without a client id is given one that no other has; got ${id ?? 'none'}`,
      );
      known.add(id ?? '');
    }
  }
});

const takeOver = mqttClause('MQTT-3.1.4-3', (view, judge) => {
  const accepted = linksOf(view).filter(({ isAccepted }) => isAccepted);
  for (const link of accepted) {
    const next = accepted.find(
      ({ clientId, connect, number }) =>
        number > link.number && clientId === link.clientId && (connect?.index ?? 0) < link.closedIndex,
    );
    if (next?.connack === undefined) continue;
    const what = `another connection of the client ${link.clientId} ends this one`;
    if (link.closed === undefined) {
      if (isOverdue(view, link, next.connack.atMs)) judge.fail(next.connack.index, `${what}; it goes on`);
    } else if (link.closed.by === 'subject' && isDecent(link)) {
      const reason = packetsOf(link, 'subject', 'DISCONNECT').at(-1)?.packet.reason;
      const said = reason === undefined ? 'nothing' : reasonText(reason);
      judgeThat(
        judge,
        link.closedIndex,
        link.version === 4 || reason === 0x8e,
        () => `${what}, with DISCONNECT 0x8e; got ${said}`,
      );
    }
  }
});

/** Half of the keep alive more, as the standard gives. */
const KEEP_ALIVE_FACTOR = 1_500;

const keepAlive = linkClause('MQTT-3.1.2-22', (link, judge, view) => {
  const { connect, connack, closed, closedAtMs } = link;
  const seconds = numberIn(connack?.packet.properties ?? [], 'serverKeepAlive') ?? connect?.packet.keepAlive ?? 0;
  if (connack === undefined || !link.isAccepted || seconds === 0 || link.rawIndex < view.events.length) return;
  const lastMs = link.packets.findLast(({ from }) => from === 'kit')?.atMs ?? 0;
  const silentMs = closedAtMs - lastMs;
  const dueMs = seconds * KEEP_ALIVE_FACTOR;
  const expected = `a device with a keep alive of ${seconds} s that says nothing is given up after ${dueMs} ms`;
  const isGivenUp = packetsOf(link, 'subject', 'DISCONNECT').some(({ packet }) => packet.reason === 0x8d);
  const isLate = silentMs > dueMs + 2_000 + 2 * view.slackMs;
  // Without a reason it may be another one.
  const isInTime = silentMs >= dueMs - view.slackMs && !isLate;
  const took = `it took ${Math.round(silentMs)} ms`;
  if (closed?.by === 'subject' && (isGivenUp || (link.version === 4 && isInTime)))
    judgeThat(judge, link.closedIndex, isInTime, () => `${expected}; ${took}`);
  else if (isLate) judge.fail(link.closedIndex, `${expected}; ${closed?.by === 'subject' ? took : 'it goes on'}`);
});

const ping = linkClause('MQTT-3.12.4-1', (link, judge, view) => {
  const asked = packetsOf(link, 'kit', 'PINGREQ');
  const answers = packetsOf(link, 'subject', 'PINGRESP');
  if (!link.isAccepted || !isDecent(link)) return;
  asked.forEach((one, at) => {
    if (answers[at] !== undefined) judge.pass(answers[at].index);
    else if (isOverdue(view, link, one.atMs)) judge.fail(one.index, 'PINGREQ is answered with PINGRESP; got nothing');
  });
});

const maximumPacketSize = linkClause('MQTT-3.1.2-24', (link, judge) => {
  const most = packetMaxOf(link);
  if (most === Number.POSITIVE_INFINITY) return;
  for (const { from, index, bytes } of link.packets)
    if (from === 'subject')
      judgeThat(judge, index, bytes.length <= most, () => `no packet has more than ${most} bytes; got one of ${bytes.length}`);
});

const authentication = linkClause('MQTT-4.12.0-1', (link, judge, view) => {
  const { connect, connack, closed } = link;
  if (connect === undefined || textIn(connect.packet.properties, 'authenticationMethod') === undefined) return;
  const expected = 'a method of authentication that the server does not know is refused';
  if (link.isAccepted) judge.fail(connack?.index ?? 0, `${expected}; got CONNACK 0x00`);
  else if (closed?.by === 'subject') {
    const reason = connack?.packet.reason;
    const isRight = reason === undefined || reason === 0x8c || reason === 0x87;
    judgeThat(judge, connect.index, isRight, () => `${expected} with 0x8c; got ${reasonText(reason ?? 0)}`);
  } else if (isOverdue(view, link, connect.atMs)) judge.fail(connect.index, `${expected}; the connection goes on`);
});

const noProblems = linkClause('MQTT-3.1.2-29', (link, judge) => {
  if (numberIn(link.connect?.packet.properties ?? [], 'requestProblemInformation') !== 0) return;
  for (const { from, index, packet } of link.packets) {
    if (from !== 'subject' || packet === undefined || ['PUBLISH', 'CONNACK', 'DISCONNECT'].includes(packet.name)) continue;
    const said = packet.properties.find(({ name }) => name === 'reasonString' || name === 'user');
    judgeThat(judge, index, said === undefined, () => `${packet.name} tells no problems to who wants none; got ${said?.name}`);
  }
});

/** What comes is MQTT: each packet can be read, with its reserved flags (MQTT 5.0, 2.1.3). */
const wellFormed = linkClause('MQTT-2.1.3-1', ({ packets, broken, connect }, judge) => {
  if (connect === undefined) return;
  if (broken !== undefined) judge.fail(broken.index, `what comes is MQTT: ${broken.why}`);
  for (const { from, index, wrong, packet } of packets) {
    if (from === 'kit') continue;
    const has = packet === undefined ? wrong : undefined;
    judgeThat(judge, index, has === undefined, () => `what comes is MQTT: ${has}`);
  }
});

export const CONNECT_CLAUSES: readonly Clause[] = [
  connackFirst,
  connackOnce,
  cleanStart,
  sessionPresent,
  sessionExpired,
  refusalHasNoSession,
  refusalCloses,
  plainIds,
  assignedIds,
  takeOver,
  keepAlive,
  ping,
  maximumPacketSize,
  authentication,
  noProblems,
  wellFormed,
];
