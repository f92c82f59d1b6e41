import { type Clause, type Judge, judgeThat } from '../../clause/clause.ts';
import type { Exchange, FrameSeen } from '../../history/view.ts';
import { textOf } from '../../play/program.ts';
import { type ClientRun, clientOf, endOfConnection, type Facts, factsOf, served } from '../clients/facts.ts';
import { deliveriesOf, handledOf, isPlain, tellsHandled } from './deliveries.ts';
import { arrived } from './lease-circumstances.ts';
import { memberRequests, runOfMember, spansOf } from './leases.ts';
import { isMember } from './log.ts';
import { beatsOf } from './member-clauses.ts';

const RELEASE_MS = 30_000;
/** Time for LEAVE, behind the last handler. */
const LEAVE_MS = 3_000;
const SESSION_MS = 10_000;

const leavesOf = (facts: Facts, run: ClientRun): readonly Exchange[] =>
  memberRequests(facts.view).filter(({ name, header }) => name === 'LEAVE' && runOfMember(facts.view).get(header.member) === run);

/** Brokers at which a client holds leases at a place, over a connection that is open. */
const holdsAt = (facts: Facts, run: ClientRun, index: number): readonly string[] => [
  ...new Set(
    spansOf(facts.view)
      .filter(
        (span) =>
          span.run === run &&
          span.told.last.index < index &&
          arrived(facts, span.told.last) &&
          (span.gone === undefined || span.gone.index > index),
      )
      .map(({ node }) => node)
      .filter((node) =>
        facts.connections.some(
          (one) =>
            one.node === node &&
            one.helloOk !== undefined &&
            one.goAways.length === 0 &&
            clientOf(facts, one) === run &&
            (one.frames[0]?.index ?? 0) < index &&
            endOfConnection(facts, one).index > index,
        ),
      ),
  ),
];

/** Messages of a client whose handlers had begun and not ended. */
const busy = (facts: Facts, run: ClientRun, index: number, ms: number): number =>
  deliveriesOf(facts.view).filter(
    (one) =>
      one.run === run &&
      one.index < index &&
      !handledOf(facts.view).some(
        (done) =>
          done.run === run && done.key === one.key && done.offset === one.offset && done.index > one.index && done.ms <= ms,
      ),
  ).length;

const stopsWell: Clause = {
  id: 'QNT-GRP-013',
  roles: ['consumer'],
  check(view, judge) {
    const facts = factsOf(view);
    for (const run of facts.clients.filter(isMember)) {
      if (run.killed || run.closing === facts.end || (run.ended !== undefined && run.ended.index < run.closing.index)) continue;
      for (const leave of leavesOf(facts, run)) judgeLeave(facts, judge, run, leave);
      for (const node of holdsAt(facts, run, run.closing.index)) {
        const left = leavesOf(facts, run).some(({ connection }) => connection.node === node);
        const dueMs = run.closing.ms + (isPlain(facts, run) ? 0 : RELEASE_MS) + LEAVE_MS + view.slackMs;
        if (left) judge.pass(run.closing.index);
        else if (facts.end.ms > dueMs && served(facts, node, run.closing.ms, dueMs))
          judge.fail(
            run.closing.index,
            `expected LEAVE at ${node} from a member that stops, got none within ${Math.round(dueMs - run.closing.ms)} ms`,
          );
      }
    }
  },
};

function judgeLeave(facts: Facts, judge: Judge, run: ClientRun, { request, connection, header }: Exchange): void {
  const running = tellsHandled(facts.view) ? busy(facts, run, run.closing.index, request.atMs + facts.view.slackMs) : 0;
  if (running > 0 && request.atMs < run.closing.ms + RELEASE_MS - 1_000 && !isFailing(run))
    return judge.fail(request, `expected LEAVE behind the end of the handlers that were started, got it while ${running} run`);
  const held = spansOf(facts.view).filter(
    (span) =>
      span.run === run &&
      span.node === connection.node &&
      span.told.last.atMs < run.closing.ms - facts.view.slackMs &&
      arrived(facts, span.told.last) &&
      (span.gone === undefined || span.gone.frame === request),
  );
  const missing = held.find(
    ({ topic, queue }) =>
      !header.offsets.some((one: { topic: string; queue: number }) => one.topic === topic && one.queue === queue),
  );
  judgeThat(
    judge,
    request,
    missing === undefined,
    () => `expected the final offset of ${missing?.key} in LEAVE, got none`,
    'offsets',
  );
}

const isFailing = ({ args }: ClientRun): boolean => typeof (args.policy as { fail?: number } | undefined)?.fail === 'number';

/** A connection that breaks off takes along what was on its way. */
const wasRead = (facts: Facts, goAway: FrameSeen): boolean => arrived(facts, goAway) || goAway.connection.closed?.clean === true;

/** A broker that said GOAWAY, stopped, and is back while the member still tries. */
const leavesTheRestarted: Clause = {
  id: 'QNT-GRP-055',
  roles: ['consumer'],
  check(view, judge) {
    const facts = factsOf(view);
    for (const run of facts.clients.filter(isMember)) {
      if (run.killed || run.closing === facts.end) continue;
      for (const { node, from, to } of facts.outages) {
        const wasTold = facts.connections.some(
          (one) =>
            one.node === node &&
            clientOf(facts, one) === run &&
            one.goAways.some((goAway) => goAway.index > from.index && goAway.index < to.index && wasRead(facts, goAway)),
        );
        const inTime =
          run.closing.index > from.index && run.closing.index < to.index && to.ms < run.closing.ms + SESSION_MS - 2_500;
        const holds = spansOf(view).some(
          (span) =>
            span.run === run &&
            span.node === node &&
            span.told.last.index < from.index &&
            (span.gone === undefined || span.gone.index > run.closing.index),
        );
        if (!wasTold || !inTime || !holds || to === facts.end) continue;
        const left = leavesOf(facts, run).find(({ connection, request }) => connection.node === node && request.index > to.index);
        const dueMs = Math.min(to.ms + 5_000, run.closing.ms + SESSION_MS) + view.slackMs;
        if (left !== undefined) judge.pass(left.request);
        else if (facts.end.ms > dueMs)
          judge.fail(
            run.closing.index,
            `expected LEAVE at ${node} when it was back ${Math.round(to.ms - run.closing.ms)} ms after the member began to stop, got none`,
          );
      }
    }
  },
};

const CONFLICT = 'SUBSCRIPTION_CONFLICT';
const CONFLICT_NUMBER = '4014';
const REPORT_MS = 4_000;

const conflictEndsIt: Clause = {
  id: 'QNT-GRP-015',
  roles: ['consumer'],
  check(view, judge) {
    const facts = factsOf(view);
    for (const run of facts.clients.filter(isMember)) {
      const refused = firstConflict(facts, run);
      if (refused === undefined || run.killed) continue;
      const { response } = refused;
      const dueMs = response.atMs + REPORT_MS + view.slackMs;
      if (facts.end.ms <= dueMs || run.closing.ms <= dueMs) continue;
      const message = response.header.message as string;
      const beat = [...beatsOf(view).values()].flat().find((one) => one.run === run && one.request.atMs > dueMs);
      const open = holdsAt(facts, run, response.index).find(
        (node) => !leavesOf(facts, run).some(({ connection }) => connection.node === node),
      );
      const said = run.ended?.args ?? {};
      if (run.ended === undefined)
        judge.fail(response, `expected the consumer to end after ${CONFLICT}, got nothing within ${REPORT_MS} ms`);
      else if (![CONFLICT, CONFLICT_NUMBER].includes(textOf(said, 'code')) || !textOf(said, 'text').includes(message))
        judge.fail(
          run.ended.index,
          `expected the error ${CONFLICT} with the text "${message}", got ${textOf(said, 'code')} "${textOf(said, 'text')}"`,
        );
      else if (beat !== undefined)
        judge.fail(beat.request, `expected the member to leave after ${CONFLICT}, got CLIENT_HEARTBEAT`);
      else if (open !== undefined && served(facts, open, response.atMs, dueMs))
        judge.fail(response, `expected LEAVE at ${open} after ${CONFLICT}, got none`);
      else judge.pass(run.ended.index);
    }
  },
};

function firstConflict(facts: Facts, run: ClientRun): { readonly response: FrameSeen } | undefined {
  for (const beats of beatsOf(facts.view).values())
    for (const { exchange } of beats)
      if (clientOf(facts, exchange.connection) === run && exchange.code === CONFLICT && exchange.response !== undefined)
        return { response: exchange.response };
  return undefined;
}

export const LEAVE_CLAUSES: readonly Clause[] = [stopsWell, leavesTheRestarted, conflictEndsIt];
