import { type Clause, type Judge, judgeThat } from '../../clause/clause.ts';
import type { FrameSeen } from '../../history/view.ts';
import { assignmentsOf, type Told } from '../clients/assignments.ts';
import { type ClientRun, endOfConnection, type Facts, factsOf, type Place } from '../clients/facts.ts';
import { type Delivery, deliveriesOf, handledOf, isPlain, mayFail, tellsHandled } from './deliveries.ts';
import { HOLDING_CLAUSES } from './holding-clauses.ts';
import { arrived, nextTold, pullsUnder, SOON_MS, toldAgain } from './lease-circumstances.ts';
import { runOfMember, type Span, spansFor, spansOf } from './leases.ts';
import { isMember, logOf, wants } from './log.ts';
import { beatsOf } from './member-clauses.ts';
import { endedAt, offsetsTold } from './offset-clauses.ts';
import { pullsOf } from './pulls.ts';

const RELEASE_MS = 30_000;

/** A member that took an assignment no longer has what it does not name. */
const takesItWhole: Clause = {
  id: 'QNT-GRP-006',
  roles: ['consumer'],
  check(view, judge) {
    const facts = factsOf(view);
    for (const span of spansOf(view)) {
      const { gone } = span;
      if (gone === undefined || gone.frame.from !== 'kit' || gone.frame.name === 'PULL' || gone.frame.name === 'OFFSET_COMMIT')
        continue;
      if (!arrived(facts, gone.frame)) continue;
      const late = pullsUnder(facts, span, gone.ms + view.slackMs, toldAgain(facts, span));
      if (late !== undefined)
        judge.fail(
          late.request,
          `expected no PULL under the lease ${span.epoch} of ${span.key}, which the last assignment does not name, got one ${Math.round(late.request.atMs - gone.ms)} ms later`,
        );
      else if (facts.end.ms > gone.ms + SOON_MS) judge.pass(gone.frame);
    }
  },
};

const ignoresOlder: Clause = {
  id: 'QNT-GRP-007',
  roles: ['consumer'],
  check(view, judge) {
    const facts = factsOf(view);
    const all = assignmentsOf(view);
    all.forEach((old, i) => {
      const newer = all
        .slice(0, i)
        .find(
          (one) =>
            one.node === old.node &&
            one.member === old.member &&
            one.term === old.term &&
            one.generation > old.generation &&
            one.last.atMs < old.last.atMs - view.slackMs &&
            arrived(facts, one.last),
        );
      if (newer === undefined || !arrived(facts, old.last)) return;
      const stale = old.leases.filter(({ epoch }) => !isHeldAt(facts, old, epoch));
      const fresh = spansOf(view).filter(
        ({ node, member, told, gone }) =>
          node === old.node &&
          member === old.member &&
          told.last.index < old.last.index &&
          (gone === undefined || gone.index > old.last.index) &&
          !old.leases.some(({ epoch }) => told.leases.some((one) => one.epoch === epoch)),
      );
      const taken = stale
        .map(({ topic, queue, epoch }) =>
          pullsUnder(
            facts,
            { node: old.node, member: old.member, topic, queue, epoch },
            old.last.atMs + view.slackMs,
            facts.end.index,
          ),
        )
        .find((pull) => pull !== undefined);
      const named = beatsOf(view)
        .get(`${old.node} ${old.member}`)
        ?.find(
          ({ request, exchange }) => request.atMs > old.last.atMs + view.slackMs && exchange.header.generation === old.generation,
        );
      if (taken !== undefined)
        judge.fail(
          taken.request,
          `expected the generation ${old.generation} to be ignored after ${newer.generation}, got a PULL under a lease of it`,
        );
      else if (named !== undefined)
        judge.fail(
          named.request,
          `expected the generation ${old.generation} to be ignored after ${newer.generation}, got it in a heartbeat`,
          'generation',
        );
      else if (facts.end.ms > old.last.atMs + SOON_MS && (stale.length > 0 || fresh.length > 0)) judge.pass(old.last);
    });
  },
};

const isHeldAt = (facts: Facts, { node, member, last }: Told, epoch: number): boolean =>
  spansOf(facts.view).some(
    (span) =>
      span.node === node &&
      span.member === member &&
      span.epoch === epoch &&
      span.told.last.index <= last.index &&
      (span.gone === undefined || span.gone.index > last.index),
  );

/** Leases of a queue that a client may have had at a delivery, as exactly as the kit can tell. */
const possible = (facts: Facts, { run, key, index, ms }: Delivery): readonly Span[] =>
  spansFor(facts, run, key).filter(
    ({ told, gone }) => told.last.index < index && (gone === undefined || gone.ms + facts.view.slackMs >= ms),
  );

const handsOutWhatItHolds: Clause = {
  id: 'QNT-GRP-008',
  roles: ['consumer'],
  check(view, judge) {
    const facts = factsOf(view);
    for (const delivery of deliveriesOf(view)) {
      if (!isMember(delivery.run) || !knowsMembers(facts, delivery.run)) continue;
      const spans = possible(facts, delivery);
      if (spans.length === 0)
        judge.fail(
          delivery.index,
          `expected messages of queues that the member holds, got offset ${delivery.offset} of ${delivery.key}`,
        );
      else if (!spans.some((span) => wasPulledUnder(facts, delivery, span)))
        judge.fail(
          delivery.index,
          `expected messages that were pulled under the present lease of ${delivery.key}, got offset ${delivery.offset}`,
        );
      else if (spansFor(facts, delivery.run, delivery.key).length > 1 || hasRivals(facts, delivery.run))
        judge.pass(delivery.index);
    }
  },
};

/** Whether the kit can tell the members of this client. */
const knowsMembers = (facts: Facts, run: ClientRun): boolean => [...runOfMember(facts.view).values()].includes(run);

const hasRivals = (facts: Facts, run: ClientRun): boolean => facts.clients.some((other) => other !== run && isMember(other));

const wasPulledUnder = (facts: Facts, { run, key, offset, index }: Delivery, { epoch }: Span): boolean =>
  pullsOf(facts.view).some(
    (pull) =>
      pull.run === run &&
      pull.answer !== undefined &&
      pull.answer.index < index &&
      pull.items.some(
        (item) => item.key === key && item.epoch === epoch && item.offset <= offset && (item.result?.nextOffset ?? 0) > offset,
      ),
  );

/** Handlers of a queue that were begun and had not ended at a place. */
function running(facts: Facts, span: Span, at: Place): boolean {
  const begun = deliveriesOf(facts.view).filter(
    ({ run, key, index }) => run === span.run && key === span.key && index > span.told.last.index && index < at.index,
  );
  const ended = handledOf(facts.view).filter(
    ({ run, key, index, ms }) =>
      run === span.run && key === span.key && index > span.told.last.index && ms <= at.ms + facts.view.slackMs,
  );
  return begun.some(({ offset }) => !ended.some((one) => one.offset === offset));
}

const releases: Clause = {
  id: 'QNT-GRP-009',
  roles: ['consumer'],
  check(view, judge) {
    const facts = factsOf(view);
    for (const span of spansOf(view)) {
      const { releasing, run } = span;
      if (releasing === undefined || run === undefined || !arrived(facts, releasing)) continue;
      const late = deliveriesOf(view).find(
        (one) =>
          one.run === run && one.key === span.key && one.ms > releasing.atMs + view.slackMs && one.index < nextTold(facts, span),
      );
      if (late !== undefined) {
        judge.fail(
          late.index,
          `expected nothing more of ${span.key} when it is RELEASING, got offset ${late.offset} ${Math.round(late.ms - releasing.atMs)} ms later`,
        );
        continue;
      }
      const release = offsetsTold(view).find(
        (told) => told.span === span && told.request.index > releasing.index && told.exchange.name !== 'OFFSET_COMMIT',
      );
      if (release === undefined) judgeMissingRelease(facts, judge, span, releasing);
      else judgeRelease(facts, judge, span, release);
    }
  },
};

/** Handlers that never end, or failed, keep a queue for RELEASE_MS. */
function judgeMissingRelease(facts: Facts, judge: Judge, span: Span, releasing: FrameSeen): void {
  const run = span.run as ClientRun;
  const dueMs = releasing.atMs + SOON_MS + 500 + facts.view.slackMs;
  const busy = running(facts, span, { index: releasing.index, ms: releasing.atMs });
  if (
    busy ||
    !isPlain(facts, run) ||
    (span.gone?.ms ?? dueMs + 1) <= dueMs ||
    facts.end.ms <= dueMs ||
    run.closing.ms <= dueMs ||
    run.gone.ms <= dueMs
  )
    return;
  if (endOfConnection(facts, releasing.connection).ms <= dueMs || isMeddled(facts, releasing)) return;
  judge.fail(
    releasing,
    `expected RELEASE of ${span.key}, of which no handler runs, got none within ${Math.round(dueMs - releasing.atMs)} ms`,
  );
}

const isMeddled = (facts: Facts, { connection }: FrameSeen): boolean =>
  facts.meddled.some((one) => one.connection === connection.number);

function judgeRelease(
  facts: Facts,
  judge: Judge,
  span: Span,
  { request, offset }: { readonly request: FrameSeen; readonly offset: number },
): void {
  const run = span.run as ClientRun;
  const at = { index: request.index, ms: request.atMs };
  if (
    tellsHandled(facts.view) &&
    running(facts, span, at) &&
    request.atMs < (span.releasing as FrameSeen).atMs + RELEASE_MS - 1_000 &&
    !mayFail(facts, run) &&
    isSure(facts, run)
  )
    judge.fail(request, `expected RELEASE of ${span.key} behind the end of its handlers, got it while one runs`);
  else {
    const behind = contiguous(facts, span, request);
    judgeThat(
      judge,
      request,
      offset >= behind,
      () => `expected RELEASE of ${span.key} at ${behind}, behind the last message that was handled, got ${offset}`,
      'offset',
    );
  }
}

/** What is told of handlers may be late by as much as the kit allows: only handlers that take longer are sure. */
const isSure = (facts: Facts, run: ClientRun): boolean => facts.view.slackMs < 100 || !isPlain(facts, run);

/** The offset behind everything that the client has handled without a gap, told well before a frame. */
function contiguous(facts: Facts, span: Span, { atMs }: FrameSeen): number {
  const run = span.run as ClientRun;
  const log = logOf(facts.view).get(span.key);
  const ended = endedAt(facts.view).get(run);
  let last = span.startOffset;
  for (let at = span.startOffset; ; at++) {
    const message = log?.get(at);
    if (message === undefined || !message.readable) return last;
    if (!wants(run, message)) continue;
    const ms = ended?.get(`${span.key} ${at}`);
    if (ms === undefined || ms > atMs - facts.view.slackMs) return last;
    last = at + 1;
  }
}

export const LEASE_CLAUSES: readonly Clause[] = [takesItWhole, ignoresOlder, handsOutWhatItHolds, releases, ...HOLDING_CLAUSES];
