// Explains a record batch (spec, chapter of the record batch).
import type { Platform } from '../platform.ts';
import {
  BATCH_AT,
  BATCH_HEADER_BYTES,
  BATCH_MAGIC,
  BatchAttribute,
  type BatchHeader,
  bodyChecksumHolds,
  Compression,
  hasColumn,
  headerChecksum,
  readBatchHeader,
} from '../wire/batch.ts';
import { readUint16, readUint32 } from '../wire/bytes.ts';
import type { PartReader } from './part.ts';

/** Adds the parts of the batch at `reader.at`, or of what there is of it. */
export function annotateBatch(reader: PartReader, platform: Platform): void {
  if (!reader.needs(BATCH_HEADER_BYTES, 'the header of a batch')) return;
  const header = readBatchHeader(reader.peek(BATCH_HEADER_BYTES));
  // A length that does not even cover the header is wrong; the header is explained all the same.
  const batch = reader.peek(Math.max(header.length, BATCH_HEADER_BYTES));
  const whole = batch.length === header.length && header.length >= BATCH_HEADER_BYTES;
  const end = reader.at + batch.length;
  annotateHeader(reader, header, batch, end, whole ? platform : undefined);
  annotateColumns(reader, header, end);
  annotateRecords(reader, header, end);
  if (!whole) reader.takeWrong(0, `the batch has ${header.length} bytes, ${batch.length} are here`);
}

/** `platform` verifies the checksums; without it they are not. */
function annotateHeader(
  reader: PartReader,
  header: BatchHeader,
  batch: Uint8Array,
  end: number,
  platform: Platform | undefined,
): void {
  const magic = readUint16(batch, BATCH_AT.magic) === BATCH_MAGIC ? '"RB"' : 'no magic number of a batch';
  reader.take(
    8,
    `${magic}, version ${batch[BATCH_AT.version]}, header of ${header.headerLength} bytes, ${header.length - 8} bytes follow`,
  );
  const stamp = readUint32(batch, BATCH_AT.headerChecksum);
  const stampHolds = platform === undefined || stamp === 0 || headerChecksum(platform, batch) === stamp;
  const placed = `base offset ${header.baseOffset}, term ${header.term}, header checksum`;
  if (stampHolds) reader.take(16, placed);
  else reader.takeWrong(16, `${placed}, which does not hold`);
  reader.take(8, `store time ${header.storeTimeMs}`);
  if (platform === undefined || bodyChecksumHolds(platform, batch)) reader.take(4, 'body checksum');
  else reader.takeWrong(4, 'body checksum, which does not hold');
  reader.take(4, `attributes 0x${header.attributes.toString(16).padStart(4, '0')}, producer epoch ${header.producerEpoch}`);
  reader.take(8, `${header.recordCount} records, base sequence ${header.baseSequence}`);
  reader.take(16, `producer id ${header.producerId}, born time ${header.bornTimeMs}`);
  if (header.headerLength > BATCH_HEADER_BYTES)
    reader.take(Math.min(end - reader.at, header.headerLength - BATCH_HEADER_BYTES), 'a longer header than version 1.0 knows');
}

function annotateColumns(reader: PartReader, header: BatchHeader, end: number): void {
  for (const [bit, name] of [
    [BatchAttribute.TAG_COLUMN, 'tag'],
    [BatchAttribute.KEY_COLUMN, 'key'],
  ] as const) {
    const length = 4 * header.recordCount;
    if (!hasColumn(header, bit)) continue;
    if (reader.at + length > end) return reader.takeWrong(end - reader.at, `the ${name} column runs over the end`);
    reader.take(length, `${name} column`);
  }
}

function annotateRecords(reader: PartReader, header: BatchHeader, end: number): void {
  if ((header.attributes & BatchAttribute.COMPRESSION_MASK) !== Compression.NONE) {
    if (reader.at + 4 <= end) reader.take(4, `${readUint32(reader.peek(4), 0)} bytes when inflated`);
    if (reader.at < end) reader.take(end - reader.at, 'deflated records');
    return;
  }
  for (let i = 0; i < header.recordCount && reader.at < end; i++) {
    const length = recordLength(reader.peek(Math.min(8, end - reader.at)));
    if (length === undefined || reader.at + length > end)
      return reader.takeWrong(end - reader.at, `record ${i} runs over the end`);
    reader.take(length, `record ${i}`);
  }
  if (reader.at < end) reader.takeWrong(end - reader.at, 'bytes behind the last record');
}

/** Bytes of a record, its length included. */
function recordLength(bytes: Uint8Array): number | undefined {
  let value = 0;
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i] as number;
    value += (byte & 0x7f) * 0x80 ** i;
    if (byte < 0x80) return value + i + 1;
  }
  return undefined;
}
