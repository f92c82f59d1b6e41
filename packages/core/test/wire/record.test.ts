// Goal: what a producer encodes is what a consumer reads, for any content; damage is never read as content.
import {
  BATCH_AT,
  batchFormError,
  batchHasTag,
  encodeBatch,
  LIMITS,
  QanatError,
  type RecordInit,
  RecordReader,
  readBatchHeader,
  readProperties,
  stampBatch,
  textChecksum,
  verifyBatch,
} from '@qanat/core';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { testPlatform } from '../platform.ts';

const FIELDS = { bornTimeMs: 1_700_000_000_000, producerId: 0, producerEpoch: 0, baseSequence: 0 };

const text = (bytesMax: number): fc.Arbitrary<string> =>
  fc.string({ unit: 'grapheme', maxLength: bytesMax, size: 'max' }).filter((s) => new TextEncoder().encode(s).length <= bytesMax);

const record: fc.Arbitrary<RecordInit> = fc.record(
  {
    body: fc.uint8Array({ maxLength: 2_000, size: 'max' }),
    tag: text(40),
    key: text(60),
    properties: fc.dictionary(text(20), text(50), { maxKeys: 5, size: 'max' }),
    bornTimeMs: fc.integer({ min: 1_600_000_000_000, max: 1_800_000_000_000 }),
  },
  { requiredKeys: ['body'] },
);

function readAll(batch: Uint8Array): RecordInit[] {
  const reader = new RecordReader(testPlatform, batch);
  const records: RecordInit[] = [];
  while (reader.next()) {
    records.push({
      body: reader.body,
      tag: reader.tag,
      key: reader.key,
      properties: readProperties(reader.bytes, reader.propertiesAt),
      bornTimeMs: reader.bornTimeMs,
    });
  }
  return records;
}

describe('record batch (spec, chapter of the record batch)', () => {
  it('gives back every record as it was, plain and deflated', () => {
    fc.assert(
      fc.property(fc.array(record, { minLength: 1, maxLength: 40, size: 'max' }), fc.boolean(), (records, compress) => {
        const batch = encodeBatch(testPlatform, records, { ...FIELDS, compress });
        stampBatch(testPlatform, batch, 77, 3, 1_700_000_000_500);
        expect(verifyBatch(testPlatform, batch)).toBeUndefined();
        const read = readAll(batch);
        expect(read.length).toBe(records.length);
        records.forEach((sent, i) => {
          expect(Buffer.from(read[i]?.body ?? [])).toEqual(Buffer.from(sent.body));
          expect(read[i]?.tag).toBe(sent.tag === '' ? undefined : sent.tag);
          expect(read[i]?.key).toBe(sent.key === '' ? undefined : sent.key);
          expect({ ...read[i]?.properties }).toEqual({ ...sent.properties });
          expect(read[i]?.bornTimeMs).toBe(sent.bornTimeMs ?? FIELDS.bornTimeMs);
        });
      }),
      { numRuns: 40 },
    );
  });

  it('is refused after any one flipped bit', () => {
    const batch = encodeBatch(testPlatform, [{ body: new Uint8Array(50), tag: 'a', key: 'k' }], FIELDS);
    stampBatch(testPlatform, batch, 5, 1, 9);
    for (let bit = 0; bit < batch.length * 8; bit++) {
      const damaged = batch.slice();
      damaged[bit >> 3] = (damaged[bit >> 3] as number) ^ (1 << (bit & 7));
      expect(verifyBatch(testPlatform, damaged), `bit ${bit}`).toBeDefined();
    }
  });

  it('is refused when cut at any byte', () => {
    const batch = encodeBatch(testPlatform, [{ body: new Uint8Array(9), tag: 'a' }], FIELDS);
    for (let length = 0; length < batch.length; length++) expect(batchFormError(batch.subarray(0, length))).toBeDefined();
  });

  it('never reads outside itself, whatever the records say', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ minLength: 1, maxLength: 300, size: 'max' }),
        fc.integer({ min: 1, max: 50 }),
        (noise, count) => {
          const batch = encodeBatch(testPlatform, [{ body: new Uint8Array(0) }], FIELDS);
          const bytes = new Uint8Array(64 + noise.length);
          bytes.set(batch.subarray(0, 64));
          bytes.set(noise, 64);
          new DataView(bytes.buffer).setUint32(BATCH_AT.length, bytes.length - 8);
          new DataView(bytes.buffer).setUint32(BATCH_AT.recordCount, count);
          try {
            for (const read of readAll(bytes)) expect(read.body.length).toBeLessThanOrEqual(noise.length);
          } catch (error) {
            if (!QanatError.is(error, 'INVALID_BATCH')) throw error;
          }
        },
      ),
      { numRuns: 2_000 },
    );
  });

  it('skips what a later version adds behind a record [QNT-BAT-010]', () => {
    const plain = encodeBatch(testPlatform, [{ body: Uint8Array.of(1) }, { body: Uint8Array.of(2) }], FIELDS);
    const recordsAt = 64;
    const first = plain.subarray(recordsAt, recordsAt + 1 + (plain[recordsAt] as number));
    const longer = Uint8Array.of((first[0] as number) + 3, ...first.subarray(1), 9, 9, 9);
    const bytes = Uint8Array.of(...plain.subarray(0, recordsAt), ...longer, ...plain.subarray(recordsAt + first.length));
    expect(readAll(bytes).map((r) => r.body[0])).toEqual([1, 2]);
  });

  it('finds tags by their column without reading the records', () => {
    const batch = encodeBatch(testPlatform, [{ body: new Uint8Array(1) }, { body: new Uint8Array(1), tag: 'paid' }], FIELDS);
    const header = readBatchHeader(batch);
    expect(batchHasTag(batch, header, new Set([textChecksum(testPlatform, 'paid')]))).toBe(true);
    expect(batchHasTag(batch, header, new Set([textChecksum(testPlatform, 'open')]))).toBe(false);
  });

  it('refuses parts beyond their limits before anything is sent [QNT-NAM-005]', () => {
    const limits: RecordInit[] = [
      { body: new Uint8Array(1), tag: 'x'.repeat(LIMITS.TAG_BYTES_MAX + 1) },
      { body: new Uint8Array(1), key: 'x'.repeat(LIMITS.KEY_BYTES_MAX + 1) },
      { body: new Uint8Array(1), properties: { a: 'x'.repeat(LIMITS.PROPERTIES_BYTES_MAX) } },
    ];
    for (const init of limits) {
      const error = catchError(() => encodeBatch(testPlatform, [init], FIELDS));
      expect(error).toMatchObject({ code: 'INVALID_BATCH', outcome: 'not-sent' });
    }
    const most = { body: new Uint8Array(1), tag: 'x'.repeat(LIMITS.TAG_BYTES_MAX), key: 'x'.repeat(LIMITS.KEY_BYTES_MAX) };
    expect(readAll(encodeBatch(testPlatform, [most], FIELDS))[0]).toMatchObject({ tag: most.tag, key: most.key });
    const many = Array.from({ length: LIMITS.BATCH_RECORDS_MAX + 1 }, () => ({ body: new Uint8Array(0) }));
    expect(catchError(() => encodeBatch(testPlatform, many, FIELDS))?.code).toBe('INVALID_BATCH');
    expect(encodeBatch(testPlatform, many.slice(1), FIELDS).length).toBeGreaterThan(0);
    expect(catchError(() => encodeBatch(testPlatform, [{ body: new Uint8Array(LIMITS.BATCH_BYTES_MAX) }], FIELDS))?.code).toBe(
      'BATCH_TOO_LARGE',
    );
  });

  it('refuses a deflate bomb by its declared length [QNT-BAT-012]', () => {
    const batch = encodeBatch(testPlatform, [{ body: new Uint8Array(100_000) }], { ...FIELDS, compress: true });
    new DataView(batch.buffer).setUint32(64, LIMITS.BATCH_INFLATED_BYTES_MAX + 1);
    expect(catchError(() => new RecordReader(testPlatform, batch))?.code).toBe('INVALID_BATCH');
    new DataView(batch.buffer).setUint32(64, 1_000);
    expect(catchError(() => new RecordReader(testPlatform, batch))?.code).toBe('INVALID_BATCH');
  });
});

function catchError(run: () => unknown): QanatError | undefined {
  try {
    run();
    return undefined;
  } catch (error) {
    if (QanatError.is(error)) return error;
    throw error;
  }
}
