// Record batches as batches.json of the specification writes them.
import * as core from '@qanat/core';
import { nodePlatform } from '@qanat/transports/node';
import type { Engines } from '../driver/engines.ts';
import { bytesOf, hexOf, type JsonObject } from '../json.ts';

/** A batch; what is left out has its default. */
export interface BatchJson {
  readonly producer_id?: number;
  readonly producer_epoch?: number;
  readonly base_sequence?: number;
  readonly born_time_ms?: number;
  readonly compress?: boolean;
  /** What a broker has set; left out before it did. */
  readonly stamp?: BatchStamp;
  readonly records: readonly RecordJson[];
}

interface BatchStamp {
  readonly base_offset: number;
  readonly term: number;
  readonly store_time_ms: number;
}

interface RecordJson {
  readonly key?: string;
  readonly tag?: string;
  /** As text, or else in hex. */
  readonly body?: string;
  readonly body_hex?: string;
  /** Default: that of the batch. */
  readonly born_time_ms?: number;
  readonly properties?: Readonly<Record<string, string>>;
}

/** A batch with nothing left out; bodies in hex. */
export interface BatchSaid {
  readonly producer_id: number;
  readonly producer_epoch: number;
  readonly base_sequence: number;
  readonly born_time_ms: number;
  readonly stamp: BatchStamp;
  readonly records: readonly {
    readonly key: string | undefined;
    readonly tag: string | undefined;
    readonly body: string;
    readonly born_time_ms: number;
    readonly properties: Readonly<Record<string, string>>;
  }[];
}

const NO_STAMP: BatchStamp = { base_offset: 0, term: 0, store_time_ms: 0 };

/** The body of a record. */
export const bodyOf = ({ body = '', body_hex }: RecordJson): Uint8Array =>
  body_hex === undefined ? new TextEncoder().encode(body) : bytesOf(body_hex);

/** The bytes of a batch. @throws QanatError for what cannot be one. */
export function batchBytes(batch: BatchJson, engines: Engines = core): Uint8Array {
  const records = batch.records.map((record) => ({
    body: bodyOf(record),
    key: record.key,
    tag: record.tag,
    properties: record.properties,
    bornTimeMs: record.born_time_ms,
  }));
  const bytes = engines.encodeBatch(nodePlatform, records, {
    bornTimeMs: batch.born_time_ms ?? 0,
    producerId: batch.producer_id ?? 0,
    producerEpoch: batch.producer_epoch ?? 0,
    baseSequence: batch.base_sequence ?? 0,
    compress: batch.compress ?? false,
  });
  const { stamp } = batch;
  if (stamp !== undefined) engines.stampBatch(nodePlatform, bytes, stamp.base_offset, stamp.term, stamp.store_time_ms);
  return bytes;
}

/** What a batch says. It has the right form. @throws QanatError where its records cannot be decoded. */
export function readBatch(bytes: Uint8Array, engines: Engines = core): BatchSaid {
  const header = engines.readBatchHeader(bytes);
  const reader = new engines.RecordReader(nodePlatform, bytes);
  const records: BatchSaid['records'][number][] = [];
  while (reader.next()) {
    records.push({
      key: reader.key,
      tag: reader.tag,
      body: hexOf(reader.body),
      born_time_ms: reader.bornTimeMs,
      properties: { ...engines.readProperties(reader.bytes, reader.propertiesAt) },
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

/** The same batch with nothing left out, so that two compare. */
export const saidOf = (batch: BatchJson): BatchSaid => ({
  producer_id: batch.producer_id ?? 0,
  producer_epoch: batch.producer_epoch ?? 0,
  base_sequence: batch.base_sequence ?? 0,
  born_time_ms: batch.born_time_ms ?? 0,
  stamp: batch.stamp ?? NO_STAMP,
  records: batch.records.map((record) => ({
    key: record.key || undefined,
    tag: record.tag || undefined,
    body: hexOf(bodyOf(record)),
    born_time_ms: record.born_time_ms ?? batch.born_time_ms ?? 0,
    properties: { ...record.properties },
  })),
});

/** A batch that was read, as it is written: bodies in hex, what has its default left out. */
export function batchJson({ stamp, records, ...fields }: BatchSaid): JsonObject {
  const isStamped = Object.values(stamp).some((value) => value !== 0);
  return {
    ...Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== 0)),
    ...(isStamped ? { stamp: { ...stamp } } : {}),
    records: records.map(({ key, tag, body, born_time_ms, properties }) => ({
      ...(key === undefined ? {} : { key }),
      ...(tag === undefined ? {} : { tag }),
      body_hex: body,
      ...(born_time_ms === fields.born_time_ms ? {} : { born_time_ms }),
      ...(Object.keys(properties).length === 0 ? {} : { properties: { ...properties } }),
    })),
  };
}

/** The payload of a frame as frames.json writes it: in hex, or as batches. */
export type PayloadJson = string | { readonly batches: readonly BatchJson[] };

/** The bytes of a payload. @throws QanatError for what cannot be one. */
export function payloadBytes(payload: PayloadJson = ''): Uint8Array {
  if (typeof payload === 'string') return bytesOf(payload);
  return core.joinParts(payload.batches.map((batch) => batchBytes(batch)));
}
