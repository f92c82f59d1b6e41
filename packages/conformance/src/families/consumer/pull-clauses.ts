import { codeNumber } from '@qanat/core';
import { type Clause, type Judge, judgeThat } from '../../clause/clause.ts';
import type { FrameSeen } from '../../history/view.ts';
import { isObject } from '../../json.ts';
import { type ClientRun, endOfConnection, type Facts, factsOf, runsAt } from '../clients/facts.ts';
import { deliveriesOf, mayFail, tellsEvents } from './deliveries.ts';
import { spansFor } from './leases.ts';
import { logOf, wants } from './log.ts';
import { type PullItem, type PullSeen, pullsOf } from './pulls.ts';

const OUT_OF_RANGE = codeNumber('OFFSET_OUT_OF_RANGE');
/** Time to close a connection, or to ask again. */
const SOON_MS = 1_500;

/** What a reader asks for, queue by queue and lease by lease. */
interface Reading {
  readonly name: string;
  readonly steps: readonly { readonly pull: PullSeen; readonly item: PullItem }[];
}

function readings(facts: Facts): readonly Reading[] {
  const found = new Map<string, { pull: PullSeen; item: PullItem }[]>();
  for (const pull of pullsOf(facts.view)) {
    if (pull.run === undefined) continue;
    for (const item of pull.items) {
      const name = `${facts.clients.indexOf(pull.run)} ${pull.exchange.header.member} ${item.key} ${item.epoch}`;
      const steps = found.get(name) ?? [];
      found.set(name, steps);
      steps.push({ pull, item });
    }
  }
  return [...found].map(([name, steps]) => ({ name, steps }));
}

/** How far a queue was read, by the answers that had been sent before a place: where the next PULL begins. */
function reachBefore(
  reading: Reading,
  index: number,
  ms: number,
  first: number,
): { readonly surely: number; readonly atMost: number; readonly by: FrameSeen | undefined } {
  let surely = first;
  let atMost = first;
  let by: FrameSeen | undefined;
  const answers = reading.steps
    .flatMap(({ pull, item }) =>
      pull.answer !== undefined && item.result !== undefined && pull.answer.index < index
        ? [{ answer: pull.answer, item, result: item.result }]
        : [],
    )
    .toSorted((a, b) => a.answer.index - b.answer.index);
  for (const { answer, item, result } of answers) {
    const moved =
      result.code === 0 ? Math.max(atMost, result.nextOffset) : result.code === OUT_OF_RANGE ? result.nextOffset : atMost;
    atMost = result.code === OUT_OF_RANGE ? Math.max(atMost, moved) : moved;
    if (answer.atMs > ms || (result.code !== 0 && result.code !== OUT_OF_RANGE)) continue;
    if (item.offset > surely) continue;
    surely = result.code === OUT_OF_RANGE ? result.nextOffset : Math.max(surely, result.nextOffset);
    by = answer;
  }
  return { surely, atMost, by };
}

const pullsOn: Clause = {
  id: 'QNT-PUL-028',
  roles: ['consumer'],
  check(view, judge) {
    const facts = factsOf(view);
    for (const reading of readings(facts)) {
      const first = reading.steps[0]?.item.offset ?? 0;
      for (const { pull, item } of reading.steps.slice(1)) {
        const { surely, atMost, by } = reachBefore(reading, pull.request.index, pull.request.atMs - view.slackMs, first);
        if (item.offset > atMost)
          judge.fail(
            pull.request,
            `expected queue ${item.key} to be pulled on at ${atMost} at the most, as no answer said more, got ${item.offset}`,
            'offset',
          );
        else if (by !== undefined && item.offset === surely) judge.pass(pull.request);
        else if (
          item.offset < surely &&
          hasNothingBetween(facts, pull, item, surely) &&
          spanOf(facts, pull, item)?.told.last.index === firstTold(facts, pull, item)
        )
          judge.fail(
            pull.request,
            `expected queue ${item.key} to be pulled on at the next_offset ${surely}, got ${item.offset}`,
            'offset',
          );
      }
    }
  },
};

const spanOf = (facts: Facts, { run, request }: PullSeen, { key, epoch }: PullItem) =>
  run === undefined
    ? undefined
    : spansFor(facts, run, key).findLast((span) => span.epoch === epoch && span.told.last.index < request.index);

/** The place at which a lease was told first: one that was lost and told again may be read again. */
const firstTold = (facts: Facts, { run }: PullSeen, { key, epoch }: PullItem): number | undefined =>
  run === undefined ? undefined : spansFor(facts, run, key).find((span) => span.epoch === epoch)?.told.last.index;

/** Whether all messages for a client between two offsets of a queue were delivered to it long ago. */
function hasNothingBetween(facts: Facts, { run, request }: PullSeen, { key, offset }: PullItem, to: number): boolean {
  if (run === undefined) return false;
  const log = logOf(facts.view).get(key);
  for (let at = offset; at < to; at++) {
    const message = log?.get(at);
    if (message === undefined) return false;
    if (!message.readable || !wants(run, message)) continue;
    const delivered = deliveriesOf(facts.view).some(
      (one) => one.run === run && one.key === key && one.offset === at && one.ms < request.atMs - facts.view.slackMs,
    );
    if (!delivered) return false;
  }
  return true;
}

/** A message twice under one lease, though its handler did not fail. */
const dropsWhatWasAsked: Clause = {
  id: 'QNT-PUL-029',
  roles: ['consumer'],
  check(view, judge) {
    const facts = factsOf(view);
    for (const reading of readings(facts)) {
      const leastAsked = Math.min(...reading.steps.map(({ item }) => item.offset));
      for (const { pull, item } of reading.steps) {
        const begins = item.result?.batches.find(({ fault }) => fault === undefined)?.baseOffset ?? item.offset;
        if (pull.run === undefined || pull.answer === undefined || begins >= leastAsked || item.offset !== leastAsked) continue;
        const below = deliveriesOf(view).find(
          (one) =>
            one.run === pull.run &&
            one.key === item.key &&
            one.offset < leastAsked &&
            one.index > (pull.answer?.index ?? 0) &&
            !isReadOtherwise(facts, one, reading),
        );
        const within = deliveriesOf(view).some(
          (one) =>
            one.run === pull.run && one.key === item.key && one.offset >= leastAsked && one.index > (pull.answer?.index ?? 0),
        );
        if (below !== undefined)
          judge.fail(
            below.index,
            `expected nothing below the offset ${leastAsked} that was asked for, got ${below.offset} of ${item.key}`,
          );
        else if (within) judge.pass(pull.answer);
      }
    }
    for (const run of facts.clients) if (!mayFail(facts, run)) judgeOnce(facts, judge, run);
  },
};

/** Under another lease the same client may have begun lower. */
const isReadOtherwise = (
  facts: Facts,
  { run, key, offset }: { run: ClientRun; key: string; offset: number },
  reading: Reading,
): boolean =>
  readings(facts).some(
    (other) =>
      other.name !== reading.name &&
      other.steps.some(({ pull, item }) => pull.run === run && item.key === key && item.offset <= offset),
  );

function judgeOnce(facts: Facts, judge: Judge, run: ClientRun): void {
  const seen = new Map<string, number>();
  for (const one of deliveriesOf(facts.view).filter((delivery) => delivery.run === run)) {
    const name = `${one.key} ${one.offset}`;
    const before = seen.get(name);
    seen.set(name, one.index);
    if (before !== undefined && isOneReading(facts, run, one.key, before, one.index))
      judge.fail(one.index, `expected offset ${one.offset} of ${one.key} once under one lease, got it a second time`);
  }
}

/** Whether the client had the queue all the time between two places, under one lease. */
function isOneReading(facts: Facts, run: ClientRun, key: string, from: number, to: number): boolean {
  if (run.args.mode === 'broadcasting' || run.args.mode === 'groupless') return true;
  const spans = spansFor(facts, run, key);
  return (
    spans.some(({ told, gone }) => told.last.index < from && (gone === undefined || gone.index > to)) &&
    !spans.some(({ told }) => told.last.index > from && told.last.index < to)
  );
}

/** What is handed out has passed the filter; what passes it and is not handed out is found by QNT-PUL-033. */
const filtersExactly = (id: string): Clause => ({
  id,
  roles: ['consumer'],
  check(view, judge) {
    const facts = factsOf(view);
    for (const { run, key, offset, index, topic, tag } of deliveriesOf(view)) {
      const message = logOf(view).get(key)?.get(offset);
      const truth = message?.tag ?? tag;
      const passes = wants(run, { topic, tag: truth });
      if (!passes)
        judge.fail(
          index,
          `expected messages that pass the filter only, got offset ${offset} of ${key} with the tag ${JSON.stringify(truth)}`,
        );
      else if (hasOthers(facts, run, key)) judge.pass(index);
    }
  },
});

/** Whether the queue has messages that the filter keeps out. */
const hasOthers = ({ view }: Facts, run: ClientRun, key: string): boolean =>
  [...(logOf(view).get(key)?.values() ?? [])].some((message) => !wants(run, message));

const brokenAnswers: Clause = {
  id: 'QNT-PUL-031',
  roles: ['consumer'],
  check(view, judge) {
    const facts = factsOf(view);
    for (const { fault, answer, request, run } of pullsOf(view)) {
      if (fault === undefined || answer === undefined || run === undefined) continue;
      const end = endOfConnection(facts, request.connection);
      const dueMs = answer.atMs + SOON_MS + view.slackMs;
      const again = facts.connections.some(
        ({ node, openedAtMs }) => node === request.connection.node && openedAtMs >= answer.atMs,
      );
      if (end.by === 'subject' && end.ms <= dueMs) {
        if (again) judge.pass(answer);
      } else if (end.ms > dueMs)
        judge.fail(answer, `expected a new connection after an answer to PULL that ${fault}, got the old one still open`);
    }
  },
};

const outOfRange: Clause = {
  id: 'QNT-PUL-032',
  roles: ['consumer'],
  needs: ['events'],
  check(view, judge) {
    const facts = factsOf(view);
    for (const reading of readings(facts)) {
      reading.steps.forEach(({ pull, item }, i) => {
        const { answer, run } = pull;
        if (item.result?.code !== OUT_OF_RANGE || answer === undefined || run === undefined) return;
        // What asks the same once more may have crossed the answer.
        const next = reading.steps
          .slice(i + 1)
          .find(
            (step) =>
              step.pull.request.index > answer.index &&
              (step.item.offset !== item.offset || step.pull.request.atMs > answer.atMs + view.slackMs),
          );
        const dueMs = answer.atMs + SOON_MS + view.slackMs;
        const { nextOffset } = item.result;
        if (next !== undefined)
          judgeThat(
            judge,
            next.pull.request,
            next.item.offset === nextOffset,
            () => `expected ${item.key} to go on at ${nextOffset} after OFFSET_OUT_OF_RANGE, got ${next.item.offset}`,
            'offset',
          );
        else if (facts.end.ms > dueMs + 3_000 && runsAt(run, facts.end.index - 1) && isHeldUntil(facts, pull, item, dueMs))
          judge.fail(
            answer,
            `expected ${item.key} to go on at ${nextOffset} after OFFSET_OUT_OF_RANGE, got no further PULL for it`,
          );
        if (tellsEvents(view) && facts.end.ms > dueMs) judgeTold(facts, judge, run, answer, 'OFFSET_OUT_OF_RANGE');
      });
    }
  },
};

const isHeldUntil = (facts: Facts, pull: PullSeen, item: PullItem, ms: number): boolean => {
  const span = spanOf(facts, pull, item);
  return span === undefined || span.gone === undefined || span.gone.ms > ms;
};

/** The application hears of an error with a code. */
export function judgeTold(facts: Facts, judge: Judge, run: ClientRun, at: FrameSeen, code: string): void {
  const told = facts.view
    .told('error')
    .find(
      ({ args, client, index, atMs }) =>
        client === run.name &&
        index > at.index &&
        atMs <= at.atMs + SOON_MS + facts.view.slackMs &&
        isObject(args) &&
        isObject(args.error) &&
        args.error.code === code,
    );
  judgeThat(judge, at, told !== undefined, () => `expected the application to be told of ${code}, got no event "error" with it`);
}

export const PULL_CLAUSES: readonly Clause[] = [
  pullsOn,
  dropsWhatWasAsked,
  filtersExactly('QNT-PUL-030'),
  filtersExactly('QNT-NAM-009'),
  brokenAnswers,
  outOfRange,
];
