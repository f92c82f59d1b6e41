import { LIMITS } from '@qanat/core';
import { type Clause, type Judge, judgeThat } from '../../clause/clause.ts';
import { replicaTold } from '../../history/replica-told.ts';
import type { ConnectionSeen, Exchange, View } from '../../history/view.ts';
import { hexOf } from '../../json.ts';
import { answeredBefore, type BrokerLives, isRegistering, livesOf, registrationsOn, sentMs } from './broker-lives.ts';
import { type TopicChange, topicBookOf } from './broker-topics.ts';
import { endpointsText } from './operations.ts';

/** No rule says how often a broker tries again; one that has not for so long has given up. */
const TRY_AGAIN_MS = 60_000;
/** The same for what it has to do at once. */
const AT_ONCE_MS = 5_000;
/** QNT-REG-006. */
const CHANGE_MS = 1_000;

const clause = (
  id: string,
  look: (view: View, judge: Judge, lives: BrokerLives) => void,
  more: Partial<Pick<Clause, 'needs' | 'timing'>> = {},
): Clause => ({
  id,
  roles: ['broker'],
  needs: ['register'],
  ...more,
  check: (view, judge) => {
    const lives = livesOf(view);
    if (lives.nameServers.length > 0) look(view, judge, lives);
  },
});

const holdsLinks = clause('QNT-REG-001', (view, judge, lives) => {
  for (const node of lives.nameServers) {
    const links = lives.links.filter((link) => link.node === node);
    for (const gapMs of lives.gapsOf(node)) {
      const there = links.some(({ openedAtMs, closed }) => openedAtMs <= gapMs && (closed === undefined || closed.atMs > gapMs));
      if (there || !lives.runs(gapMs + view.slackMs) || !lives.answers(node, gapMs + view.slackMs)) continue;
      const untilMs = gapMs + TRY_AGAIN_MS + view.slackMs;
      const next = links.find(({ openedAtMs }) => openedAtMs > gapMs && openedAtMs <= untilMs);
      const first = next?.frames[0];
      if (first !== undefined) judge.pass(first);
      else if (lives.runs(gapMs + view.slackMs, untilMs) && lives.answers(node, gapMs + view.slackMs, untilMs))
        judge.fail(
          view.events.length - 1,
          `a broker has to connect to ${node} again, which answers since ${Math.round(gapMs)} ms, and has not within ${TRY_AGAIN_MS} ms`,
        );
    }
  }
});

/** What is sent on every connection, whoever opened it. */
const OF_CONNECTIONS: ReadonlySet<string | undefined> = new Set(['HELLO', 'AUTH', 'PING']);

/** What a replica asks that does not know yet whose log it has to have, and who is master. */
const ASKS_WHO_IS_MASTER: ReadonlySet<string | undefined> = new Set(['BROKER_HEARTBEAT', 'RECORD_GET', 'RECORD_PUT']);

const registersFirst = clause('QNT-REG-002', (view, judge, lives) => {
  for (const link of lives.links) {
    const { hello, helloOk } = link;
    if (hello?.response === undefined || helloOk === undefined) continue;
    const first = link.exchanges.find(({ request, name }) => request.from === 'subject' && !OF_CONNECTIONS.has(name));
    const sinceMs = hello.response.atMs;
    if (first !== undefined)
      judgeThat(
        judge,
        first.request,
        first.name === 'REGISTER_BROKER' || (replicaTold(view) !== undefined && ASKS_WHO_IS_MASTER.has(first.name)),
        () => `the first request on a connection to a NameServer has to be REGISTER_BROKER, and is ${first.name}`,
      );
    else if (lives.joined(link, sinceMs, sinceMs + AT_ONCE_MS + view.slackMs))
      judge.fail(
        hello.response,
        `a broker has to register on a new connection to a NameServer, and has not within ${AT_ONCE_MS} ms of HELLO_OK`,
      );
  }
});

/**
 * What the broker says of itself to clients, in the life that runs at a place. While it starts, its new life is not told from
 * the one before.
 */
function selfOf(view: View, lives: BrokerLives, atMs: number): ConnectionSeen['helloOk'] {
  if (!lives.runs(atMs)) return undefined;
  const isSameLife = (otherMs: number): boolean => lives.runs(otherMs) && lives.startedMs(otherMs) === lives.startedMs(atMs);
  const found = view.connections.find(
    ({ openedBy, openedAtMs, helloOk }) => openedBy === 'kit' && helloOk !== undefined && isSameLife(openedAtMs),
  );
  return found?.helloOk;
}

const wholeText = clause('QNT-REG-003', (view, judge, lives) => {
  for (const exchange of lives.links.flatMap(registrationsOn)) {
    const { request, header, requests } = exchange;
    if (requests.at(-1)?.more || requests.some(({ wrong }) => wrong !== undefined)) continue;
    const isReplica = replicaTold(view) !== undefined;
    const self = selfOf(view, lives, request.atMs);
    // A replica that has just become master does not know yet which of its last topics are committed.
    const topic = isReplica ? undefined : missingTopic(view, exchange);
    const wrong = missingOf(header) ?? otherSelf(header, self, isReplica) ?? topic;
    judgeThat(judge, request, wrong === undefined, () => `a registration has to hold ${wrong?.[1]}`, wrong?.[0]);
  }
});

type Wrong = readonly [field: string, sentence: string] | undefined;

function missingOf(header: Exchange['header']): Wrong {
  if (header.broker === '') return ['broker', 'the name of the broker, and has none'];
  if (header.cluster === '') return ['cluster', 'a cluster, and has none'];
  if (header.storeId.length === 0) return ['store_id', 'a store id, and has none'];
  if (header.term === 0) return ['term', 'a term, and has none'];
  return header.endpoints.length === 0 ? ['endpoints', 'endpoints, and has none'] : undefined;
}

function otherSelf(header: Exchange['header'], self: ConnectionSeen['helloOk'], isReplica: boolean): Wrong {
  if (self === undefined) return undefined;
  if (self.name !== header.broker) return ['broker', `the name of HELLO_OK, ${self.name}, and has ${header.broker}`];
  // The term of a replica grows while it lives.
  const isOther = isReplica ? self.term > header.term : self.term !== 0 && self.term !== header.term;
  if (isOther) return ['term', `the term of HELLO_OK, ${self.term}, and has ${header.term}`];
  const [said, told] = [hexOf(self.storeId), hexOf(header.storeId)];
  return said !== '' && said !== told ? ['store_id', `the store id of HELLO_OK, ${said}, and has ${told}`] : undefined;
}

function missingTopic(view: View, { header, request }: Exchange): Wrong {
  const told = new Map<string, number>(
    header.topics.map(({ topic, queues }: { topic: string; queues: number }) => [topic, queues]),
  );
  for (const [topic, queues] of topicBookOf(view).at(request.index, request.atMs))
    if (told.get(topic) !== queues)
      return ['topics', `topic ${topic} with ${queues} queues, and has it with ${told.get(topic) ?? 'none'}`];
  return undefined;
}

const firstFrame = clause('QNT-REG-004', (_, judge, lives) => {
  for (const { request, requests } of lives.links.flatMap(registrationsOn)) {
    const header = requests[0]?.header;
    if (header === undefined) continue;
    const wrong = missingOf(header);
    if (wrong !== undefined) judge.fail(request, `the first frame of a registration has to bear ${wrong[1]}`, wrong[0]);
    else if (requests.length > 1) judge.pass(request);
  }
});

/** The text of a registration but for its revision. */
function textOf({ header }: Exchange): string {
  const topics = header.topics.map(({ topic, queues }: { topic: string; queues: number }) => `${topic} ${queues}`).sort();
  return JSON.stringify([header.cluster, header.createsTopics, header.software, endpointsText(header.endpoints), topics]);
}

const revisionGrows = clause('QNT-REG-005', (view, judge, lives) => {
  const ends = view.of('subject').filter(({ what }) => what === 'killed' || what === 'stopped');
  const texts = new Map<string, { readonly text: string; readonly exchange: Exchange }>();
  const latest = new Map<string, { readonly text: string; readonly revision: number }>();
  const all = lives.links.flatMap(registrationsOn).sort((a, b) => a.request.index - b.request.index);
  for (const exchange of all) {
    const { header, request, requests, connection } = exchange;
    if (requests.at(-1)?.more || requests.some(({ wrong }) => wrong !== undefined)) continue;
    // A slave has the same term in several lives.
    const endings = ends.filter(({ atMs }) => atMs <= connection.openedAtMs).length;
    const life = `${hexOf(header.storeId)} ${header.term} ${endings}`;
    const text = textOf(exchange);
    const same = texts.get(`${life} ${header.revision}`);
    const before = latest.get(`${life} ${connection.node}`);
    latest.set(`${life} ${connection.node}`, { text, revision: header.revision });
    texts.set(`${life} ${header.revision}`, { text, exchange });
    if (same !== undefined && same.text !== text)
      judge.fail(
        request,
        `the revision has to grow when the text of a registration changes; ${header.revision} is that of two texts`,
        'revision',
      );
    else if (before !== undefined && before.text !== text)
      judgeThat(
        judge,
        request,
        header.revision > before.revision,
        () =>
          `the revision has to grow from ${before.revision} when the text of a registration changes, and is ${header.revision}`,
        'revision',
      );
  }
});

const changesTold = clause('QNT-REG-006', (view, judge, lives) => {
  const book = topicBookOf(view);
  for (const change of book.changes) {
    const untilMs = change.toMs + CHANGE_MS + view.slackMs;
    const sinceMs = change.exchange.request.atMs - CHANGE_MS - view.slackMs;
    if (!change.isNew || book.isAskedBetween(change, sinceMs, untilMs)) continue;
    for (const link of lives.links) {
      const last = answeredBefore(link, change.from);
      if (last === undefined || last.code !== undefined || isRegistering(link, change.from)) continue;
      if (!lives.joined(link, change.exchange.request.atMs, untilMs)) continue;
      judgeChange(view, judge, link, change, untilMs);
    }
  }
});

function judgeChange(
  view: View,
  judge: Judge,
  link: ConnectionSeen,
  { topic, queues, from, toMs }: TopicChange,
  untilMs: number,
): void {
  const later = registrationsOn(link).filter((one) => one.request.index > from && sentMs(one) <= untilMs);
  // Who waits for an answer that does not come cannot register again.
  if (later.some(({ response, code }) => response === undefined || code !== undefined)) return;
  const told = later.find(({ header }) => {
    const share = header.topics.find((one: { topic: string }) => one.topic === topic);
    return queues === undefined ? share === undefined : share?.queues === queues;
  });
  const what = queues === undefined ? 'without the removed topic' : `with ${queues} queues of`;
  judgeThat(
    judge,
    told?.request ?? view.events.length - 1,
    told !== undefined,
    () =>
      `a broker has to register at ${link.node} ${what} ${topic} within ${CHANGE_MS} ms of the change at ${Math.round(toMs)} ms, and has not`,
    'topics',
  );
}

const reports = clause('QNT-REG-007', (view, judge, lives) => {
  const reportMs = lives.reportMs ?? LIMITS.BROKER_REPORT_MS;
  for (const link of lives.links) {
    const registrations = registrationsOn(link);
    registrations.forEach((one, i) => {
      if (one.response === undefined || one.code !== undefined) return;
      const sinceMs = one.response.atMs;
      const next = registrations[i + 1]?.request;
      const untilMs = sinceMs + reportMs + view.slackMs;
      if (next !== undefined && next.atMs <= untilMs) return judge.pass(next);
      if (lives.joined(link, sinceMs, untilMs))
        judge.fail(one.response, `a broker has to register again within ${reportMs} ms, and has not`);
    });
  }
});

const beats = clause('QNT-REG-008', (view, judge, lives) => {
  for (const link of lives.links) {
    const sent = link.exchanges.filter(
      ({ name, request }) => request.from === 'subject' && (name === 'BROKER_HEARTBEAT' || name === 'REGISTER_BROKER'),
    );
    sent.forEach((one, i) => judgeBeat(view, judge, lives, link, one, sent[i + 1]));
  }
});

/** From a heartbeat, or from the answer to a registration, to what comes next. */
function judgeBeat(
  view: View,
  judge: Judge,
  lives: BrokerLives,
  link: ConnectionSeen,
  one: Exchange,
  next: Exchange | undefined,
): void {
  const isBeat = one.name === 'BROKER_HEARTBEAT';
  const last = isBeat ? answeredBefore(link, one.request.index) : one;
  if (last?.response === undefined || last.answer === undefined || last.answer.heartbeatMs === 0) return;
  if (isRegistering(link, one.request.index)) return;
  const sinceMs = isBeat ? one.request.atMs : last.response.atMs;
  const { heartbeatMs } = last.answer;
  const untilMs = sinceMs + heartbeatMs + view.slackMs;
  if (next !== undefined && next.request.atMs <= untilMs) {
    if (next.name === 'BROKER_HEARTBEAT') judge.pass(next.request);
  } else if (lives.joined(link, sinceMs, untilMs))
    judge.fail(
      one.request,
      `a heartbeat has to come every ${heartbeatMs} ms, and ${next === undefined ? 'none' : 'the next one'} came ${next === undefined ? '' : `after ${Math.round(next.request.atMs - sinceMs)} ms `}on the connection to ${link.node}`,
    );
}

const registersWhenAsked = clause('QNT-REG-009', (view, judge, lives) => {
  for (const link of lives.links) {
    for (const { name, request, response, answer } of link.exchanges) {
      if (name !== 'BROKER_HEARTBEAT' || response === undefined || answer?.register !== true) continue;
      const untilMs = response.atMs + AT_ONCE_MS + view.slackMs;
      const next = registrationsOn(link).find((one) => one.request.index > request.index && one.request.atMs <= untilMs);
      if (next !== undefined) judge.pass(next.request);
      else if (lives.joined(link, response.atMs, untilMs) && !isRegistering(link, request.index))
        judge.fail(
          response,
          `a broker whose heartbeat is answered with register has to register, and has not within ${AT_ONCE_MS} ms`,
        );
    }
  }
});

const unregisters = clause(
  'QNT-REG-010',
  (view, judge, lives) => {
    for (const { index, atMs, what } of view.of('subject')) {
      if (what !== 'stopping') continue;
      const end = view.of('subject').find((one) => one.index > index && one.what === 'stopped');
      if (end === undefined) continue;
      for (const link of lives.links) judgeLeaving(judge, lives, link, { index, atMs: atMs - view.slackMs, endMs: end.atMs });
    }
  },
  { needs: ['register', 'stop'] },
);

function judgeLeaving(
  judge: Judge,
  lives: BrokerLives,
  link: ConnectionSeen,
  stop: { readonly index: number; readonly atMs: number; readonly endMs: number },
): void {
  const last = answeredBefore(link, stop.index);
  if (last?.response === undefined || last.code !== undefined || last.response.atMs >= stop.atMs) return;
  if (isRegistering(link, stop.index) || link.closedIndex < stop.index) return;
  const left = link.exchanges.find(({ name, request }) => name === 'UNREGISTER_BROKER' && request.index > stop.index);
  if (left !== undefined) {
    const named = left.header !== undefined && left.header.broker === last.header.broker;
    const same = named && hexOf(left.header.storeId) === hexOf(last.header.storeId);
    judgeThat(
      judge,
      left.request,
      same,
      () => 'UNREGISTER_BROKER has to name the broker and the store that registered',
      'store_id',
    );
  } else if (link.goAways.length === 0 && link.closed?.by !== 'kit' && lives.answers(link.node, stop.atMs, stop.endMs))
    judge.fail(stop.index, `a broker that stops should send UNREGISTER_BROKER to ${link.node}, and has not`);
}

const triesAgain = clause('QNT-REG-011', (view, judge, lives) => {
  for (const link of lives.links) {
    for (const one of registrationsOn(link)) {
      const { response, code } = one;
      if (response === undefined || (code !== 'NAME_IN_USE' && code !== 'TERM_FENCED')) continue;
      const untilMs = response.atMs + (lives.reportMs ?? LIMITS.BROKER_REPORT_MS) + view.slackMs;
      const next = lives.links
        .filter(({ node }) => node === link.node)
        .flatMap(registrationsOn)
        .find(({ request }) => request.index > response.index);
      if (next !== undefined && next.request.atMs <= untilMs) judge.pass(next.request);
      else if (lives.joined(link, response.atMs, untilMs))
        judge.fail(response, `a broker whose registration was refused with ${code} has to try again, and has not`);
    }
  }
});

/** What a broker answers that takes no clients. */
const REFUSALS = new Set(['NOT_READY', 'SHUTTING_DOWN']);
const CLIENT_FRAMES = new Set(['SEND', 'PULL', 'TOPIC_CREATE', 'TOPIC_LIST', 'OFFSET_LOOKUP', 'INIT_PRODUCER']);

const servesAlone = clause('QNT-REG-012', (view, judge, lives) => {
  for (const { name, request, response, code, connection } of view.exchanges) {
    if (request.from !== 'kit' || request.isOneWay || !CLIENT_FRAMES.has(name ?? '')) continue;
    const { atMs } = request;
    // A while after the last NameServer went: what was on its way counts for nothing.
    if (!lives.nameServers.every((node) => lives.isDown(node, atMs - CHANGE_MS, atMs))) continue;
    if (response !== undefined && (code === undefined || !REFUSALS.has(code))) judge.pass(response);
    else if (!lives.runs(Math.max(0, atMs - AT_ONCE_MS), atMs)) continue;
    else if (response !== undefined)
      judge.fail(response, `a broker serves its clients without a NameServer; it answered ${name} with ${code}`, 'code');
    else if (
      connection.closed === undefined &&
      connection.broken === undefined &&
      lives.runs(atMs, atMs + AT_ONCE_MS) &&
      name !== 'PULL'
    )
      judge.fail(
        request,
        `a broker serves its clients without a NameServer; it has not answered ${name} within ${AT_ONCE_MS} ms`,
      );
  }
});

export const BROKER_CLAUSES: readonly Clause[] = [
  holdsLinks,
  registersFirst,
  wholeText,
  firstFrame,
  revisionGrows,
  changesTold,
  reports,
  beats,
  registersWhenAsked,
  unregisters,
  triesAgain,
  servesAlone,
];
