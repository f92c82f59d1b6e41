// The file in which a NameServer keeps the records of broker groups: a CRC-32 of the rest, the number of the format, then for
// each group the length of a RecordPut and its bytes.
import { QanatError } from '../errors.ts';
import { portableCrc32 } from '../portable-crc32.ts';
import { readUint32, writeUint32At } from '../wire/bytes.ts';
import { type GroupRecord, type GroupRecordInit, RecordPut } from '../wire/gen/replication-messages.ts';

const FORMAT = 1;
const HEAD_BYTES = 8;
const LENGTH_BYTES = 4;

export const RECORD_FILE = 'group-records';

const HINT =
  'restore the file from a backup, or remove it: then promote only slaves that another NameServer has in the in-sync set on record';

const corrupt = (why: string): QanatError => new QanatError('CORRUPT_LOG', `${RECORD_FILE}: ${why}`, { hint: HINT });

export function encodeRecords(records: ReadonlyMap<string, GroupRecordInit>): Uint8Array {
  const texts = [...records].map(([broker, record]) => RecordPut.encode({ broker, record }));
  const bytes = new Uint8Array(texts.reduce((sum, text) => sum + LENGTH_BYTES + text.length, HEAD_BYTES));
  writeUint32At(bytes, 4, FORMAT);
  let at = HEAD_BYTES;
  for (const text of texts) {
    writeUint32At(bytes, at, text.length);
    bytes.set(text, at + LENGTH_BYTES);
    at += LENGTH_BYTES + text.length;
  }
  writeUint32At(bytes, 0, portableCrc32(bytes.subarray(4), 0));
  return bytes;
}

/** @throws QanatError CORRUPT_LOG. */
export function decodeRecords(bytes: Uint8Array): Map<string, GroupRecord> {
  if (bytes.length < HEAD_BYTES || readUint32(bytes, 0) !== portableCrc32(bytes.subarray(4), 0))
    throw corrupt('its checksum does not fit its content');
  const format = readUint32(bytes, 4);
  if (format !== FORMAT) throw corrupt(`format ${format} is not known to this version`);
  const records = new Map<string, GroupRecord>();
  for (let at = HEAD_BYTES; at < bytes.length; ) {
    const end = at + LENGTH_BYTES + readUint32(bytes, at);
    const { broker, record } = RecordPut.decode(bytes.subarray(at + LENGTH_BYTES, end));
    if (record === undefined) throw corrupt(`the record of ${broker} is missing`);
    records.set(broker, record);
    at = end;
  }
  return records;
}
