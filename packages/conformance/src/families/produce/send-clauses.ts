import { AckLevel } from '@qanat/core';
import type { Clause, Judge } from '../../clause/clause.ts';
import type { Exchange, FrameSeen, Header } from '../../history/view.ts';
import { type Analysis, clauseOf } from './analysis.ts';
import type { BatchFields } from './batch-oracle.ts';
import { type Expectation, LINE_OF, saidOf } from './decode-order.ts';
import { groupBy } from './facts.ts';
import { judgeInvisible } from './invisible.ts';
import type { Reading } from './readings.ts';
import { isSilent, mayBeStored, type Send } from './sends.ts';

const answerOf = (send: Send): FrameSeen => send.exchange?.response as FrameSeen;

const ackAndOneWay = clauseOf('QNT-SND-007', (analysis, judge) => {
  for (const { send, line, codes } of analysis.expectations) {
    if (line !== 1) continue;
    if (send.code === 'INVALID_ARGUMENT') judge.pass(answerOf(send));
    else
      judge.fail(answerOf(send), `a SEND with ACK_NONE that is not one-way: expected ${codes[0]}, got ${saidOf(send)}`, 'code');
  }
  judgeInvisible(analysis, judge, (send) => send.outcome === 'one-way' && !isSilent(send));
  judgeInvisible(analysis, judge, (send) => send.ack === AckLevel.ACK_NONE && send.outcome === 'rejected');
});

// ---- the order ----

/** What comes before the line that had to decide, or behind it; undefined where the answer belongs to another clause. */
function passedOver({ send, line, codes }: Expectation): string | undefined {
  const said = saidOf(send);
  if (codes.includes(said)) return undefined;
  const got = said === 'INVALID_ARGUMENT' ? 1 : (LINE_OF[said] ?? (send.code === undefined ? 8 : line));
  if (got === line || (line === 6 && got >= 6)) return undefined;
  // That a bad batch, or a stranger's, is stored breaks the rule about it, not the order.
  if (got === 8 && line >= 3) return undefined;
  // That a good batch is refused, or one by its holder, neither.
  return line === 6 && (got === 3 || got === 5) ? undefined : said;
}

const decodeOrder = clauseOf('QNT-SND-037', (analysis, judge) => {
  for (const expectation of analysis.expectations) {
    const { send, line, codes, why, contested } = expectation;
    const wrong = passedOver(expectation);
    const wanted =
      line === 6 ? 'its sequence or its place in the queue to decide' : `line ${line}: ${codes.join(' or ')}, since ${why}`;
    if (wrong !== undefined) judge.fail(answerOf(send), `expected ${wanted}; got ${wrong}`, 'code');
    else if (contested && codes.includes(saidOf(send))) judge.pass(answerOf(send));
  }
  for (const { send, expected, holds, noRoom } of analysis.sequences) {
    const isClear = expected.every(({ outcome }) => outcome !== 'STORE');
    if (noRoom && !holds && isClear)
      judge.fail(
        answerOf(send),
        `the sequence decides before there is room: expected ${expected[0]?.outcome}, got ${send.code}`,
        'code',
      );
    else if (isClear && holds && analysis.isDiskFull(send.start, send.end)) judge.pass(answerOf(send));
  }
});

// ---- a full disk ----

function commitFailures({ answer }: Exchange): readonly Header[] {
  return (answer?.results as Header[] | undefined) ?? [];
}

const diskFull = clauseOf(
  'QNT-SND-038',
  (analysis, judge) => {
    for (const { send, line, holding } of analysis.expectations) {
      const isNext = line === 6 && (holding === undefined || isStore(analysis, send));
      if (!isNext || !analysis.isDiskFull(send.start, send.end)) continue;
      if (send.code === 'DISK_FULL') judge.pass(answerOf(send));
      else judge.fail(answerOf(send), `free space is below the reserve: expected DISK_FULL, got ${saidOf(send)}`, 'code');
    }
    for (const exchange of analysis.view.requests('OFFSET_COMMIT', 'kit')) {
      const { request, response, code } = exchange;
      if (response === undefined || !analysis.isDiskFull(request.index, response.index)) continue;
      if (code === 'DISK_FULL' || code === 'STORAGE_REJECTED')
        judge.fail(response, `commits go on while the disk is full, and one was answered ${code}`, 'code');
      else if (code === undefined && commitFailures(exchange).length === 0) judge.pass(response);
    }
    judgeInvisible(analysis, judge, ({ code }) => code === 'DISK_FULL');
  },
  { needs: ['settings'] },
);

const isStore = (analysis: Analysis, send: Send): boolean =>
  analysis.sequences.some((one) => one.send === send && one.expected.every(({ outcome }) => outcome === 'STORE'));

// ---- offsets ----

const dense = clauseOf('QNT-SND-040', (analysis, judge) => {
  for (const reading of analysis.readings) judgeRow(reading, judge);
  // Where something else may have been stored, nobody knows what the next offset is.
  const unsure = new Set(analysis.sends.filter((send) => analysis.placeOf(send) === undefined).map(({ topic }) => topic));
  for (const sends of groupBy(analysis.sends, (send) => analysis.placeOf(send)).values()) {
    if (analysis.hasOddities || unsure.has((sends[0] as Send).topic)) continue;
    judgeNext(analysis, sends, judge);
    judgeOverlaps(analysis, sends, judge);
  }
});

/** What one PULL brought of one queue: each batch begins where the one before it ends. */
function judgeRow({ batches, isWhole, from, oldestOffset, frame }: Reading, judge: Judge): void {
  if (!isWhole || batches.length === 0) return;
  let next: number | undefined = from === 0 && oldestOffset === 0 ? 0 : undefined;
  for (const { fields } of batches) {
    if (next !== undefined && fields.baseOffset !== next)
      return judge.fail(frame, `expected a batch at offset ${next}, got one at offset ${fields.baseOffset}`);
    next = fields.baseOffset + fields.count;
  }
  judge.pass(frame);
}

/** Where everything before a batch was answered, its offset is the number of records before it. */
function judgeNext({ lives }: Analysis, sends: readonly Send[], judge: Judge): void {
  let next = 0;
  for (const [i, send] of sends.entries()) {
    const { outcome, offset, fields, start, end } = send;
    const overlaps = sends[i + 1] !== undefined && (sends[i + 1] as Send).start < end;
    if (outcome === 'unknown' || isOneWayStored(send) || overlaps || lives.mayLose(-1, end)) return;
    if (outcome !== 'stored') continue;
    if (offset === next) judge.pass(answerOf(send));
    else return judge.fail(answerOf(send), `expected the next offset of the queue, ${next}, got ${offset}`, 'base_offset');
    next += (fields as BatchFields).count;
    if (start > end) return;
  }
}

const isOneWayStored = (send: Send): boolean => send.outcome === 'one-way' && mayBeStored(send);

/** No two records have one offset, whoever sent them. */
function judgeOverlaps({ lives }: Analysis, sends: readonly Send[], judge: Judge): void {
  const stored = sends.filter(({ outcome }) => outcome === 'stored').sort((a, b) => (a.offset as number) - (b.offset as number));
  stored.forEach((send, i) => {
    const before = stored[i - 1];
    if (before === undefined || lives.mayLose(Math.min(before.start, send.start), Math.max(before.end, send.end))) return;
    const end = (before.offset as number) + (before.fields as BatchFields).count;
    if (end > (send.offset as number))
      judge.fail(
        answerOf(send),
        `two batches were told to lie at one offset: one ends at ${end}, another begins at ${send.offset}`,
        'base_offset',
      );
  });
}

export const SEND_CLAUSES: readonly Clause[] = [ackAndOneWay, decodeOrder, diskFull, dense];
