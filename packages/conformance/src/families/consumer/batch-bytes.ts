import { encodeBatch, type RecordInit } from '@qanat/core';
import { nodePlatform } from '@qanat/transports/node';
import { hexOf } from '../../json.ts';

const HEADER_BYTES = 64;
const BORN_MS = 1_700_000_000_000;

const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);

export const record = (body: string, more: Partial<Omit<RecordInit, 'body'>> = {}): RecordInit => ({ body: utf8(body), ...more });

/** One batch, changed: its length is made right again; its sum is the affair of whoever stores it. */
export function shaped(records: readonly RecordInit[], change: (batch: number[]) => void, compress = false): string {
  const fields = { bornTimeMs: BORN_MS, producerId: 0, producerEpoch: 0, baseSequence: 0, compress };
  const batch = [...encodeBatch(nodePlatform, records, fields)];
  change(batch);
  const length = batch.length - 8;
  batch.splice(4, 4, length >>> 24, (length >>> 16) & 0xff, (length >>> 8) & 0xff, length & 0xff);
  return hexOf(Uint8Array.from(batch));
}

/** A header of 72 bytes. */
export const longHeader = (records: readonly RecordInit[]): string =>
  shaped(records, (batch) => {
    batch[3] = 9;
    batch.splice(HEADER_BYTES, 0, 1, 2, 3, 4, 5, 6, 7, 8);
  });

/** Bytes behind the properties of its one record, and behind the record. */
export const longRecord = (one: RecordInit): string =>
  shaped([one], (batch) => {
    const length = batch[HEADER_BYTES] as number;
    batch.splice(HEADER_BYTES + 1 + length, 0, 0xaa, 0xbb, 0xcc);
    batch[HEADER_BYTES] = length + 3;
    batch.push(0xdd, 0xee);
  });

/** Bits and bytes that mean nothing in version 1.0. */
export const strangeAttributes = (one: RecordInit): string =>
  shaped([one], (batch) => {
    batch[36] = (batch[36] as number) | 0xfc;
    batch[HEADER_BYTES + 1] = 0x5a;
  });

/** A property `b` of its one record is called `a` as well. */
export const twinProperties = (body: string): string =>
  shaped([record(body, { properties: { a: '1', b: '2' } })], (batch) => {
    batch[batch.length - 3] = 'a'.charCodeAt(0);
  });

/** Its records say that they have another length than they inflate to. */
export const wrongInflation = (declared: (length: number) => number): string =>
  shaped(
    [record('x'.repeat(400))],
    (batch) => {
      const at = HEADER_BYTES;
      const length =
        ((batch[at] as number) << 24) |
        ((batch[at + 1] as number) << 16) |
        ((batch[at + 2] as number) << 8) |
        (batch[at + 3] as number);
      const wrong = declared(length);
      batch.splice(at, 4, wrong >>> 24, (wrong >>> 16) & 0xff, (wrong >>> 8) & 0xff, wrong & 0xff);
    },
    true,
  );

/** The born time of its one record is a varint of 56 bits. */
export const hugeVarint = (): string =>
  shaped([record('huge')], (batch) => {
    batch.splice(HEADER_BYTES + 2, 1, 0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f);
    batch[HEADER_BYTES] = (batch[HEADER_BYTES] as number) + 7;
  });

/** Its one record was born before 1970: the batch at 0, and the record one millisecond earlier. */
export const bornBefore = (): string =>
  shaped([record('early')], (batch) => {
    batch.fill(0, 56, 64);
    batch[HEADER_BYTES + 2] = 1;
  });
