import { inflateRawSync } from 'node:zlib';
import { LIMITS } from '@qanat/core';
import type { Clause, Judge } from '../../clause/clause.ts';
import { judgeThat } from '../../clause/clause.ts';
import { type Attempt, type Call, type Sends, sendsOf } from './sends.ts';
import { Attribute, type SentBatch, utf8 } from './sent-batch.ts';

type Look = (attempt: Attempt, judge: Judge, sends: Sends) => void;

const eachBatch = (id: string, look: Look): Clause => ({
  id,
  roles: ['producer'],
  check(view, judge) {
    const sends = sendsOf(view);
    for (const attempt of sends.attempts) look(attempt, judge, sends);
  },
});

const layout = eachBatch('QNT-BAT-001', ({ request, sent }, judge) =>
  judgeThat(judge, request, sent.wrong === undefined, () => `expected ${sent.wrong?.why}`, sent.wrong?.field),
);

const isReadable = ({ wrong, records, count }: SentBatch): boolean => wrong?.field !== 'records' && records.length === count;

const columns = eachBatch('QNT-BAT-005', ({ request, sent }, judge) => {
  if (!isReadable(sent)) return;
  for (const name of ['tag', 'key'] as const) {
    const there = (sent.attributes & (name === 'tag' ? Attribute.tags : Attribute.keys)) !== 0;
    const wanted = sent.records.some((record) => record[name] !== '');
    const which = wanted ? `a ${name} column, as a record has a ${name}` : `no ${name} column, as no record has a ${name}`;
    judgeThat(judge, request, there === wanted, () => `expected ${which}, got ${there ? 'one' : 'none'}`, 'attributes');
  }
});

const count = eachBatch('QNT-BAT-006', ({ request, sent }, judge) => {
  const holds = sent.count >= 1 && sent.count <= LIMITS.BATCH_RECORDS_MAX;
  judgeThat(judge, request, holds, () => `expected 1 to ${LIMITS.BATCH_RECORDS_MAX} records, got ${sent.count}`, 'record_count');
});

const reserved = eachBatch('QNT-BAT-007', ({ request, sent }, judge) => {
  const bits = sent.attributes & Attribute.reserved;
  judgeThat(judge, request, bits === 0, () => `expected 0 in the bits 5 to 7, got 0x${bits.toString(16)}`, 'attributes');
});

const compressions = eachBatch('QNT-BAT-018', ({ request, sent }, judge) => {
  const kind = sent.attributes & Attribute.compression;
  judgeThat(judge, request, kind <= 1, () => `expected compression 0 or 1, got ${kind}`, 'attributes');
});

/** What the records take in a batch, and what they take without compression. */
function lengths({ bytes, attributes, count }: SentBatch): { readonly packed: number; readonly plain: number } | undefined {
  const columns = ((attributes & Attribute.tags) === 0 ? 0 : 1) + ((attributes & Attribute.keys) === 0 ? 0 : 1);
  const packed = bytes.subarray(64 + 4 * columns * count);
  try {
    return { packed: packed.length, plain: inflateRawSync(packed.subarray(4)).length };
  } catch {
    return undefined;
  }
}

const shorter = eachBatch('QNT-BAT-015', ({ request, sent }, judge) => {
  if ((sent.attributes & Attribute.compression) !== 1) return;
  const found = lengths(sent);
  if (found === undefined) return;
  const { packed, plain } = found;
  judgeThat(
    judge,
    request,
    packed < plain,
    () => `expected compression only where it makes the records shorter, got ${packed} bytes for ${plain}`,
    'attributes',
  );
});

/** Chapter 01: no control character, no bar; no blank at its ends, no star at its beginning. */
export const isTag = (tag: string): boolean =>
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the grammar of tags names them.
  !/[\u0000-\u001f\u007f|]|^[ *]| $/.test(tag) && utf8(tag).length <= LIMITS.TAG_BYTES_MAX;

const isKey = (key: string): boolean => utf8(key).length <= LIMITS.KEY_BYTES_MAX;

const shown = (text: string): string => JSON.stringify(text.length > 40 ? `${text.slice(0, 37)}…` : text);

/** Calls with what may not be sent are refused, and nothing of it is sent. */
const never = (id: string, field: 'tag' | 'key', isGood: (text: string) => boolean): Clause => ({
  id,
  roles: ['producer'],
  check(view, judge) {
    const sends = sendsOf(view);
    for (const { request, sent } of sends.attempts) {
      if (!isReadable(sent)) continue;
      const bad = sent.records.find((record) => !isGood(record[field]));
      if (bad !== undefined)
        judge.fail(
          request,
          `expected no record with the ${field} ${shown(bad[field])} of ${utf8(bad[field]).length} bytes, got one`,
          `records.${field}`,
        );
      else if (sent.records.some((record) => record[field] !== '')) judge.pass(request);
    }
    for (const call of sends.calls) judgeCall(judge, call, field, isGood);
  },
});

function judgeCall(
  judge: Judge,
  { messages, end, batches }: Call,
  field: 'tag' | 'key',
  isGood: (text: string) => boolean,
): void {
  const bad = messages.find((message) => !isGood(message[field]));
  if (bad === undefined || end === undefined || end.error?.kind === 'unsupported' || end.error?.kind === 'invalid') return;
  if (end.ok !== undefined)
    judge.fail(end.index, `expected the message with the ${field} ${shown(bad[field])} to be refused, got it acknowledged`);
  else if (batches.length === 0) judge.pass(end.index);
}

const DEFINED = new Set(['qnt.origin', 'qnt.attempt']);

const ownProperties = eachBatch('QNT-NAM-006', ({ request, sent, names }, judge, { callOf }) => {
  if (!isReadable(sent)) return;
  const calls = new Set(names.flatMap((name) => (name === undefined ? [] : (callOf(name) ?? []))));
  const given = new Map(
    [...calls].map((call) => [call, new Set(call.messages.flatMap(({ properties }) => Object.keys(properties)))]),
  );
  sent.records.forEach(({ properties }, i) => {
    const asked = given.get(callOf(names[i] ?? '') as Call);
    if (asked === undefined) return;
    const own = Object.keys(properties).find((one) => one.startsWith('qnt.') && !DEFINED.has(one) && !asked.has(one));
    if (own !== undefined)
      judge.fail(request, `expected no property "${own}" that its caller did not give, got it`, 'records.properties');
    else judge.pass(request);
  });
});

export const BATCH_CLAUSES: readonly Clause[] = [
  layout,
  columns,
  count,
  reserved,
  compressions,
  shorter,
  never('QNT-NAM-004', 'tag', isTag),
  never('QNT-NAM-005', 'key', isKey),
  ownProperties,
];
