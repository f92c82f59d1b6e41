import { BatchAttribute, readBatchHeader, readUint16 } from '@qanat/core';
import type { Clause, Judge } from '../../clause/clause.ts';
import type { FrameSeen } from '../../history/view.ts';
import { isObject } from '../../json.ts';
import { numberOf } from '../../play/program.ts';
import { type ClientRun, type Facts, factsOf, once, runsAt } from '../clients/facts.ts';
import type { Fault, RecordSeen } from '../clients/records.ts';
import { deliveriesOf, isPlain, tellsEvents } from './deliveries.ts';
import { spansFor } from './leases.ts';
import { wants } from './log.ts';
import { type BatchBytes, pullsOf } from './pulls.ts';
import { hasExtraBytes, hasRecordAttributes, hasTwinProperties } from './record-form.ts';

/** Time to hand out what was pulled. */
const HAND_OUT_MS = 3_000;

/** A batch as it came to a client. */
interface Arrival {
  readonly run: ClientRun;
  readonly key: string;
  readonly topic: string;
  readonly asked: number;
  readonly nextOffset: number;
  readonly answer: FrameSeen;
  readonly batch: BatchBytes;
  /** The good ones behind it in the same result. */
  readonly behind: readonly BatchBytes[];
  readonly epoch: number;
}

const arrivalsOf = once((facts: Facts): readonly Arrival[] =>
  pullsOf(facts.view).flatMap(({ run, answer, items }): Arrival[] =>
    run === undefined || answer === undefined
      ? []
      : items.flatMap(({ key, topic, offset, epoch, result }) =>
          (result?.batches ?? []).map((batch, i, all) => ({
            run,
            key,
            topic,
            asked: offset,
            nextOffset: result?.nextOffset ?? 0,
            answer,
            batch,
            behind: all.slice(i + 1).filter(({ fault }) => fault === undefined),
            epoch,
          })),
        ),
  ),
);

/** Whether a client goes on handing out what came, for as long as the kit looks. */
function handsOut(facts: Facts, { run, key, answer, epoch }: Arrival): boolean {
  const untilMs = answer.atMs + HAND_OUT_MS + facts.view.slackMs;
  if (
    facts.end.ms <= untilMs ||
    run.closing.ms <= untilMs ||
    run.gone.ms <= untilMs ||
    !isPlain(facts, run) ||
    !runsAt(run, facts.end.index - 1)
  )
    return false;
  if (epoch === 0) return true;
  return spansFor(facts, run, key).some(
    (span) => span.epoch === epoch && span.releasing === undefined && (span.gone === undefined || span.gone.ms > untilMs),
  );
}

/** Records of a batch that the application has to get. */
const owed = ({ run, topic, asked }: Arrival, batch: BatchBytes): readonly RecordSeen[] =>
  batch.records.filter(({ offset, tag }) => offset >= asked && wants(run, { topic, tag }));

/** Says of good batches of some kind whether all their records arrive as they are. */
function judgeGood(facts: Facts, judge: Judge, what: string, isMeant: (batch: BatchBytes) => boolean): void {
  for (const arrival of arrivalsOf(facts.view)) {
    const { batch, run, key, answer } = arrival;
    if (batch.fault !== undefined || !isMeant(batch) || !handsOut(facts, arrival)) continue;
    const wrong = owed(arrival, batch)
      .map((record) => difference(facts, run, key, record))
      .find((one) => one !== undefined);
    if (wrong === undefined) judge.pass(answer);
    else judge.fail(answer, `expected the messages of a batch ${what}, got ${wrong}`);
  }
}

function difference(
  facts: Facts,
  run: ClientRun,
  key: string,
  { offset, body, tag, key: messageKey, properties }: RecordSeen,
): string | undefined {
  const got = deliveriesOf(facts.view).find((one) => one.run === run && one.key === key && one.offset === offset);
  if (got === undefined) return `nothing of offset ${offset}`;
  if (got.body !== body)
    return `the body ${JSON.stringify(got.body).slice(0, 40)} for ${JSON.stringify(body).slice(0, 40)} at offset ${offset}`;
  if (got.tag !== tag || got.messageKey !== messageKey)
    return `tag and key ${JSON.stringify([got.tag, got.messageKey])} for ${JSON.stringify([tag, messageKey])} at offset ${offset}`;
  const texts = (of: object): string => JSON.stringify(Object.entries(of).toSorted());
  return texts(got.properties) === texts(properties)
    ? undefined
    : `the properties ${texts(got.properties)} for ${texts(properties)} at offset ${offset}`;
}

const good = (id: string, what: string, isMeant: (batch: BatchBytes) => boolean): Clause => ({
  id,
  roles: ['consumer'],
  check: (view, judge) => judgeGood(factsOf(view), judge, what, isMeant),
});

const headerOf = ({ bytes }: BatchBytes) => readBatchHeader(bytes);

/** Bits of the attributes that have no meaning in version 1.0. */
const UNKNOWN_BITS = 0xfc00;

/** Says of batches with a fault that none of their records reaches the application. */
function judgeBad(
  facts: Facts,
  judge: Judge,
  what: string,
  faults: ReadonlySet<Fault>,
  isMeant: (batch: BatchBytes) => boolean = () => true,
): void {
  for (const arrival of arrivalsOf(facts.view)) {
    const { batch, run, key, answer } = arrival;
    if (batch.fault === undefined || !faults.has(batch.fault) || !isMeant(batch)) continue;
    const readable = new Set(batch.records.map(({ offset }) => offset));
    const out = deliveriesOf(facts.view).find(
      (one) =>
        one.run === run &&
        one.key === key &&
        one.index > answer.index &&
        one.offset >= batch.baseOffset &&
        one.offset < batch.baseOffset + batch.count &&
        !readable.has(one.offset) &&
        !cameGood(facts, run, key, one.offset, one.index),
    );
    if (out !== undefined) judge.fail(out.index, `expected nothing of a batch ${what}, got offset ${out.offset} of ${key}`);
    else if (facts.end.ms > answer.atMs + 1_000 && runsAt(run, facts.end.index - 1)) judge.pass(answer);
  }
}

const cameGood = (facts: Facts, run: ClientRun, key: string, offset: number, before: number): boolean =>
  arrivalsOf(facts.view).some(
    (one) =>
      one.run === run &&
      one.key === key &&
      one.answer.index < before &&
      one.batch.fault === undefined &&
      one.batch.records.some((record) => record.offset === offset),
  );

const bad = (id: string, what: string, faults: readonly Fault[], isMeant?: (batch: BatchBytes) => boolean): Clause => ({
  id,
  roles: ['consumer'],
  check: (view, judge) => judgeBad(factsOf(view), judge, what, new Set(faults), isMeant),
});

/** What is wrong with a batch is told, and what stands behind it arrives. */
function judgePassedOver(facts: Facts, judge: Judge, faults: ReadonlySet<Fault>, tellsPlace: boolean): void {
  for (const arrival of arrivalsOf(facts.view)) {
    const { batch, run, key, answer, behind, nextOffset, asked } = arrival;
    if (batch.fault === undefined || !faults.has(batch.fault) || !handsOut(facts, arrival)) continue;
    const all = facts.view
      .told('undecodable')
      .filter(({ client, index, args }) => client === run.name && index > answer.index && isOf(args, key));
    const told = all.find(({ args }) => isPlace(args, batch)) ?? all[0];
    const skipped = behind
      .flatMap((one) => owed(arrival, one))
      .find(({ offset }) => !deliveriesOf(facts.view).some((one) => one.run === run && one.key === key && one.offset === offset));
    const stuck = pullsOf(facts.view).find(
      (pull) =>
        pull.run === run &&
        pull.request.atMs > answer.atMs + HAND_OUT_MS &&
        pull.items.some(
          (item) => item.key === key && item.epoch === arrival.epoch && item.offset < nextOffset && item.offset === asked,
        ),
    );
    if (skipped !== undefined)
      judge.fail(
        answer,
        `expected to go on behind a batch that cannot be read, got nothing of offset ${skipped.offset} of ${key} in a good one behind it`,
      );
    else if (stuck !== undefined)
      judge.fail(
        stuck.request,
        `expected to go on at ${nextOffset} of ${key} behind a batch that cannot be read, got a PULL at ${asked} again`,
      );
    else if (tellsEvents(facts.view) && told === undefined)
      judge.fail(
        answer,
        `expected the application to be told of a batch of ${key} that cannot be read, got no event "undecodable"`,
      );
    else if (told !== undefined && tellsPlace && !isPlace(told.args, batch))
      judge.fail(
        told.index,
        `expected "undecodable" with offset ${batch.baseOffset} and count ${batch.count}, got ${JSON.stringify(told.args).slice(0, 120)}`,
      );
    else judge.pass(answer);
  }
}

const isOf = (args: unknown, key: string): boolean =>
  isObject(args) && (!isObject(args.queue) || `${args.queue.topic}/${args.queue.broker}/${args.queue.queue}` === key);

/** Offset and count of a batch; what was handed out of it, or was not asked for, need not be told. */
const isPlace = (args: unknown, { baseOffset, count, records }: BatchBytes): boolean => {
  if (!isObject(args)) return false;
  const from = numberOf(args, 'offset', -1);
  return from >= baseOffset && from <= baseOffset + records.length && from + numberOf(args, 'count', -1) === baseOffset + count;
};

const passesOver = (id: string, faults: readonly Fault[], tellsPlace: boolean): Clause => ({
  id,
  roles: ['consumer'],
  needs: ['events'],
  check: (view, judge) => judgePassedOver(factsOf(view), judge, new Set(faults), tellsPlace),
});

export const BATCH_CLAUSES: readonly Clause[] = [
  good(
    'QNT-BAT-008',
    'with attributes that mean nothing',
    (batch) => (headerOf(batch).attributes & UNKNOWN_BITS) !== 0 || hasRecordAttributes(batch),
  ),
  good('QNT-BAT-009', 'with a longer header', (batch) => headerOf(batch).headerLength > 64),
  good('QNT-BAT-010', 'with bytes behind its records', hasExtraBytes),
  bad('QNT-BAT-011', 'of which a checksum does not hold', ['sums', 'body-sum']),
  bad('QNT-BAT-012', 'that does not inflate to what it declares', ['inflate']),
  passesOver('QNT-BAT-013', ['body-sum', 'inflate', 'record'], true),
  passesOver('QNT-BAT-014', ['sums'], false),
  good('QNT-BAT-016', 'with a property that comes twice', hasTwinProperties),
  good(
    'QNT-BAT-018',
    'that is compressed',
    ({ compressed, bytes }) => compressed && (readUint16(bytes, 36) & BatchAttribute.COMPRESSION_MASK) === 1,
  ),
  bad('QNT-BAT-021', 'with a number that is too large', ['record']),
];
