import type { Clause, Judge } from '../../clause/clause.ts';
import { type ClientRun, clientOf, type Facts, factsOf, type Place, served } from '../clients/facts.ts';
import { runsUntil } from '../clients/route-circumstances.ts';
import { routesOf } from '../clients/routes-told.ts';
import { memberRequests, runOfMember } from '../consumer/leases.ts';
import { type Asked, askedBy, atSlave, isSlave, mastersAway, sameQueue } from './reading-on.ts';

/** To find out that the master does not answer, and to connect to a slave. */
const READS_MS = 10_000;

interface Away {
  readonly node: string;
  readonly from: Place;
  readonly to: Place;
}

/** Slaves that served meanwhile, as a route had told before that they would. */
function slavesFor(facts: Facts, run: ClientRun, { node, from }: Away, dueMs: number): readonly string[] {
  const isTold = routesOf(facts.view).some(
    ({ last, brokers, connection }) =>
      last.index < from.index &&
      clientOf(facts, connection) === run &&
      brokers.some(({ slaves }) => slaves.some(({ away }) => !away)),
  );
  const setup = facts.view.notes('setup')[0]?.args as { brokers?: number } | undefined;
  const others = Array.from({ length: setup?.brokers ?? 0 }, (_, i) => `broker-${String.fromCharCode(97 + i)}`);
  return isTold ? others.filter((one) => one !== node && served(facts, one, from.ms, dueMs)) : [];
}

function judgeAway(facts: Facts, judge: Judge, run: ClientRun, away: Away): void {
  const dueMs = away.from.ms + READS_MS + facts.view.slackMs;
  const asked = askedBy(facts, run);
  const before = asked.filter(({ pull }) => pull.request.index < away.from.index && !atSlave(pull));
  if (before.length === 0) return;
  const reads = asked.filter(
    ({ pull }) => atSlave(pull) && pull.request.index > away.from.index && pull.request.index < away.to.index,
  );
  const isBound = runsUntil(run, dueMs) && away.to.ms > dueMs && slavesFor(facts, run, away, dueMs).length > 0;
  for (const was of lastOfEach(before)) {
    const first = reads.find((one) => sameQueue(one, was));
    if (first !== undefined) judgeFirst(judge, was, first);
    else if (isBound)
      judge.fail(
        away.from.index,
        `expected queue ${was.queue} to be read at a slave while ${away.node} does not answer, got no PULL within ${READS_MS} ms`,
      );
  }
  if (isBound) judgeBeats(facts, judge, run, away);
}

const lastOfEach = (asked: readonly Asked[]): readonly Asked[] => [
  ...new Map(asked.map((one) => [`${one.topic}/${one.queue}`, one])).values(),
];

/** As the same member, with the lease and from the offset that it had. */
function judgeFirst(judge: Judge, was: Asked, first: Asked): void {
  const { request, exchange } = first.pull;
  const offset = was.result?.code === 0 ? was.result.nextOffset : was.offset;
  if (exchange.header.member !== was.pull.exchange.header.member)
    judge.fail(request, `expected the PULL at a slave to be of the same member, got one of ${exchange.header.member}`, 'member');
  else if (first.epoch !== was.epoch)
    judge.fail(request, `expected the lease epoch ${was.epoch} at a slave, got ${first.epoch}`, 'topics');
  else if (first.offset !== offset)
    judge.fail(request, `expected offset ${offset} to be asked for at a slave, got ${first.offset}`, 'topics');
  else judge.pass(request);
}

function judgeBeats(facts: Facts, judge: Judge, run: ClientRun, { node, from, to }: Away): void {
  const beat = memberRequests(facts.view).find(
    ({ name, request, connection, header }) =>
      name === 'CLIENT_HEARTBEAT' &&
      isSlave(connection) &&
      request.index > from.index &&
      request.index < to.index &&
      runOfMember(facts.view).get(header.member) === run,
  );
  if (beat !== undefined) judge.pass(beat.request);
  else judge.fail(from.index, `expected CLIENT_HEARTBEAT at a slave while ${node} does not answer, got none`);
}

/** A consumer that was at a slave is at the master again, once it is connected. */
function judgeReturn(facts: Facts, judge: Judge, run: ClientRun, { node, to }: Away): void {
  const back = facts.connections.find(
    (one) =>
      one.node === node && one.helloOk !== undefined && !isSlave(one) && one.openedAtMs >= to.ms && clientOf(facts, one) === run,
  );
  const wasAway = askedBy(facts, run).some(({ pull }) => atSlave(pull) && pull.request.index < to.index);
  if (back === undefined || !wasAway) return;
  const dueMs = back.openedAtMs + READS_MS + facts.view.slackMs;
  const next = askedBy(facts, run).find(({ pull }) => pull.request.connection === back);
  if (next !== undefined) judge.pass(next.pull.request);
  else if (runsUntil(run, dueMs) && facts.end.ms > dueMs && served(facts, node, to.ms + 1, dueMs))
    judge.fail(to.index, `expected PULL at ${node} again once it is connected, got none within ${READS_MS} ms`);
}

/** Where consumers read while a master does not answer. */
export const readsOn: Clause = {
  id: 'QNT-RPL-080',
  roles: ['consumer'],
  ofGroups: true,
  check(view, judge) {
    const facts = factsOf(view);
    for (const away of mastersAway(facts))
      for (const run of facts.clients) {
        judgeAway(facts, judge, run, away);
        if (away.to.index < facts.end.index) judgeReturn(facts, judge, run, away);
      }
  },
};
