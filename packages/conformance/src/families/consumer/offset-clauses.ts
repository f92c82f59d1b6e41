import { codeNumber } from '@qanat/core';
import { type Clause, type Judge, judgeThat } from '../../clause/clause.ts';
import type { Exchange, FrameSeen } from '../../history/view.ts';
import { type ClientRun, endOfConnection, type Facts, factsOf, once, runsAt, served } from '../clients/facts.ts';
import { copiesAreWhole, copiesOf } from './dead-letters.ts';
import { deliveriesOf, handledOf, keyOf, mayFail, tellsHandled } from './deliveries.ts';
import { memberRequests, runOfMember, type Span, spansFor } from './leases.ts';
import { isMember, logOf, wants } from './log.ts';
import { pullsOf } from './pulls.ts';
import { judgeArrivals } from './whole-run.ts';

const COMMIT_MS = 1_000;
/** Timers are a little early or late. */
const COARSE_MS = 50;
/** Time for an attempt to be given up, and for the next commit. */
const AGAIN_MS = 8_000;

/** An offset that a member says it has come to: by OFFSET_COMMIT, RELEASE or LEAVE. */
export interface OffsetTold {
  readonly exchange: Exchange;
  readonly request: FrameSeen;
  readonly run: ClientRun;
  readonly span: Span;
  readonly key: string;
  readonly offset: number;
}

export const offsetsTold = once((facts: Facts): readonly OffsetTold[] => {
  const runs = runOfMember(facts.view);
  return memberRequests(facts.view).flatMap((exchange): OffsetTold[] => {
    const { name, header, request, connection } = exchange;
    if (name !== 'OFFSET_COMMIT' && name !== 'RELEASE' && name !== 'LEAVE') return [];
    const run = runs.get(header.member);
    if (run === undefined) return [];
    return header.offsets.flatMap(
      ({ topic, queue, offset, leaseEpoch }: { topic: string; queue: number; offset: number; leaseEpoch: number }) => {
        const key = keyOf(topic, connection.node, queue);
        const span = spansFor(facts, run, key).findLast((one) => one.epoch === leaseEpoch && one.told.last.index < request.index);
        return span === undefined ? [] : [{ exchange, request, run, span, key, offset }];
      },
    );
  });
});

/** Messages of a queue that a client was given and that its handlers have ended well, with when. */
export const endedAt = once((facts: Facts) => {
  const ended = new Map<ClientRun, Map<string, number>>();
  // Where a driver does not tell when handlers end, they end at once, but for those that are to fail.
  const handled = tellsHandled(facts.view)
    ? handledOf(facts.view)
    : deliveriesOf(facts.view).filter(({ run }) => !mayFail(facts, run));
  for (const { run, key, offset, ms } of handled) {
    const own = ended.get(run) ?? new Map<string, number>();
    ended.set(run, own);
    const name = `${key} ${offset}`;
    if (!own.has(name)) own.set(name, ms);
  }
  return ended;
});

/** Offsets that were passed on purpose: gone by the broker's word, or with a copy in the dead-letter topic. */
export function isPassed(facts: Facts, { run, key, request }: OffsetTold, offset: number): boolean {
  const skipped = pullsOf(facts.view).some(
    (pull) =>
      pull.run === run &&
      pull.items.some(
        (item) =>
          item.key === key &&
          item.offset <= offset &&
          item.result?.code === codeNumber('OFFSET_OUT_OF_RANGE') &&
          item.result.nextOffset > offset,
      ),
  );
  if (skipped) return true;
  return copiesOf(facts.view).some(
    (copy) =>
      copy.run === run &&
      copy.origin === `${key}/${offset}` &&
      (copy.exchange.response?.index ?? Number.POSITIVE_INFINITY) < request.index &&
      copy.exchange.code === undefined,
  );
}

/** The first message below an offset that was told which the client has not handled; undefined when there is none. */
function unhandled(facts: Facts, told: OffsetTold): number | undefined {
  const log = logOf(facts.view).get(told.key);
  const ended = endedAt(facts.view).get(told.run);
  for (let at = told.span.startOffset; at < told.offset; at++) {
    const message = log?.get(at);
    if (message === undefined || !message.readable || !wants(told.run, message)) continue;
    const ms = ended?.get(`${told.key} ${at}`);
    if (ms !== undefined && ms <= told.request.atMs + facts.view.slackMs) continue;
    if (!isPassed(facts, told, at)) return at;
  }
  return undefined;
}

function judgeCommits(facts: Facts, judge: Judge, wanted: (run: ClientRun) => boolean): void {
  for (const told of offsetsTold(facts.view)) {
    if (!wanted(told.run) || told.offset <= told.span.startOffset || wasUnreadable(facts, told)) continue;
    const at = unhandled(facts, told);
    judgeThat(
      judge,
      told.request,
      at === undefined,
      () =>
        `expected ${told.exchange.name} of ${told.key} at ${at} at the most, as the message there was not handled, got ${told.offset}`,
      'offset',
    );
  }
}

/** Batches that came broken are passed, whatever the kit stored. */
const wasUnreadable = (facts: Facts, { key, run }: OffsetTold): boolean =>
  pullsOf(facts.view).some(
    (pull) =>
      pull.run === run &&
      pull.items.some((item) => item.key === key && item.result?.batches.some(({ fault }) => fault !== undefined)),
  );

const commitsWhatIsHandled: Clause = {
  id: 'QNT-OFS-014',
  roles: ['consumer'],
  check(view, judge) {
    const facts = factsOf(view);
    judgeCommits(facts, judge, (run) => !mayFail(facts, run));
  },
};

const failedIsNotPassed: Clause = {
  id: 'QNT-OFS-022',
  roles: ['consumer'],
  needs: ['policy'],
  check(view, judge) {
    const facts = factsOf(view);
    judgeCommits(facts, judge, (run) => mayFail(facts, run));
  },
};

/** The copy, and only then the offset: both have requirements of their own. */
const copiesComeFirst: Clause = {
  id: 'QNT-RGY-007',
  roles: ['consumer'],
  needs: ['dead-letter', 'policy'],
  check(view, judge) {
    if (copiesOf(view).length === 0) return;
    copiesAreWhole.check(view, judge);
    failedIsNotPassed.check(view, judge);
  },
};

const onceASecond: Clause = {
  id: 'QNT-OFS-015',
  roles: ['consumer'],
  check(view, judge) {
    const last = new Map<string, FrameSeen>();
    for (const { name, header, request, connection } of memberRequests(view)) {
      if (name !== 'OFFSET_COMMIT') continue;
      const run = runOfMember(view).get(header.member);
      if (run === undefined || hasOwnInterval(run)) continue;
      const who = `${connection.node} ${header.member}`;
      const before = last.get(who);
      last.set(who, request);
      // What does not fit in LEAVE is committed before it.
      if (before === undefined || !runsAt(run, request.index)) continue;
      const gapMs = request.atMs - before.atMs;
      judgeThat(
        judge,
        request,
        gapMs >= COMMIT_MS - COARSE_MS - view.slackMs,
        () =>
          `expected one OFFSET_COMMIT a second for all queues at ${connection.node}, got the next after ${Math.round(gapMs)} ms`,
      );
    }
  },
};

const hasOwnInterval = ({ args }: ClientRun): boolean =>
  typeof (args.options as { commitMs?: number } | undefined)?.commitMs === 'number';

const unansweredCommits: Clause = {
  id: 'QNT-OFS-016',
  roles: ['consumer'],
  check(view, judge) {
    const facts = factsOf(view);
    for (const { exchange, request, run, span, key, offset } of offsetsTold(view)) {
      if (exchange.name !== 'OFFSET_COMMIT' || exchange.response !== undefined) continue;
      const lostMs = Math.min(endOfConnection(facts, request.connection).ms, request.atMs + 3_000);
      // Before its member is heard it cannot know that it still has the queue.
      const fromMs = heardAgain(facts, run, span.node, lostMs);
      if (fromMs === undefined) continue;
      const dueMs = fromMs + AGAIN_MS + view.slackMs;
      const again = offsetsTold(view).find(
        (later) =>
          later.request.index > request.index &&
          later.run === run &&
          later.key === key &&
          later.span.epoch === span.epoch &&
          later.offset >= offset &&
          later.request.atMs <= dueMs,
      );
      if (again !== undefined) judge.pass(again.request);
      else if (
        facts.end.ms > dueMs &&
        (span.gone?.ms ?? dueMs + 1) > dueMs &&
        runsAt(run, facts.end.index - 1) &&
        served(facts, span.node, fromMs, dueMs)
      )
        judge.fail(
          request,
          `expected the commit of ${key} at ${offset} once more, as OFFSET_COMMIT was not answered, got none within ${AGAIN_MS} ms`,
        );
    }
  },
};

/** When a heartbeat of a member was answered behind a time. */
const heardAgain = ({ view }: Facts, run: ClientRun, node: string, ms: number): number | undefined =>
  memberRequests(view).find(
    ({ name, header, connection, response, code }) =>
      name === 'CLIENT_HEARTBEAT' &&
      connection.node === node &&
      runOfMember(view).get(header.member) === run &&
      code === undefined &&
      (response?.atMs ?? 0) >= ms,
  )?.response?.atMs;

/** The same for what a consumer asks: see QNT-COR-010 of producers. */
const lostIsUnknown: Clause = { ...unansweredCommits, id: 'QNT-COR-010' };

const beginsAtStart: Clause = {
  id: 'QNT-OFS-020',
  roles: ['consumer'],
  check(view, judge) {
    const facts = factsOf(view);
    const begun = new Set<string>();
    for (const pull of pullsOf(view))
      for (const { key, epoch, offset } of pull.items) {
        const name = `${pull.exchange.header.member} ${key} ${epoch}`;
        if (begun.has(name) || pull.run === undefined) continue;
        begun.add(name);
        const span = spansFor(facts, pull.run, key).find(
          (one) => one.epoch === epoch && one.told.last.index < pull.request.index,
        );
        if (span !== undefined)
          judgeThat(
            judge,
            pull.request,
            offset === span.startOffset,
            () => `expected ${key} to begin at the start offset ${span.startOffset} of its lease, got ${offset}`,
            'offset',
          );
      }
  },
};

const broadcasts: Clause = {
  id: 'QNT-OFS-021',
  roles: ['consumer'],
  needs: ['broadcasting'],
  check(view, judge) {
    const facts = factsOf(view);
    for (const run of facts.clients) {
      if (run.role !== 'consumer' || isMember(run) || run.ready === undefined || facts.clients.some((other) => isMember(other)))
        continue;
      const kept = memberRequests(view).find(
        ({ name, header }) => name === 'OFFSET_COMMIT' || name === 'CLIENT_HEARTBEAT' || (name === 'PULL' && header.group !== ''),
      );
      if (kept !== undefined)
        judge.fail(kept.request, `expected nothing of a group from a consumer that broadcasts, got ${kept.name}`);
      else judgeBeginning(facts, judge, run);
    }
    judgeArrivals(facts, judge, ({ runs }) => !runs.some(isMember));
  },
};

/** `first`: from the oldest message on, everything arrives. */
function judgeBeginning(facts: Facts, judge: Judge, run: ClientRun): void {
  const first = new Map<string, { readonly offset: number; readonly request: FrameSeen }>();
  for (const pull of pullsOf(facts.view).filter((one) => one.run === run))
    for (const { key, offset } of pull.items) if (!first.has(key)) first.set(key, { offset, request: pull.request });
  for (const [key, { offset, request }] of first) {
    const lookedUp = lookUps(facts, run, key);
    const expected = run.args.from === 'first' ? 0 : lookedUp;
    if (expected !== undefined)
      judgeThat(
        judge,
        request,
        offset === expected,
        () => `expected ${key} to begin at ${expected}, as "${run.args.from}" says, got ${offset}`,
        'offset',
      );
  }
}

/** What OFFSET_LOOKUP said of a queue first. */
function lookUps(facts: Facts, run: ClientRun, key: string): number | undefined {
  for (const { name, answer, connection, request } of memberRequests(facts.view)) {
    if (name !== 'OFFSET_LOOKUP' || request.index < run.start.index) continue;
    const found = (answer?.offsets ?? []).find(
      (one: { topic: string; queue: number }) => keyOf(one.topic, connection.node, one.queue) === key,
    );
    if (found !== undefined && found.code === 0) return found.offset;
  }
  return undefined;
}

export const OFFSET_CLAUSES: readonly Clause[] = [
  commitsWhatIsHandled,
  onceASecond,
  unansweredCommits,
  lostIsUnknown,
  beginsAtStart,
  broadcasts,
  failedIsNotPassed,
  copiesComeFirst,
];
