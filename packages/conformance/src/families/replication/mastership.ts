import { GroupRecord, ReplicaRole } from '@qanat/core';
import { replicaTold } from '../../history/replica-told.ts';
import type { FrameSeen } from '../../history/view.ts';
import { hexOf } from '../../json.ts';
import { classOf, isAnswered, type MasterFacts, type Put } from './master-facts.ts';
import type { Sentences } from './sentences.ts';

const TERMS = 'QNT-RPL-002';
const DROPS = 'QNT-RPL-013';
const JOINS = 'QNT-RPL-014';
const SAME = 'QNT-RPL-015';
const FENCED = 'QNT-RPL-016';
const STOOD_STILL = 'QNT-RPL-017';
const ANY = 'QNT-REG-035';
const NAMED = 'QNT-REG-029';
/** What a subject does at once. */
const SOON_MS = 2_000;

/** What a master has put on record, and when it is one no more. @param sentences take what is found. */
export function judgeMastership(facts: MasterFacts, sentences: Sentences): void {
  judgePuts(facts, sentences);
  judgeDrops(facts, sentences);
  judgeStandingStill(facts, sentences);
  judgeCeasing(facts, sentences);
  judgeNames(facts, sentences);
}

const textOf = ({ record }: Put): string => hexOf(GroupRecord.encode(record));
const memberOf = ({ replica, incarnation }: { replica: number; incarnation: number }): string => `${replica}/${incarnation}`;
const holds = ({ record }: Put, member: string): boolean => record.inSync.map(memberOf).includes(member);

function judgePuts(facts: MasterFacts, sentences: Sentences): void {
  for (const [i, put] of facts.puts.entries()) {
    const { request } = put.exchange;
    const before = facts.onRecord(put.sent);
    if (before !== undefined && before.record.term === put.record.term)
      for (const member of put.record.inSync.map(memberOf)) {
        if (holds(before, member) || member.startsWith(`${facts.replica}/`)) continue;
        const needed = neededAt(facts, put);
        const stored = facts.storedAt(member, put.sent);
        const says = (): string =>
          `replica ${member} has stored the log up to ${stored}, and needs ${needed} to join the in-sync set`;
        sentences.that(JOINS, request, stored >= needed, says, 'record');
      }
    const last = facts.puts.slice(0, i).findLast(({ exchange }) => exchange.connection.node === put.exchange.connection.node);
    if (last === undefined || !isUnknown(last, put.sent) || isConfirmed(facts, last, put.sent)) continue;
    const says = (): string => 'what became of the record before is not known: the same has to be put again, and another one is';
    sentences.that(SAME, request, textOf(last) === textOf(put), says, 'record');
  }
}

/** Everything that is committed, and what the log had when the term began. */
function neededAt(facts: MasterFacts, { record, sent }: Put): number {
  const committed = facts.asked.flatMap(({ answer, response }) =>
    answer !== undefined && (response?.index ?? Number.POSITIVE_INFINITY) < sent ? [answer.committed] : [],
  );
  const older = [...facts.entries.values()].filter(({ term }) => term < record.term).map(({ end }) => end);
  return Math.max(0, ...committed, ...older);
}

const isUnknown = ({ exchange, answered, code }: Put, index: number): boolean =>
  answered > index || !isAnswered(exchange) || (code !== undefined && code !== 'TERM_FENCED');

/** Another NameServer has said so. */
const isConfirmed = (facts: MasterFacts, put: Put, index: number): boolean =>
  facts.puts.some(
    (one) => one.answered < index && one.code === undefined && isAnswered(one.exchange) && textOf(one) === textOf(put),
  );

/** A member of whom nothing is heard, or of whom another life is, is put off the record. */
function judgeDrops(facts: MasterFacts, sentences: Sentences): void {
  const { view, lagMs } = facts;
  if (view.of('subject').length > 0 || facts.puts.some(({ code }) => code !== undefined)) return;
  for (const put of facts.puts) {
    if (facts.onRecord(put.answered + 1) !== put) continue;
    for (const member of put.record.inSync.map(memberOf)) {
      if (member.startsWith(`${facts.replica}/`)) continue;
      const dueMs = goneAtMs(facts, put, member, lagMs);
      const drop = facts.puts.find((one) => one.sent > put.sent && !holds(one, member));
      const lateMs = dueMs + SOON_MS + view.slackMs;
      if (drop !== undefined && drop.exchange.request.atMs <= lateMs && drop.exchange.request.atMs >= dueMs - view.slackMs)
        sentences.pass(DROPS, drop.exchange.request);
      else if (drop === undefined && view.endMs > lateMs && !isCeased(facts, view.events.length))
        sentences.fail(
          DROPS,
          put.exchange.request,
          `replica ${member} is gone since ${Math.round(dueMs)} ms, and is on record still`,
        );
    }
  }
}

/** When a member has lagged for too long, or another life of it was heard. */
function goneAtMs({ asked }: MasterFacts, { exchange }: Put, member: string, lagMs: number | undefined): number {
  const [replica] = member.split('/');
  const heard = asked.filter(({ header, response }) => memberOf(header) === member && response !== undefined);
  const last = Math.max(exchange.request.atMs, ...heard.map(({ response }) => response?.atMs ?? 0));
  const other = asked.find(
    ({ header, request, answer }) =>
      answer !== undefined &&
      `${header.replica}` === replica &&
      memberOf(header) !== member &&
      request.index > exchange.request.index,
  );
  return Math.min(other?.request.atMs ?? Number.POSITIVE_INFINITY, lagMs === undefined ? Number.POSITIVE_INFINITY : last + lagMs);
}

/** A member is not put off the record for the time in which the master itself stood still. */
function judgeStandingStill(facts: MasterFacts, sentences: Sentences): void {
  const { view, lagMs } = facts;
  if (lagMs === undefined) return;
  for (const { index, atMs, what } of view.of('subject')) {
    if (what !== 'resumed') continue;
    const untilMs = atMs + lagMs * 0.8;
    for (const member of facts.slavesAt(index)) {
      const heard = facts.asked.some(
        ({ header, request }) => memberOf(header) === member && request.index > index && request.atMs < atMs + lagMs / 2,
      );
      if (!heard || view.endMs < untilMs) continue;
      const drop = facts.puts.find((put) => put.sent > index && put.exchange.request.atMs < untilMs && !holds(put, member));
      const says = (): string => `the master stood still, and puts ${member} off the record as if that one had`;
      sentences.that(STOOD_STILL, drop?.exchange.request ?? index, drop === undefined, says);
    }
  }
}

/** The subject is master no more from a place of the history on; the clause that wants it. */
interface Ending {
  readonly index: number;
  readonly id: string;
}

/** Who has told the subject that it is master no more, and where. */
function ceasingIn(facts: MasterFacts): Ending | undefined {
  const told = facts.asked.find(({ header, request, code }) => {
    const term = facts.termAt(request.index);
    return term > 0 && header.term > term && header.replica !== facts.replica && code !== 'FORBIDDEN';
  });
  const refused = facts.puts.find(({ code }) => code === 'TERM_FENCED');
  if (told?.response !== undefined) return { index: told.response.index, id: TERMS };
  return refused === undefined ? undefined : { index: refused.answered, id: FENCED };
}

const isCeased = (facts: MasterFacts, index: number): boolean => (ceasingIn(facts)?.index ?? index) < index;

/** What is sent to a master that is none any more: nothing is acknowledged, and of what waits nobody knows. */
function judgeCeasing(facts: MasterFacts, sentences: Sentences): void {
  const end = ceasingIn(facts);
  if (end === undefined) return judgeOne(facts, sentences);
  const term = facts.termAt(end.index);
  const again = facts.puts.find((put) => put.sent > end.index && put.code === undefined && put.record.term > term);
  const refusals = facts.puts.filter(({ code }) => code === 'TERM_FENCED');
  const oneSaidYes = refusals.some((refusal) =>
    facts.puts.some((put) => put.code === undefined && textOf(put) === textOf(refusal)),
  );
  const ids = oneSaidYes ? [end.id, ANY] : [end.id];
  // A NameServer that refuses is heard a moment later.
  const sinceMs = (facts.view.events[end.index]?.atMs ?? 0) + facts.view.slackMs;
  for (const { request, response, code } of facts.sends) {
    if (response === undefined) {
      judgeForgotten(facts, request, end, sentences);
      continue;
    }
    if (response.index < end.index || (again !== undefined && response.index > again.sent)) continue;
    const waited = request.index < end.index;
    if (end.id === FENCED && response.atMs < sinceMs && code === undefined) continue;
    const wanted = waited ? classOf({ code, response }) === 6 : code === 'NOT_MASTER';
    const what = waited
      ? 'waits when its broker is master no more has to be answered with an error of class 6'
      : 'comes to a master of before has to be answered NOT_MASTER';
    for (const id of ids)
      sentences.that(id, response, wanted, () => `a SEND that ${what}; it was answered ${code ?? 'without an error'}`, 'code');
  }
}

/** Nobody waits for ever at a master of before. */
function judgeForgotten({ view }: MasterFacts, request: FrameSeen, end: Ending, sentences: Sentences): void {
  const untilMs = Math.max(request.atMs, view.events[end.index]?.atMs ?? 0) + SOON_MS + view.slackMs;
  if (view.endMs > untilMs && request.connection.closed === undefined)
    sentences.fail(end.id, request, 'a SEND has to be answered when its broker is master no more, and is not');
}

/** One NameServer is enough, where the others cannot be reached. */
function judgeOne(facts: MasterFacts, sentences: Sentences): void {
  const down = facts.view.of('node').filter(({ what }) => what === 'killed');
  if (down.length === 0) return;
  for (const { answer, response } of facts.asked) {
    const first = down[0]?.index ?? 0;
    if (answer?.inSync !== true || response === undefined || response.index < first) continue;
    const put = facts.onRecord(response.index);
    if (put !== undefined && put.sent > first) sentences.pass(ANY, response);
  }
}

/** A replica says its number and its role wherever it registers. */
function judgeNames(facts: MasterFacts, sentences: Sentences): void {
  if (replicaTold(facts.view) === undefined) return;
  for (const name of ['REGISTER_BROKER', 'BROKER_HEARTBEAT', 'UNREGISTER_BROKER'] as const)
    for (const { request, header } of facts.view.requests(name, 'subject')) {
      if (header === undefined) continue;
      const says = (): string => `${name} has to name replica ${facts.replica}, and names ${header.replica}`;
      sentences.that(NAMED, request, header.replica === facts.replica, says, 'replica');
      if (name === 'REGISTER_BROKER') judgeRole(facts, request, header, sentences);
    }
}

/** Master is who has it on record. */
function judgeRole(facts: MasterFacts, request: Put['exchange']['request'], header: Put['record'], sentences: Sentences): void {
  if (header.replicaRole !== ReplicaRole.MASTER) return;
  const isOnRecord = facts.onRecord(request.index)?.record.master === facts.replica;
  sentences.that(NAMED, request, isOnRecord, () => 'it registers as master, and no record says so', 'replica_role');
}
