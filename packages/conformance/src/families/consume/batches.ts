import {
  BATCH_HEADER_BYTES,
  BatchAttribute,
  batchFormError,
  batchHasTag,
  hasColumn,
  RecordReader,
  readBatchHeader,
  textChecksum,
} from '@qanat/core';
import { nodePlatform } from '@qanat/transports/node';

/** A stored batch as it was served. */
export interface BatchSeen {
  readonly bytes: Uint8Array;
  readonly base: number;
  /** The offset behind its last record. */
  readonly end: number;
}

/** Takes the batches of one queue apart. @returns undefined where the bytes are not whole batches one behind the other. */
export function splitBatches(bytes: Uint8Array): readonly BatchSeen[] | undefined {
  const batches: BatchSeen[] = [];
  for (let at = 0; at < bytes.length; ) {
    if (bytes.length - at < BATCH_HEADER_BYTES) return undefined;
    const { length, baseOffset, recordCount } = readBatchHeader(bytes, at);
    const batch = bytes.subarray(at, at + length);
    if (batch.length < length || batchFormError(batch) !== undefined) return undefined;
    batches.push({ bytes: batch, base: baseOffset, end: baseOffset + recordCount });
    at += length;
  }
  return batches;
}

/** Behind the stamp a stored batch is what its producer sent; before it, but for magic and lengths, the broker's own. */
const STAMP = { from: 8, to: 32 };

export const equalBytes = (a: Uint8Array, b: Uint8Array): boolean => a.length === b.length && Buffer.compare(a, b) === 0;

/** Whether a stored batch is the one that was sent. */
export const isSame = (stored: Uint8Array, sent: Uint8Array): boolean =>
  stored.length === sent.length &&
  equalBytes(stored.subarray(0, STAMP.from), sent.subarray(0, STAMP.from)) &&
  equalBytes(stored.subarray(STAMP.to), sent.subarray(STAMP.to));

/** The tags of the records of a batch; undefined where they cannot be read. */
function tagsOf(batch: Uint8Array): readonly string[] | undefined {
  try {
    const reader = new RecordReader(nodePlatform, batch);
    const tags: string[] = [];
    while (reader.next()) if (reader.tag !== undefined) tags.push(reader.tag);
    return tags;
  } catch {
    return undefined;
  }
}

/**
 * Whether a batch has a record that passes a filter: `yes` where a record and the column say so, `no` where the column has no
 * checksum of a tag of the filter; else undefined, and the broker may hold it one way or the other.
 */
export function hasHit(batch: Uint8Array, filter: ReadonlySet<string> | undefined): 'yes' | 'no' | undefined {
  if (filter === undefined) return 'yes';
  const header = readBatchHeader(batch);
  if (!hasColumn(header, BatchAttribute.TAG_COLUMN)) return tagsOf(batch)?.length === 0 ? 'no' : undefined;
  const sums = new Set([...filter].map((tag) => textChecksum(nodePlatform, tag)));
  if (!batchHasTag(batch, header, sums)) return tagsOf(batch)?.some((tag) => filter.has(tag)) === false ? 'no' : undefined;
  return tagsOf(batch)?.some((tag) => filter.has(tag)) === true ? 'yes' : undefined;
}
