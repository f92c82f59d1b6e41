// When a member gives up what it holds, and when it may not.

import { type Clause, type Judge, judgeThat } from '../../clause/clause.ts';
import type { FrameSeen } from '../../history/view.ts';
import { isObject } from '../../json.ts';
import { numberOf } from '../../play/program.ts';
import { assignmentsOf, type Told } from '../clients/assignments.ts';
import { type ClientRun, endOfConnection, type Facts, factsOf, isBroker, type Place, runsAt } from '../clients/facts.ts';
import { deliveriesOf, tellsEvents } from './deliveries.ts';
import { arrived, nextTold, pullsUnder, SOON_MS, toldAgain } from './lease-circumstances.ts';
import { runOfMember, type Span, spansOf } from './leases.ts';
import { isMember } from './log.ts';
import { beatsOf } from './member-clauses.ts';
import { offsetsTold } from './offset-clauses.ts';
import { pullsOf } from './pulls.ts';

const dropsFenced: Clause = {
  id: 'QNT-GRP-010',
  roles: ['consumer'],
  check(view, judge) {
    const facts = factsOf(view);
    for (const span of spansOf(view)) {
      const { gone, run } = span;
      if (gone === undefined || run === undefined || gone.frame.from !== 'kit' || !arrived(facts, gone.frame)) continue;
      const until = toldAgain(facts, span);
      const pulledOn = pullsUnder(facts, span, gone.ms + view.slackMs, until);
      const handedOut = deliveriesOf(view).find(
        (one) =>
          one.run === run &&
          one.key === span.key &&
          one.ms > gone.ms + view.slackMs &&
          one.index < Math.min(until, nextTold(facts, span)),
      );
      const why =
        gone.frame.name === 'PULL' || gone.frame.name === 'OFFSET_COMMIT'
          ? 'was answered LEASE_FENCED'
          : 'is gone from the assignment';
      if (pulledOn !== undefined)
        judge.fail(pulledOn.request, `expected ${span.key} to be dropped, as its lease ${why}, got a PULL under it`);
      else if (handedOut !== undefined)
        judge.fail(
          handedOut.index,
          `expected ${span.key} to be dropped with what was pulled, as its lease ${why}, got offset ${handedOut.offset}`,
        );
      else if (facts.end.ms > gone.ms + SOON_MS) judge.pass(gone.frame);
    }
  },
};

/** When the session of a client at a broker ends, by the last heartbeat that was answered before a place. */
function sessionEnd(
  facts: Facts,
  run: ClientRun,
  node: string,
  index: number,
): { readonly ms: number; readonly at: FrameSeen } | undefined {
  let found: { ms: number; at: FrameSeen } | undefined;
  for (const beats of beatsOf(facts.view).values())
    for (const { exchange, request, run: by, node: at } of beats) {
      const { answer, response } = exchange;
      if (by !== run || at !== node || answer === undefined || response === undefined || response.index > index) continue;
      found = { ms: request.atMs + answer.sessionMs, at: response };
    }
  return found;
}

const silentSession: Clause = {
  id: 'QNT-GRP-011',
  roles: ['consumer'],
  check(view, judge) {
    const facts = factsOf(view);
    for (const delivery of deliveriesOf(view)) {
      if (!isMember(delivery.run)) continue;
      const session = sessionEnd(facts, delivery.run, delivery.broker, delivery.index);
      if (session !== undefined && delivery.ms > session.ms + view.slackMs)
        judge.fail(
          delivery.index,
          `expected nothing of ${delivery.key} after the session at ${delivery.broker}, got offset ${delivery.offset} ${Math.round(delivery.ms - session.ms)} ms behind its end`,
        );
    }
    for (const run of facts.clients.filter(isMember)) judgeHeldBack(facts, judge, run);
  },
};

/** A session that ended while messages waited that had been pulled. */
function judgeHeldBack(facts: Facts, judge: Judge, run: ClientRun): void {
  for (const node of new Set(facts.connections.map((connection) => connection.node).filter(isBroker))) {
    const session = sessionEnd(facts, run, node, facts.end.index);
    if (session === undefined || facts.end.ms < session.ms + SOON_MS || run.gone.ms < session.ms + SOON_MS) continue;
    const waiting = pullsOf(facts.view).some(
      ({ run: by, items, node: at }) =>
        by === run &&
        at === node &&
        items.some(
          ({ key, result }) =>
            (result?.nextOffset ?? 0) > 0 &&
            (result?.batches.length ?? 0) > 0 &&
            !deliveriesOf(facts.view).some(
              (one) => one.run === run && one.key === key && one.offset === (result?.nextOffset ?? 0) - 1,
            ),
        ),
    );
    if (waiting) judge.pass(session.at);
  }
}

const keepsWhatItHolds: Clause = {
  id: 'QNT-GRP-012',
  roles: ['consumer'],
  check(view, judge) {
    const facts = factsOf(view);
    for (const connection of facts.connections.filter(({ node }) => isBroker(node))) {
      const end = endOfConnection(facts, connection);
      if (end.by !== 'kit') continue;
      const held = spansOf(view).filter(
        ({ node, run, told, gone, releasing }) =>
          node === connection.node &&
          run !== undefined &&
          runsAt(run, end.index) &&
          told.last.connection === connection &&
          told.last.index < end.index &&
          arrived(facts, told.last) &&
          releasing === undefined &&
          (gone === undefined || gone.index > end.index),
      );
      for (const span of held) judgeKept(facts, judge, span, end);
    }
  },
};

function judgeKept(facts: Facts, judge: Judge, span: Span, end: Place): void {
  const run = span.run as ClientRun;
  const session = sessionEnd(facts, run, span.node, end.index);
  if (session === undefined) return;
  const given = offsetsTold(facts.view).find(
    (told) => told.span === span && told.request.index > end.index && told.exchange.name !== 'OFFSET_COMMIT',
  );
  if (given !== undefined && given.request.atMs < session.ms && runsAt(run, given.request.index) && span.releasing === undefined)
    return judge.fail(
      given.request,
      `expected ${span.key} to be kept although the connection was lost, got ${given.exchange.name}`,
    );
  const revoked = facts.view
    .told('revoked')
    .find(
      ({ client, index, atMs, args }) =>
        client === run.name &&
        index > end.index &&
        atMs < end.ms + Math.min(1_000, session.ms - end.ms) &&
        isObject(args) &&
        names(args.queues, span),
    );
  if (revoked !== undefined && (span.gone?.index ?? facts.end.index) > revoked.index)
    return judge.fail(revoked.index, `expected ${span.key} to be kept although the connection was lost, got it revoked`);
  const on = pullsUnder(facts, span, end.ms, facts.end.index);
  if (on !== undefined) judge.pass(on.request);
}

const names = (queues: unknown, { topic, node, queue }: Span): boolean =>
  Array.isArray(queues) &&
  queues.some((one) => isObject(one) && one.topic === topic && one.broker === node && one.queue === queue);

const tellsIdle: Clause = {
  id: 'QNT-GRP-014',
  roles: ['consumer'],
  needs: ['events'],
  check(view, judge) {
    const facts = factsOf(view);
    if (!tellsEvents(view)) return;
    for (const run of facts.clients.filter(isMember)) {
      const idle = idleSince(facts, run);
      if (idle === undefined) continue;
      const told = view.told('idle').find(({ client, index }) => client === run.name && index > idle.last.index);
      const dueMs = idle.last.atMs + SOON_MS + view.slackMs;
      const args = isObject(told?.args) ? told.args : {};
      if (told !== undefined)
        judgeThat(
          judge,
          told.index,
          numberOf(args, 'members', -1) === idle.members && numberOf(args, 'queues', -1) === idle.queues,
          () => `expected "idle" with ${idle.members} members and ${idle.queues} queues, got ${args.members} and ${args.queues}`,
        );
      else if (facts.end.ms > dueMs && run.closing.ms > dueMs)
        judge.fail(
          idle.last,
          `expected the application to be told that the member is idle (${idle.members} members, ${idle.queues} queues), got no event "idle"`,
        );
    }
  },
};

/** The assignment with which the last of the brokers said that a client is idle, if all do so until the end. */
function idleSince(facts: Facts, run: ClientRun): Told | undefined {
  const latest = new Map<string, Told>();
  let since: Told | undefined;
  for (const told of assignmentsOf(facts.view)) {
    if (runOfMember(facts.view).get(told.member) !== run || told.last.index > run.closing.index) continue;
    latest.set(told.node, told);
    if (told.leases.length > 0 || !told.idle) since = undefined;
    else if ([...latest.values()].every(({ idle, leases }) => idle && leases.length === 0)) since ??= told;
  }
  const joined = new Set(
    [...beatsOf(facts.view).values()]
      .flat()
      .filter((beat) => beat.run === run)
      .map(({ node }) => node),
  );
  return latest.size === joined.size ? since : undefined;
}

export const HOLDING_CLAUSES: readonly Clause[] = [dropsFenced, silentSession, keepsWhatItHolds, tellsIdle];
