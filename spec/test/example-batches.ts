// Record batches as the examples and the vectors write them, and their bytes.
import { encodeBatch, type RecordInit, stampBatch } from '@qanat/core';
import { testPlatform as platform } from '../../packages/core/test/platform.ts';
import { bytesOfHex } from './fences.ts';

export interface BatchExample {
  readonly producer_id?: number;
  readonly producer_epoch?: number;
  readonly base_sequence?: number;
  readonly born_time_ms?: number;
  readonly compress?: boolean;
  readonly stamp?: { readonly base_offset: number; readonly term: number; readonly store_time_ms: number };
  readonly records: readonly RecordExample[];
}

interface RecordExample {
  readonly key?: string;
  readonly tag?: string;
  readonly body?: string;
  readonly body_hex?: string;
  readonly born_time_ms?: number;
  readonly properties?: Readonly<Record<string, string>>;
}

export const recordInit = (record: RecordExample): RecordInit => ({
  body: record.body_hex === undefined ? new TextEncoder().encode(record.body ?? '') : bytesOfHex(record.body_hex),
  key: record.key,
  tag: record.tag,
  properties: record.properties,
  bornTimeMs: record.born_time_ms,
});

export function batchBytes(example: BatchExample): Uint8Array {
  const bytes = encodeBatch(platform, example.records.map(recordInit), {
    bornTimeMs: example.born_time_ms ?? 0,
    producerId: example.producer_id ?? 0,
    producerEpoch: example.producer_epoch ?? 0,
    baseSequence: example.base_sequence ?? 0,
    compress: example.compress ?? false,
  });
  const stamp = example.stamp;
  if (stamp !== undefined) stampBatch(platform, bytes, stamp.base_offset, stamp.term, stamp.store_time_ms);
  return bytes;
}
