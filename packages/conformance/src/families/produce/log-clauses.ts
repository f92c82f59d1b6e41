// What shows of the log over the wire (spec, chapter 16).
import type { Clause, Judge } from '../../clause/clause.ts';
import { replicaTold } from '../../history/replica-told.ts';
import type { ConnectionSeen, Exchange, Header } from '../../history/view.ts';
import { type Analysis, clauseOf } from './analysis.ts';
import { refusalOf } from './batch-oracle.ts';
import type { Reading } from './readings.ts';

/** Connections that were greeted by a broker that tells a term, in the order of their greeting. */
const greeted = ({ view }: Analysis): readonly ConnectionSeen[] =>
  view.connections.filter(({ helloOk, openedBy }) => openedBy === 'kit' && helloOk !== undefined && helloOk.term > 0);

const greetingOf = (connection: ConnectionSeen): number => connection.hello?.response?.index ?? 0;

const terms = clauseOf(
  'QNT-LOG-003',
  (analysis, judge) => {
    const { lives } = analysis;
    // In a group a term is that of a master, and not of a life.
    if (replicaTold(analysis.view) !== undefined) return;
    let before: { term: number; life: number; index: number } | undefined;
    for (const connection of greeted(analysis)) {
      const index = greetingOf(connection);
      const now = { term: connection.helloOk.term as number, life: lives.lifeAt(connection.hello?.request.index ?? 0), index };
      const at = connection.hello?.response ?? index;
      if (before !== undefined && now.life > before.life && !lives.mayLose(before.index, index)) {
        if (now.term > before.term) judge.pass(at);
        else
          judge.fail(
            at,
            `a broker begins each life with a higher term: expected more than ${before.term}, got ${now.term}`,
            'term',
          );
      }
      if (before === undefined || now.term >= before.term) before = now;
    }
  },
  { needs: ['kill'] },
);

/** A life of the broker that begins behind a note of the program. */
function livesAfter({ view, lives }: Analysis, note: string): readonly { readonly life: number; readonly start: number }[] {
  return view.notes(note).flatMap(({ index }) => {
    const start = lives.starts.find((one) => one > index);
    return start === undefined ? [] : [{ start, life: lives.lifeAt(start + 1) }];
  });
}

/** The broker is there again, and what it serves is whole. */
function judgeServes(analysis: Analysis, judge: Judge, { life, start }: { readonly life: number; readonly start: number }): void {
  const { view, lives } = analysis;
  const next = lives.deaths.find(({ index }) => index > start)?.index ?? view.events.length;
  const refused = view.of('refused').find(({ index }) => index > start && index < next);
  if (refused !== undefined)
    judge.fail(refused.index, `expected the broker to serve again, and it took no connection: ${refused.why}`);
  for (const reading of analysis.readings) if (lives.lifeAt(reading.start) === life) judgeWhole(judge, reading);
}

function judgeWhole(judge: Judge, { batches, frame, isCut }: Reading): void {
  const torn = batches.find(({ bytes }) => refusalOf(bytes, Number.POSITIVE_INFINITY) !== undefined);
  if (torn !== undefined || isCut) judge.fail(frame, `expected whole batches after a power cut, got one that breaks its format`);
  else judge.pass(frame);
}

const tornTail = clauseOf(
  'QNT-LOG-010',
  (analysis, judge) => {
    for (const life of livesAfter(analysis, 'powerloss')) judgeServes(analysis, judge, life);
  },
  { needs: ['powerloss'] },
);

/** A start that was broken off changes nothing of what the next one finds. */
const interrupted = clauseOf(
  'QNT-LOG-012',
  (analysis, judge) => {
    for (const life of livesAfter(analysis, 'start broken off')) {
      judgeServes(analysis, judge, life);
      judgeSame(analysis, judge, life.start);
    }
  },
  { needs: ['kill'], timing: 'virtual' },
);

/** The queues end where they ended before. */
function judgeSame(analysis: Analysis, judge: Judge, start: number): void {
  const { lives, readingsIn } = analysis;
  for (const readings of readingsIn.values()) {
    const before = readings.findLast(({ end, highWatermark }) => end < start && highWatermark !== undefined);
    const after = readings.find((one) => one.start > start && one.highWatermark !== undefined);
    if (before === undefined || after === undefined || lives.mayLose(before.start, after.end)) continue;
    const [least, got] = [before.highWatermark as number, after.highWatermark as number];
    if (got >= least) judge.pass(after.frame);
    else judge.fail(after.frame, `expected the queue to end at ${least} or later, as before, got ${got}`, 'high_watermark');
  }
}

// ---- what goes on while the disk is full ----

interface Commit {
  readonly exchange: Exchange;
  readonly group: string;
  readonly topic: string;
  readonly queue: number;
  readonly offset: number;
}

const commitsOf = ({ view }: Analysis): readonly Commit[] =>
  view
    .requests('OFFSET_COMMIT', 'kit')
    .filter(({ answer, header }) => answer !== undefined && header !== undefined && answer.results.length === 0)
    .flatMap((exchange) =>
      (exchange.header.offsets as Header[]).map(({ topic, queue, offset }: Header) => ({
        exchange,
        group: exchange.header.group,
        topic,
        queue,
        offset,
      })),
    );

/** Whatever wrote to the group, and may have changed what the broker keeps of it. */
const writes = (analysis: Analysis, { group }: Commit): number =>
  analysis.view.exchanges.filter(
    ({ name, header }) => (name === 'OFFSET_COMMIT' || name === 'GROUP_RESET') && header?.group === group,
  ).length;

const statesGoOn = clauseOf(
  'QNT-LOG-015',
  (analysis, judge) => {
    const { view, lives } = analysis;
    for (const commit of commitsOf(analysis)) {
      const { request, response } = commit.exchange;
      if (response === undefined || !analysis.isDiskFull(request.index, response.index) || writes(analysis, commit) !== 1)
        continue;
      for (const fetch of view.requests('OFFSET_FETCH', 'kit')) {
        const { header, answer } = fetch;
        if (answer === undefined || fetch.response === undefined || header?.group !== commit.group) continue;
        if (fetch.request.index < response.index || lives.mayLose(response.index, fetch.request.index)) continue;
        const found = (answer.offsets as Header[]).find(
          ({ topic, queue }: Header) => topic === commit.topic && queue === commit.queue,
        );
        if (found === undefined) continue;
        const got = found.committed ? found.offset : 'none';
        if (got === commit.offset) judge.pass(fetch.response);
        else
          judge.fail(
            fetch.response,
            `an offset that was committed while the disk was full has to be there: expected ${commit.offset}, got ${got}`,
            'offset',
          );
      }
    }
  },
  { needs: ['settings'] },
);

// ---- what leaves a queue ----

const oldestFirst = clauseOf(
  'QNT-LOG-017',
  (analysis, judge) => {
    for (const readings of analysis.readingsIn.values()) {
      readings.forEach((later, i) => {
        const before = readings.slice(0, i).findLast(({ end, oldestOffset }) => end < later.start && oldestOffset !== undefined);
        if (before === undefined || later.oldestOffset === undefined || analysis.lives.mayLose(before.start, later.end)) return;
        judgeLeft(judge, before, later, analysis.lives.between(before.start, later.end).length > 0);
      });
      for (const reading of readings) judgeNoGap(judge, reading);
    }
  },
  { needs: ['settings'] },
);

/** @param restarted what was about to leave may be back, all of it. */
function judgeLeft(judge: Judge, before: Reading, later: Reading, restarted: boolean): void {
  const [wasOldest, oldest] = [before.oldestOffset as number, later.oldestOffset as number];
  const [was, end] = [before.highWatermark as number, later.highWatermark as number];
  if (oldest < wasOldest && !restarted)
    judge.fail(later.frame, `the oldest offset was ${wasOldest}, and is ${oldest}`, 'oldest_offset');
  else if (end < was) judge.fail(later.frame, `the next offset was ${was}, and is ${end}`, 'high_watermark');
  else if (oldest > wasOldest || (oldest > 0 && oldest === end)) judge.pass(later.frame);
}

/** Behind the oldest offset nothing is missing. */
function judgeNoGap(judge: Judge, { isWhole, code, from, oldestOffset, batches, frame }: Reading): void {
  const [first] = batches;
  if (!isWhole || code !== 'OK' || first === undefined || oldestOffset === undefined || oldestOffset === 0) return;
  const { baseOffset } = first.fields;
  if (from < oldestOffset) return;
  if (baseOffset > from) judge.fail(frame, `expected the batch that holds offset ${from}, got one from ${baseOffset} on`);
  else judge.pass(frame);
}

export const LOG_CLAUSES: readonly Clause[] = [terms, tornTail, interrupted, statesGoOn, oldestFirst];
