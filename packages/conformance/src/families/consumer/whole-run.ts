import { codeNumber } from '@qanat/core';
import type { Clause, Judge } from '../../clause/clause.ts';
import { type ClientRun, endOfConnection, type Facts, factsOf, once, runsAt, served } from '../clients/facts.ts';
import { deliveriesOf, isPlain } from './deliveries.ts';
import { lossesOf, spansOf } from './leases.ts';
import { groupOf, isMember, type Logged, logOf, wants } from './log.ts';
import { pullsOf } from './pulls.ts';

/** How long a message may lie when nothing disturbs its readers. */
const CALM_MS = 6_000;
/** A new connection, its back-off, a heartbeat and a new lease. */
const AFTER_BREAK_MS = 15_000;
/** Until a PULL that was lost is taken for lost, and what follows. */
const AFTER_LOSS_MS = 45_000;

/** Deeds that make nothing wait. */
const HARMLESS = new Set(['grease', 'twice', 'again', 'pieces', 'split', 'splitRoutes', 'stray']);
/** Deeds that look like a lost server. */
const LOSING = new Set(['drop', 'delay']);

interface Trouble {
  readonly ms: number;
  readonly patienceMs: number;
}

/** What may have kept messages from their readers. */
const troublesOf = once((facts: Facts): readonly Trouble[] => {
  const { view, end, outages, meddled, clients, connections } = facts;
  const nodes = outages.flatMap(({ from, to }) =>
    [from.ms, Math.min(to.ms, end.ms)].map((ms) => ({ ms, patienceMs: AFTER_LOSS_MS })),
  );
  const deeds = meddled
    .filter(({ what, index }) => !HARMLESS.has(what) && index < end.index)
    .map(({ atMs, what }) => ({
      ms: atMs + (what === 'delay' ? 2_000 : 0),
      patienceMs: LOSING.has(what) ? AFTER_LOSS_MS : AFTER_BREAK_MS,
    }));
  const breaks = connections
    .map((connection) => endOfConnection(facts, connection))
    .filter(({ by }) => by !== 'open')
    .map(({ ms }) => ({ ms, patienceMs: AFTER_BREAK_MS }));
  const people = clients.flatMap(({ start, closing, killed }) => [
    { ms: start.ms, patienceMs: CALM_MS },
    ...(closing.index < end.index ? [{ ms: closing.ms, patienceMs: killed ? AFTER_BREAK_MS + 5_000 : AFTER_LOSS_MS }] : []),
  ]);
  const changes = view
    .of('step')
    .filter(({ op }) => op === 'addQueues' || op === 'createTopic')
    .map(({ atMs }) => ({ ms: atMs, patienceMs: CALM_MS }));
  return [...nodes, ...deeds, ...breaks, ...people, ...changes];
});

/** Whether a message that was there at a time should be with its readers by the end. */
const isDue = (facts: Facts, { ms }: Logged): boolean =>
  facts.end.ms > ms + CALM_MS + facts.view.slackMs &&
  troublesOf(facts.view).every((trouble) => facts.end.ms > trouble.ms + trouble.patienceMs + facts.view.slackMs);

/** Readers that share the work, or one that reads alone. */
interface Readers {
  readonly name: string;
  readonly runs: readonly ClientRun[];
}

function readersOf({ clients }: Facts): readonly Readers[] {
  const groups = new Map<string, ClientRun[]>();
  for (const run of clients) {
    if (run.role !== 'consumer' || run.refusal !== undefined) continue;
    const name = isMember(run) ? `group ${groupOf(run)}` : `consumer ${run.name}`;
    groups.set(name, [...(groups.get(name) ?? []), run]);
  }
  return [...groups].map(([name, runs]) => ({ name, runs }));
}

const runsToTheEnd = (facts: Facts, run: ClientRun): boolean =>
  run.ready !== undefined &&
  runsAt(run, facts.end.index - 1) &&
  run.closing.index >= facts.end.index &&
  run.ended === undefined &&
  isPlain(facts, run, facts.end.index - 1);

/** Where a reader began: what was stored before may not be for it. */
function beginOf(facts: Facts, { runs }: Readers, key: string): number | undefined {
  const from = runs[0]?.args.from;
  if (from === 'first') return 0;
  const first = spansOf(facts.view).find((span) => span.key === key && span.run !== undefined && runs.includes(span.run));
  return first?.startOffset;
}

/** Passed on purpose: the broker said that it is gone, or what came cannot be read. */
function isExcused(facts: Facts, { runs }: Readers, { key, offset, readable }: Logged): boolean {
  if (!readable) return true;
  return pullsOf(facts.view).some(
    ({ run, items, answer, fault }) =>
      run !== undefined &&
      runs.includes(run) &&
      (fault !== undefined ||
        (answer !== undefined &&
          items.some(
            (item) =>
              item.key === key &&
              ((item.result?.code === codeNumber('OFFSET_OUT_OF_RANGE') &&
                item.offset <= offset &&
                offset < item.result.nextOffset) ||
                (item.result?.batches.some((batch) => batch.fault !== undefined) === true &&
                  item.offset <= offset &&
                  offset < (item.result?.nextOffset ?? 0))),
          ))),
  );
}

/** Leases that the kit lied away: their queues may begin anew wherever they are told. */
const wasFenced = (facts: Facts): boolean =>
  lossesOf(facts.view).some(
    ({ frame }) =>
      frame.from === 'kit' && facts.meddled.some(({ index, frame: name }) => index < frame.index && name === frame.name),
  );

/** Judges for one kind of readers whether everything that was stored has arrived. */
export function judgeArrivals(facts: Facts, judge: Judge, wanted: (readers: Readers) => boolean): void {
  const disturbed = troublesOf(facts.view).some(({ patienceMs }) => patienceMs > CALM_MS);
  for (const readers of readersOf(facts).filter(wanted)) {
    const arrived = new Set(
      deliveriesOf(facts.view)
        .filter(({ run }) => readers.runs.includes(run))
        .map(({ key, offset }) => `${key} ${offset}`),
    );
    const reader = readers.runs.findLast((run) => runsToTheEnd(facts, run));
    for (const queue of logOf(facts.view).values())
      for (const message of queue.values()) {
        const run = reader ?? readers.runs[0];
        if (run === undefined || !wants(run, message)) continue;
        if (arrived.has(`${message.key} ${message.offset}`)) {
          if (disturbed) judge.pass(message.index);
        } else if (reader !== undefined) judgeMissing(facts, judge, readers, message);
      }
  }
}

function judgeMissing(facts: Facts, judge: Judge, readers: Readers, message: Logged): void {
  const begin = beginOf(facts, readers, message.key);
  if (
    begin === undefined ||
    message.offset < begin ||
    isExcused(facts, readers, message) ||
    !isDue(facts, message) ||
    wasFenced(facts)
  )
    return;
  if (!served(facts, message.broker, Math.max(message.ms, facts.end.ms - CALM_MS), facts.end.ms)) return;
  const waitedMs = Math.round(facts.end.ms - message.ms);
  judge.fail(
    message.index,
    `expected offset ${message.offset} of ${message.key} to be handed out to ${readers.name}, got nothing of it in ${waitedMs} ms, nor a word that it stopped`,
  );
}

/** A new connection to a broker, or an answer that is worth another try: everything arrives in the end. */
export const goesOn: Clause = {
  id: 'QNT-PUL-033',
  roles: ['consumer'],
  check(view, judge) {
    judgeArrivals(factsOf(view), judge, ({ runs }) => runs.some(isMember));
  },
};
