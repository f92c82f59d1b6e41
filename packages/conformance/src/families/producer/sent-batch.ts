import { BATCH_BODY_AT, BATCH_HEADER_BYTES, QanatError, RecordReader, readBatchHeader, readProperties } from '@qanat/core';
import { nodePlatform } from '@qanat/transports/node';

/** One record as its producer sent it. */
export interface SentRecord {
  readonly body: string;
  readonly key: string;
  readonly tag: string;
  readonly properties: Readonly<Record<string, string>>;
}

/** The payload of a SEND, taken apart. */
export interface SentBatch {
  readonly bytes: Uint8Array;
  readonly attributes: number;
  readonly epoch: number;
  readonly count: number;
  readonly base: number;
  readonly producerId: number;
  readonly records: readonly SentRecord[];
  /** What breaks the layout, and the field that does; undefined for a good batch. */
  readonly wrong: { readonly why: string; readonly field: string } | undefined;
}

export const Attribute = { compression: 0x07, checksum: 0x18, reserved: 0xe0, tags: 0x100, keys: 0x200 } as const;

const text = new TextDecoder();
export const utf8 = (of: string): Uint8Array => new TextEncoder().encode(of);
export const crcOf = (of: string): number => nodePlatform.crc32(utf8(of), 0);

const view = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);

export function readSent(bytes: Uint8Array): SentBatch {
  if (bytes.length < BATCH_HEADER_BYTES) {
    const nothing = { attributes: 0, epoch: 0, count: 0, base: 0, producerId: 0, records: [] };
    return { bytes, ...nothing, wrong: { why: `at least ${BATCH_HEADER_BYTES} bytes, got ${bytes.length}`, field: 'payload' } };
  }
  const header = readBatchHeader(bytes);
  const { records, wrong } = recordsOf(bytes);
  return {
    bytes,
    attributes: header.attributes,
    epoch: header.producerEpoch,
    count: header.recordCount,
    base: header.baseSequence,
    producerId: header.producerId,
    records,
    wrong: wrongHead(bytes) ?? wrong ?? wrongColumns(bytes, records),
  };
}

function recordsOf(bytes: Uint8Array): Pick<SentBatch, 'records' | 'wrong'> {
  const records: SentRecord[] = [];
  try {
    const reader = new RecordReader(nodePlatform, bytes);
    while (reader.next()) {
      const properties = { ...readProperties(reader.bytes, reader.propertiesAt) };
      records.push({ body: text.decode(reader.body), key: reader.key ?? '', tag: reader.tag ?? '', properties });
    }
  } catch (error) {
    if (!QanatError.is(error)) throw error;
    return { records, wrong: { why: `records of the layout, got some that cannot be read: ${error.message}`, field: 'records' } };
  }
  return { records, wrong: undefined };
}

function wrongHead(bytes: Uint8Array): SentBatch['wrong'] {
  const at = view(bytes);
  const declared = at.getUint32(4);
  if (at.getUint16(0) !== 0x5242) return { why: 'the magic "RB"', field: 'magic' };
  if (bytes[2] !== 1) return { why: `batch version 1, got ${bytes[2]}`, field: 'version' };
  if (bytes[3] !== 8) return { why: `a header of 8 units, got ${bytes[3]}`, field: 'header_length' };
  if (declared !== bytes.length - 8) return { why: `the length field ${bytes.length - 8}, got ${declared}`, field: 'length' };
  const stamped = bytes.subarray(8, 32).findIndex((byte) => byte !== 0);
  if (stamped >= 0)
    return { why: `zeros in the broker's fields, got a ${bytes[8 + stamped]} at byte ${8 + stamped}`, field: 'base_offset' };
  const sum = nodePlatform.crc32(bytes.subarray(BATCH_BODY_AT), 0);
  const said = at.getUint32(32);
  return said === sum ? undefined : { why: `the body checksum ${hex(sum)}, got ${hex(said)}`, field: 'body_checksum' };
}

const hex = (value: number): string => value.toString(16).padStart(8, '0');

/** Tags first, then keys: the sum of each text, 0 for none. */
function wrongColumns(bytes: Uint8Array, records: readonly SentRecord[]): SentBatch['wrong'] {
  const at = view(bytes);
  const attributes = at.getUint16(36);
  let place: number = BATCH_HEADER_BYTES;
  for (const name of ['tag', 'key'] as const) {
    if ((attributes & (name === 'tag' ? Attribute.tags : Attribute.keys)) === 0) continue;
    for (const record of records) {
      if (place + 4 > bytes.length) return { why: `a ${name} column within the batch`, field: `${name}_column` };
      const wanted = record[name] === '' ? 0 : crcOf(record[name]);
      const got = at.getUint32(place);
      if (got !== wanted)
        return { why: `${hex(wanted)} in the ${name} column for "${record[name]}", got ${hex(got)}`, field: `${name}_column` };
      place += 4;
    }
  }
  return undefined;
}
