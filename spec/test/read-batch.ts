// What a record batch says, as the examples write it.
import { RecordReader, readBatchHeader, readProperties } from '@qanat/core';
import { testPlatform as platform } from '../../packages/core/test/platform.ts';
import { hexOfBytes } from './fences.ts';

export interface BatchSaid {
  readonly producer_id: number;
  readonly producer_epoch: number;
  readonly base_sequence: number;
  readonly born_time_ms: number;
  readonly stamp: { readonly base_offset: number; readonly term: number; readonly store_time_ms: number };
  readonly records: readonly {
    readonly key: string | undefined;
    readonly tag: string | undefined;
    readonly body: string;
    readonly born_time_ms: number;
    readonly properties: Readonly<Record<string, string>>;
  }[];
}

/** Bodies in hex. */
export function readBatch(bytes: Uint8Array): BatchSaid {
  const header = readBatchHeader(bytes);
  const reader = new RecordReader(platform, bytes);
  const records: BatchSaid['records'][number][] = [];
  while (reader.next()) {
    records.push({
      key: reader.key,
      tag: reader.tag,
      body: hexOfBytes(reader.body),
      born_time_ms: reader.bornTimeMs,
      properties: { ...readProperties(reader.bytes, reader.propertiesAt) },
    });
  }
  return {
    producer_id: header.producerId,
    producer_epoch: header.producerEpoch,
    base_sequence: header.baseSequence,
    born_time_ms: header.bornTimeMs,
    stamp: { base_offset: header.baseOffset, term: header.term, store_time_ms: header.storeTimeMs },
    records,
  };
}
