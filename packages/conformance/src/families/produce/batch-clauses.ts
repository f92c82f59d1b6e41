import type { Clause, Judge } from '../../clause/clause.ts';
import { replicaTold } from '../../history/replica-told.ts';
import type { FrameSeen } from '../../history/view.ts';
import { type Analysis, clauseOf } from './analysis.ts';
import { type BatchFields, differsAt, hasReservedBits, headerChecksumOf, type Oddity, oddityOf } from './batch-oracle.ts';
import { type Expectation, saidOf } from './decode-order.ts';
import { judgeInvisible } from './invisible.ts';
import type { Reading, Stored } from './readings.ts';
import type { Send } from './sends.ts';

const answerOf = (send: Send): FrameSeen => send.exchange?.response as FrameSeen;

/** What was read of a SEND that was answered as stored. */
interface Read {
  readonly send: Send;
  readonly stored: Stored;
  readonly reading: Reading;
}

function readsOf(analysis: Analysis): readonly Read[] {
  return analysis.sends.flatMap((send) => {
    const place = send.outcome === 'stored' ? analysis.placeOf(send) : undefined;
    const readings = place === undefined ? [] : (analysis.readingsIn.get(place) ?? []);
    return readings.flatMap((reading) => {
      // Without an end of its own the broker's answer is not known yet; with a loss between, another may stand there.
      if (analysis.lives.mayLose(send.start, reading.end)) return [];
      const stored = reading.batches.find(({ fields }) => fields.baseOffset === send.offset);
      return stored === undefined ? [] : [{ send, stored, reading }];
    });
  });
}

/** What is wrong with the broker's fields of a stored batch. */
function stampError(analysis: Analysis, { send, stored }: Read): { what: string; field: string } | undefined {
  const { term, headerChecksum, storeTimeMs } = stored.fields;
  const wanted = headerChecksumOf(stored.bytes);
  if (headerChecksum !== wanted)
    return { what: `expected header checksum ${wanted}, got ${headerChecksum}`, field: 'header_checksum' };
  if (storeTimeMs !== send.storeTimeMs)
    return { what: `expected store time ${send.storeTimeMs}, as SEND was answered, got ${storeTimeMs}`, field: 'store_time' };
  const least: number = send.connection.helloOk.term;
  const next = analysis.view.connections.find(
    ({ helloOk, hello }) =>
      helloOk !== undefined && analysis.lives.lifeAt(hello?.request.index ?? 0) > analysis.lives.lifeAt(send.end),
  );
  const most: number = next?.helloOk.term || Number.POSITIVE_INFINITY;
  // In a group a term is that of a master, and not of a life.
  if (replicaTold(analysis.view) === undefined && (term < least || term >= most))
    return { what: `expected the term of its life, ${least}, got ${term}`, field: 'term' };
  return undefined;
}

const stamped = clauseOf('QNT-BAT-002', (analysis, judge) => {
  for (const read of readsOf(analysis)) {
    const at = differsAt(read.send.batch, read.stored.bytes);
    const error = stampError(analysis, read);
    const { frame } = read.reading;
    const what = `the batch at offset ${read.send.offset}`;
    if (at !== -1)
      judge.fail(
        frame,
        `${what}: expected byte ${at} as it was sent, ${read.send.batch[at] ?? 'none'}, got ${read.stored.bytes[at] ?? 'none'}`,
        `byte ${read.stored.bytes.byteOffset - frame.bytes.byteOffset + at}`,
      );
    else if (error !== undefined) judge.fail(frame, `${what}: ${error.what}`, error.field);
    else judge.pass(frame);
  }
});

const served = clauseOf('QNT-BAT-003', (analysis, judge) => {
  for (const [place, readings] of analysis.readingsIn) {
    const seen = new Map<number, { stored: Stored; reading: Reading }>();
    for (const reading of readings) {
      if (reading.isCut) judge.fail(reading.frame, `expected whole batches of ${place}, got bytes that are none`);
      for (const stored of reading.batches) judgeAgain(analysis, judge, seen, stored, reading);
    }
  }
});

/** The same bytes as whoever read the place before. */
function judgeAgain(
  { lives }: Analysis,
  judge: Judge,
  seen: Map<number, { stored: Stored; reading: Reading }>,
  stored: Stored,
  reading: Reading,
): void {
  const { baseOffset } = stored.fields;
  const before = seen.get(baseOffset);
  if (before === undefined || lives.mayLose(before.reading.start, reading.end)) {
    seen.set(baseOffset, { stored, reading });
    return;
  }
  const { bytes } = before.stored;
  const length = Math.max(bytes.length, stored.bytes.length);
  let at = 0;
  while (at < length && bytes[at] === stored.bytes[at]) at++;
  if (at === length) judge.pass(reading.frame);
  else
    judge.fail(
      reading.frame,
      `the batch at offset ${baseOffset}: expected byte ${at} as another PULL got it, ${bytes[at] ?? 'none'}, got ${stored.bytes[at] ?? 'none'}`,
    );
}

// ---- what is taken, and what is not ----

const REFUSED: ReadonlySet<string> = new Set(['INVALID_BATCH', 'BATCH_TOO_LARGE']);

/** The batch decided, or nothing did before it. */
const reachedBatch = (analysis: Analysis): readonly Expectation[] =>
  analysis.expectations.filter(
    ({ line, send }) => line >= 3 && (line === 3 || send.code === undefined || REFUSED.has(send.code)),
  );

function judgeRefusal(judge: Judge, { send, refusal, why }: Expectation): void {
  if (send.code === refusal?.code) judge.pass(answerOf(send));
  // Another line of the table of SEND decided: that is QNT-SND-037.
  else if (send.code === undefined || REFUSED.has(send.code))
    judge.fail(answerOf(send), `expected ${refusal?.code}, since ${why}, got ${saidOf(send)}`, 'code');
}

const refusedAt = (id: string, concerns: (expectation: Expectation) => boolean): Clause =>
  clauseOf(id, (analysis, judge) => {
    for (const expectation of reachedBatch(analysis))
      if (expectation.line === 3 && concerns(expectation)) judgeRefusal(judge, expectation);
  });

const inOrder = clauseOf('QNT-BAT-019', (analysis, judge) => {
  for (const expectation of reachedBatch(analysis)) {
    const { line, send } = expectation;
    if (line === 3) judgeRefusal(judge, expectation);
    else if (oddityOf(send.batch) === undefined) judgeTaken(judge, send, 'a batch as it should be');
  }
  judgeInvisible(analysis, judge, ({ code }) => code === 'INVALID_BATCH' || code === 'BATCH_TOO_LARGE');
});

function judgeTaken(judge: Judge, send: Send, what: string): void {
  if (send.code === undefined) judge.pass(answerOf(send));
  else judge.fail(answerOf(send), `expected ${what} to be taken, got ${send.code}`, 'code');
}

/** What a broker has to take, whatever it thinks of it. */
const takes = (id: string, oddity: Oddity, what: string, more: (analysis: Analysis, judge: Judge) => void = () => {}): Clause =>
  clauseOf(id, (analysis, judge) => {
    for (const { line, send } of reachedBatch(analysis))
      if (line > 3 && oddityOf(send.batch) === oddity) judgeTaken(judge, send, what);
    more(analysis, judge);
  });

/** A stored batch says what the broker set, not what the producer wrote there. */
function judgeOverwritten(analysis: Analysis, judge: Judge): void {
  for (const { send, stored, reading } of readsOf(analysis)) {
    if (oddityOf(send.batch) !== "broker's fields") continue;
    const { storeTimeMs } = stored.fields;
    const sent = send.fields as BatchFields;
    if (storeTimeMs === send.storeTimeMs) judge.pass(reading.frame);
    else
      judge.fail(
        reading.frame,
        `its producer wrote store time ${sent.storeTimeMs}, which has to be ignored: expected ${send.storeTimeMs}, got ${storeTimeMs}`,
      );
  }
}

/** Whoever asks for a tag gets the batch: its column is found behind the longer header. */
function judgeColumns(analysis: Analysis, judge: Judge): void {
  for (const { send, reading } of readsOf(analysis))
    if (!reading.isWhole && oddityOf(send.batch) === 'longer header') judge.pass(reading.frame);
  for (const note of analysis.view.notes('has-tag')) judgeTagged(analysis, judge, note.args as { topic: string; tag: string });
}

/** All that the program stored in this topic has a record with the tag. */
function judgeTagged(analysis: Analysis, judge: Judge, { topic, tag }: { topic: string; tag: string }): void {
  for (const send of analysis.sends) {
    if (send.topic !== topic || send.outcome !== 'stored' || oddityOf(send.batch) !== 'longer header') continue;
    const place = analysis.placeOf(send) ?? '';
    for (const { exchange, frame, from, nextOffset, start, batches, code } of analysis.readingsIn.get(place) ?? []) {
      const filter = exchange.header.topics[0]?.filter;
      const offset = send.offset as number;
      const passed = code === 'NOTHING' || nextOffset > offset;
      if (filter !== tag || start < send.end || from > offset || !passed || analysis.lives.mayLose(send.end, start)) continue;
      if (!batches.some(({ fields }) => fields.baseOffset === offset))
        judge.fail(
          frame,
          `the batch at offset ${offset} has a record with tag ${tag} behind a header of more than 64 bytes, and is left out`,
        );
    }
  }
}

// ---- times ----

const storeTimes = clauseOf('QNT-BAT-017', (analysis, judge) => {
  const stored = analysis.sends.filter(({ outcome }) => outcome === 'stored').sort((a, b) => a.end - b.end);
  for (const send of stored) {
    const before = stored.findLast(({ end }) => end < send.start);
    if (before === undefined || analysis.lives.mayLose(before.end, send.start)) continue;
    const [earlier, later] = [before.storeTimeMs as number, send.storeTimeMs as number];
    if (later >= earlier) judge.pass(answerOf(send));
    else judge.fail(answerOf(send), `a batch was stored at ${earlier}, and a later one at ${later}`, 'store_time_ms');
  }
  for (const { batches, frame } of analysis.readings) {
    const back = batches.find(({ fields }, i) => i > 0 && fields.storeTimeMs < (batches[i - 1] as Stored).fields.storeTimeMs);
    if (back !== undefined)
      judge.fail(frame, `the batch at offset ${back.fields.baseOffset} was stored before the one in front of it`);
  }
});

export const BATCH_CLAUSES: readonly Clause[] = [
  stamped,
  served,
  takes('QNT-BAT-004', "broker's fields", "a batch with something in the broker's fields", judgeOverwritten),
  refusedAt('QNT-BAT-006', ({ refusal }) => refusal?.line === 6),
  refusedAt('QNT-BAT-007', ({ refusal, send }) => refusal?.line === 7 && hasReservedBits(send.batch)),
  takes('QNT-BAT-008', 'ignored bits', 'a batch with bits 10 to 15 of its attributes set'),
  takes('QNT-BAT-009', 'longer header', 'a batch with a header of more than 64 bytes', judgeColumns),
  storeTimes,
  takes('QNT-BAT-018', 'compressed', 'a deflated batch'),
  inOrder,
  takes('QNT-BAT-020', 'records', 'a batch whose records cannot be read'),
];
