// Records inside a batch: built by producers, read lazily by consumers (spec, chapter of the record batch).
import { QanatError } from '../errors.ts';
import type { Platform } from '../platform.ts';
import {
  BATCH_AT,
  BATCH_BODY_AT,
  BATCH_HEADER_BYTES,
  BATCH_MAGIC,
  BATCH_VERSION,
  BatchAttribute,
  type BatchHeader,
  Compression,
  columnsLength,
  hasColumn,
  readBatchHeader,
} from './batch.ts';
import {
  readUint32,
  readUtf8,
  unzigzag,
  utf8,
  varintLength,
  writeUint16At,
  writeUint32At,
  writeUint53At,
  writeVarint,
  zigzag,
} from './bytes.ts';
import { LIMITS } from './gen/registry.ts';
import { type EncodedProperties, propertiesLength, writeEncoded, writeProperties } from './properties.ts';
import { TextBytes } from './text-bytes.ts';

/** A message as a producer gives it. */
export interface RecordInit {
  readonly body: Uint8Array;
  /** For filters; at most TAG_BYTES_MAX bytes. Empty is the same as none. */
  readonly tag?: string | undefined;
  /** For order: messages of one key go to one queue; at most KEY_BYTES_MAX bytes. Empty is the same as none. */
  readonly key?: string | undefined;
  /** At most PROPERTIES_BYTES_MAX bytes in all. */
  readonly properties?: Readonly<Record<string, string>> | undefined;
  /** In the place of `properties`, for many messages that have the same ones. */
  readonly encodedProperties?: EncodedProperties | undefined;
  /** When the message came to be, ms since 1970. Default: the time of the send. */
  readonly bornTimeMs?: number | undefined;
}

export interface BatchFields {
  readonly bornTimeMs: number;
  /** 0 for none. */
  readonly producerId: number;
  readonly producerEpoch: number;
  readonly baseSequence: number;
  readonly compress?: boolean;
}

const propertiesBytes = ({ encodedProperties, properties }: RecordInit): number => {
  if (encodedProperties !== undefined) return encodedProperties.bytes.length;
  return properties === undefined ? 1 : propertiesLength(properties);
};

function writePropertiesOf(out: Uint8Array, at: number, { encodedProperties, properties }: RecordInit): number {
  return encodedProperties === undefined ? writeProperties(out, at, properties) : writeEncoded(out, at, encodedProperties);
}

/** An upper bound of the bytes that a record adds to a batch; cheap. For deciding where a batch ends. */
export function recordBytesBound(record: RecordInit): number {
  let bytes = record.body.length + 32;
  if (record.key !== undefined) bytes += record.key.length * 3 + 4;
  if (record.tag !== undefined) bytes += record.tag.length * 3 + 4;
  return bytes + propertiesBytes(record);
}

/** CRC-32 of the UTF-8 of a tag or key; 0 for none. */
export function textChecksum(platform: Platform, text: string | undefined): number {
  return text === undefined || text === '' ? 0 : platform.crc32(utf8(text), 0);
}

const tags = new TextBytes('tag', LIMITS.TAG_BYTES_MAX);
const keys = new TextBytes('key', LIMITS.KEY_BYTES_MAX);
/** Of the records of the batch that is being built, without their length fields. */
const lengths = new Uint32Array(LIMITS.BATCH_RECORDS_MAX);

/** Born time of a record less that of its batch. */
const bornDelta = ({ bornTimeMs }: RecordInit, ofBatchMs: number): number =>
  bornTimeMs === undefined ? 0 : Math.trunc(bornTimeMs - ofBatchMs);

/** Where the columns and the records of a batch begin; 0 for a column that it does not have. */
interface BatchPlaces {
  readonly tagsAt: number;
  readonly keysAt: number;
  readonly recordsAt: number;
}

/** Writes columns, and records whose `lengths` are known. */
function writeRecords(
  platform: Platform,
  out: Uint8Array,
  { tagsAt, keysAt, recordsAt }: BatchPlaces,
  records: readonly RecordInit[],
  bornTimeMs: number,
): void {
  let to = recordsAt;
  for (let i = 0; i < records.length; i++) {
    const record = records[i] as RecordInit;
    const { body } = record;
    to = writeVarint(out, to, lengths[i] as number);
    out[to] = 0;
    to = writeVarint(out, to + 1, zigzag(bornDelta(record, bornTimeMs)));
    keys.take(record.key);
    if (keysAt > 0) writeUint32At(out, keysAt + 4 * i, keys.sum(platform));
    to = keys.write(out, to);
    tags.take(record.tag);
    if (tagsAt > 0) writeUint32At(out, tagsAt + 4 * i, tags.sum(platform));
    to = tags.write(out, to);
    to = writeVarint(out, to, body.length);
    out.set(body, to);
    to = writePropertiesOf(out, to + body.length, record);
  }
}

/** Fills `lengths`. @returns the bytes of all records. @throws QanatError INVALID_BATCH when a part is too long. */
function measureRecords(records: readonly RecordInit[], bornTimeMs: number): number {
  let bytes = 0;
  for (let i = 0; i < records.length; i++) {
    const record = records[i] as RecordInit;
    const keyBytes = keys.take(record.key);
    const tagBytes = tags.take(record.tag);
    const body = record.body.length;
    const length =
      1 +
      varintLength(zigzag(bornDelta(record, bornTimeMs))) +
      (keyBytes === 0 ? 1 : varintLength(keyBytes + 1) + keyBytes) +
      (tagBytes === 0 ? 1 : varintLength(tagBytes + 1) + tagBytes) +
      varintLength(body) +
      body +
      propertiesBytes(record);
    lengths[i] = length;
    bytes += varintLength(length) + length;
  }
  return bytes;
}

const newMemory = (bytes: number): Uint8Array => new Uint8Array(bytes);

/**
 * Builds a batch; the broker's fields are zero.
 * @param memory gives memory for at least so many bytes, with whatever in it. An uncompressed batch is the beginning of it.
 * @throws QanatError INVALID_BATCH (not sent) for no or too many records or a part that is too long, BATCH_TOO_LARGE beyond
 * `batchBytesMax`.
 */
export function encodeBatch(
  platform: Platform,
  records: readonly RecordInit[],
  fields: BatchFields,
  batchBytesMax: number = LIMITS.BATCH_BYTES_MAX,
  memory: (bytes: number) => Uint8Array = newMemory,
): Uint8Array {
  if (records.length < 1 || records.length > LIMITS.BATCH_RECORDS_MAX) {
    throw new QanatError('INVALID_BATCH', `a batch has 1 to ${LIMITS.BATCH_RECORDS_MAX} records, not ${records.length}`, {
      outcome: 'not-sent',
    });
  }
  const tagged = records.some((record) => record.tag !== undefined && record.tag !== '');
  const keyed = records.some((record) => record.key !== undefined && record.key !== '');
  const columnBytes = 4 * records.length;
  const keysAt = BATCH_HEADER_BYTES + (tagged ? columnBytes : 0);
  const recordsAt = keysAt + (keyed ? columnBytes : 0);
  const length = measureRecords(records, fields.bornTimeMs);
  let out = memory(recordsAt + length).subarray(0, recordsAt + length);
  out.fill(0, 0, BATCH_HEADER_BYTES);
  const places = { tagsAt: tagged ? BATCH_HEADER_BYTES : 0, keysAt: keyed ? keysAt : 0, recordsAt };
  writeRecords(platform, out, places, records, fields.bornTimeMs);
  let attributes = (tagged ? BatchAttribute.TAG_COLUMN : 0) | (keyed ? BatchAttribute.KEY_COLUMN : 0);
  if (fields.compress === true) {
    const deflated = platform.deflateRaw(out.subarray(recordsAt));
    if (deflated.length + 4 < length) {
      const smaller = new Uint8Array(recordsAt + 4 + deflated.length);
      smaller.set(out.subarray(0, recordsAt));
      writeUint32At(smaller, recordsAt, length);
      smaller.set(deflated, recordsAt + 4);
      out = smaller;
      attributes |= Compression.DEFLATE;
    }
  }
  if (out.length > batchBytesMax) {
    throw new QanatError('BATCH_TOO_LARGE', `the batch has ${out.length} bytes, at most ${batchBytesMax} are allowed`, {
      outcome: 'not-sent',
    });
  }
  writeUint16At(out, BATCH_AT.magic, BATCH_MAGIC);
  out[BATCH_AT.version] = BATCH_VERSION;
  out[BATCH_AT.headerWords] = BATCH_HEADER_BYTES / 8;
  writeUint32At(out, BATCH_AT.length, out.length - 8);
  writeUint16At(out, BATCH_AT.attributes, attributes);
  writeUint16At(out, BATCH_AT.producerEpoch, fields.producerEpoch);
  writeUint32At(out, BATCH_AT.recordCount, records.length);
  writeUint32At(out, BATCH_AT.baseSequence, fields.baseSequence);
  writeUint53At(out, BATCH_AT.producerId, fields.producerId);
  writeUint53At(out, BATCH_AT.bornTime, fields.bornTimeMs);
  writeUint32At(out, BATCH_AT.bodyChecksum, platform.crc32(out.subarray(BATCH_BODY_AT), 0));
  return out;
}

/** Whether the batch may hold a record with one of these tag checksums; true where it has no tag column and `sums` holds 0. */
export function batchHasTag(bytes: Uint8Array, header: BatchHeader, sums: ReadonlySet<number>): boolean {
  if (!hasColumn(header, BatchAttribute.TAG_COLUMN)) return sums.has(0);
  for (let i = 0, at = header.headerLength; i < header.recordCount; i++, at += 4) {
    if (sums.has(readUint32(bytes, at))) return true;
  }
  return false;
}

/**
 * Walks the records of one batch without an object per record: call `next`, then read the fields, which hold until the next
 * `next`. Bytes are views of the batch, or of its inflated copy.
 */
export class RecordReader {
  readonly header: BatchHeader;
  /** Index in the batch of the present record; its offset is `header.baseOffset + index`. */
  index = -1;
  bornTimeMs = 0;
  bodyAt = 0;
  bodyEnd = 0;
  /** Where the records are: the batch, or its inflated copy. */
  readonly bytes: Uint8Array;
  #at: number;
  #end: number;
  #keyAt = 0;
  #keyEnd = 0;
  #tagAt = 0;
  #tagEnd = 0;
  #propertiesAt = 0;

  /** @throws QanatError INVALID_BATCH when a compressed batch does not inflate as declared. The batch has the right form. */
  constructor(platform: Platform, batch: Uint8Array) {
    this.header = readBatchHeader(batch);
    const at = this.header.headerLength + columnsLength(this.header);
    if ((this.header.attributes & BatchAttribute.COMPRESSION_MASK) === Compression.NONE) {
      this.bytes = batch;
      this.#at = at;
    } else {
      this.bytes = inflate(platform, batch, at);
      this.#at = 0;
    }
    this.#end = this.bytes.length;
  }

  /** @throws QanatError INVALID_BATCH when the record runs over the end of the batch. */
  next(): boolean {
    if (this.index + 1 >= this.header.recordCount) return false;
    this.index++;
    const end = this.#varint() + this.#at;
    if (end > this.bytes.length) this.#broken();
    this.#end = end;
    this.#at++; // attributes: none is defined, unknown bits are ignored
    this.bornTimeMs = this.header.bornTimeMs + unzigzag(this.#varint());
    if (this.bornTimeMs < 0 || this.bornTimeMs > Number.MAX_SAFE_INTEGER) this.#broken();
    this.#keyEnd = this.#text();
    this.#keyAt = this.#textAt;
    this.#tagEnd = this.#text();
    this.#tagAt = this.#textAt;
    const bodyLength = this.#varint();
    this.bodyAt = this.#at;
    this.bodyEnd = this.#at + bodyLength;
    if (this.bodyEnd > end) this.#broken();
    this.#propertiesAt = this.bodyEnd;
    this.#at = end; // bytes that a later version added are skipped
    this.#end = this.bytes.length;
    return true;
  }

  get key(): string | undefined {
    return this.#keyEnd === this.#keyAt ? undefined : readUtf8(this.bytes, this.#keyAt, this.#keyEnd);
  }

  get tag(): string | undefined {
    return this.#tagEnd === this.#tagAt ? undefined : readUtf8(this.bytes, this.#tagAt, this.#tagEnd);
  }

  get body(): Uint8Array {
    return this.bytes.subarray(this.bodyAt, this.bodyEnd);
  }

  /** Where the text of the key is in `bytes`; begin and end are equal where there is none. */
  get keyAt(): number {
    return this.#keyAt;
  }

  get keyEnd(): number {
    return this.#keyEnd;
  }

  /** Where the text of the tag is in `bytes`; begin and end are equal where there is none. */
  get tagAt(): number {
    return this.#tagAt;
  }

  get tagEnd(): number {
    return this.#tagEnd;
  }

  /** Where the properties begin, for `readProperties`. */
  get propertiesAt(): number {
    return this.#propertiesAt;
  }

  #textAt = 0;

  #text(): number {
    const length = this.#varint();
    this.#textAt = this.#at;
    this.#at += length === 0 ? 0 : length - 1;
    if (this.#at > this.#end) this.#broken();
    return this.#at;
  }

  #varint(): number {
    let value = 0;
    let scale = 1;
    for (let i = 0; i < 8; i++) {
      if (this.#at >= this.#end) this.#broken();
      const byte = this.bytes[this.#at++] as number;
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value <= Number.MAX_SAFE_INTEGER ? value : this.#broken();
      scale *= 0x80;
    }
    return this.#broken();
  }

  #broken(): never {
    throw new QanatError('INVALID_BATCH', `record ${this.index} of ${this.header.recordCount} breaks the format`);
  }
}

function inflate(platform: Platform, batch: Uint8Array, at: number): Uint8Array {
  const length = readUint32(batch, at);
  if (length > LIMITS.BATCH_INFLATED_BYTES_MAX) throw new QanatError('INVALID_BATCH', `declares ${length} bytes after inflating`);
  try {
    const bytes = platform.inflateRaw(batch.subarray(at + 4), length);
    if (bytes.length === length) return bytes;
  } catch (cause) {
    throw new QanatError('INVALID_BATCH', 'the records do not inflate', { cause });
  }
  throw new QanatError('INVALID_BATCH', 'the records inflate to another length than declared');
}
