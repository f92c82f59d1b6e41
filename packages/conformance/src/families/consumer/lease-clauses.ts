import { type Clause, type Judge, judgeThat } from '../../clause/clause.ts';
import type { FrameSeen } from '../../history/view.ts';
import { isObject } from '../../json.ts';
import { numberOf } from '../../play/program.ts';
import { assignmentsOf, type Told } from '../clients/assignments.ts';
import { type ClientRun, endOfConnection, type Facts, factsOf, isBroker, type Place, runsAt } from '../clients/facts.ts';
import { type Delivery, deliveriesOf, handledOf, isPlain, mayFail, tellsEvents, tellsHandled } from './deliveries.ts';
import { runOfMember, type Span, spansFor, spansOf } from './leases.ts';
import { isMember, logOf, wants } from './log.ts';
import { beatsOf } from './member-clauses.ts';
import { endedAt, offsetsTold } from './offset-clauses.ts';
import { pullsOf } from './pulls.ts';

const SOON_MS = 1_500;
const RELEASE_MS = 30_000;

/** PULL requests under a lease, behind a place. */
const pullsUnder = (
  facts: Facts,
  { node, member, topic, queue, epoch }: Pick<Span, 'node' | 'member' | 'topic' | 'queue' | 'epoch'>,
  sinceMs: number,
  untilIndex: number,
) =>
  pullsOf(facts.view).find(
    ({ request, exchange, node: at, items }) =>
      at === node &&
      exchange.header.member === member &&
      request.atMs > sinceMs &&
      request.index < untilIndex &&
      items.some((item) => item.topic === topic && item.queue === queue && item.epoch === epoch),
  );

/** The next place at which a member is told of a lease again. */
const toldAgain = (facts: Facts, span: Span): number =>
  spansOf(facts.view).find(
    (other) =>
      other.member === span.member &&
      other.key === span.key &&
      other.epoch === span.epoch &&
      other.told.last.index > (span.gone?.index ?? 0),
  )?.told.last.index ?? facts.end.index;

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

/** Whether the connection lived on long enough for a frame to be taken in. */
const arrived = (facts: Facts, { connection, atMs }: FrameSeen): boolean =>
  endOfConnection(facts, connection).ms > atMs + facts.view.slackMs;

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
            one.last.atMs < old.last.atMs - view.slackMs,
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

const nextTold = (facts: Facts, span: Span): number =>
  spansFor(facts, span.run as ClientRun, span.key).find(({ told }) => told.last.index > span.told.last.index)?.told.last.index ??
  facts.end.index;

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

export const LEASE_CLAUSES: readonly Clause[] = [
  takesItWhole,
  ignoresOlder,
  handsOutWhatItHolds,
  releases,
  dropsFenced,
  silentSession,
  keepsWhatItHolds,
  tellsIdle,
];
