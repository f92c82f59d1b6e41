// How each kind of fenced example is executed against the core.
import {
  BATCH_HEADER_BYTES,
  batchFormError,
  bodyChecksumHolds,
  decodeFrame,
  encodeFrame,
  Flag,
  FRAMES,
  type FrameName,
  type Platform,
  verifyBatch,
} from '@qanat/core';
import { expect } from 'vitest';
import { EntryCodec, EntryKind, readEntryHeader } from '../../packages/core/src/broker/log/entry.ts';
import { FrameSplitter } from '../../packages/core/src/wire/frame-splitter.ts';
import { encodePreface, PREFACE_BYTES, PrefaceReader } from '../../packages/core/src/wire/preface.ts';
import { testPlatform as nodePlatform } from '../../packages/core/test/platform.ts';
import { type BatchExample, batchBytes, recordInit } from './example-batches.ts';
import { bytesOfHex, hexOfBytes } from './fences.ts';
import { readBatch } from './read-batch.ts';
import { canonical, controlOf, type FrameKind, fromCore, type Json, stateRecord, toCore } from './schema-json.ts';

const platform: Platform = nodePlatform;
const KIND_FLAGS: Readonly<Record<FrameKind, number>> = {
  request: 0,
  response: Flag.RESPONSE,
  error: Flag.RESPONSE | Flag.ERROR,
  push: Flag.ONEWAY,
};

export interface FrameExample {
  readonly correlation?: number;
  readonly more?: boolean;
  readonly header: Json;
  readonly payload?: string | { readonly batches: readonly BatchExample[] };
}

const join = (parts: readonly Uint8Array[]): Uint8Array => bytesOfHex(parts.map(hexOfBytes).join(''));

export function payloadOf(payload: FrameExample['payload']): Uint8Array {
  if (payload === undefined) return new Uint8Array(0);
  if (typeof payload === 'string') return bytesOfHex(payload);
  return join(payload.batches.map(batchBytes));
}

export function frameBytes(name: string, kind: FrameKind, example: FrameExample): Uint8Array {
  const { message, codec } = controlOf(name, kind);
  const flags = KIND_FLAGS[kind] | (example.more === true ? Flag.MORE : 0);
  const control = codec.encode(toCore(message, example.header));
  const payload = payloadOf(example.payload);
  return join(
    encodeFrame(FRAMES[name as FrameName].type, flags, example.correlation ?? 0, control, payload.length === 0 ? [] : [payload]),
  );
}

/** The bytes are the frame that the example says: decoded, and encoded again. */
export function runFrame(name: string, kind: FrameKind, bytes: Uint8Array, example: FrameExample): void {
  const frame = decodeFrame(bytes);
  const { message, codec } = controlOf(name, kind);
  expect(frame.type).toBe(FRAMES[name as FrameName].type);
  expect(frame.flags).toBe(KIND_FLAGS[kind] | (example.more === true ? Flag.MORE : 0));
  expect(frame.correlation).toBe(example.correlation ?? 0);
  expect(fromCore(message, codec.decode(frame.control))).toEqual(canonical(message, example.header));
  expect(hexOfBytes(frame.payload)).toBe(hexOfBytes(payloadOf(example.payload)));
  expect(hexOfBytes(frameBytes(name, kind, example))).toBe(hexOfBytes(bytes));
  if (name === 'PULL' && kind === 'response') checkPullSizes(example, frame.payload.length);
}

/** The sizes of the results add up to the payload (QNT-PUL-007). */
function checkPullSizes({ header }: FrameExample, payloadBytes: number): void {
  const results = (header.results ?? []) as readonly { readonly bytes?: number }[];
  expect(results.reduce((sum, { bytes = 0 }) => sum + bytes, 0)).toBe(payloadBytes);
}

/** The bytes are the batch that the example says; encoded again unless another deflater made them. */
export function runBatch(bytes: Uint8Array, example: BatchExample, encodes = true): void {
  expect(batchFormError(bytes)).toBeUndefined();
  expect(bodyChecksumHolds(platform, bytes)).toBe(true);
  if (example.stamp !== undefined) expect(verifyBatch(platform, bytes)).toBeUndefined();
  expect(readBatch(bytes)).toEqual({
    producer_id: example.producer_id ?? 0,
    producer_epoch: example.producer_epoch ?? 0,
    base_sequence: example.base_sequence ?? 0,
    born_time_ms: example.born_time_ms ?? 0,
    stamp: example.stamp ?? { base_offset: 0, term: 0, store_time_ms: 0 },
    records: example.records.map((record) => ({
      key: record.key || undefined,
      tag: record.tag || undefined,
      body: hexOfBytes(recordInit(record).body),
      born_time_ms: record.born_time_ms ?? example.born_time_ms ?? 0,
      properties: { ...record.properties },
    })),
  });
  if (encodes && example.compress !== true) expect(hexOfBytes(batchBytes(example))).toBe(hexOfBytes(bytes));
}

export interface EntryExample {
  readonly topic_id?: number;
  readonly queue?: number;
  readonly term: number;
  readonly position: number;
  readonly synced_position?: number;
  readonly previous_chain?: number;
  readonly batch?: BatchExample;
  readonly state?: Json;
}

/** The bytes are the entry of the log that the example says; sealed again. */
export function runEntry(bytes: Uint8Array, example: EntryExample): void {
  const codec = new EntryCodec(platform);
  const header = readEntryHeader(bytes, 0);
  expect(codec.headerHolds(bytes, 0, example.position)).toBe(true);
  expect(codec.bodyHolds(bytes, 0, header)).toBe(true);
  const body =
    example.batch === undefined
      ? stateRecord.codec.encode(toCore(stateRecord.message, example.state as Json))
      : batchBytes(example.batch);
  const sealed = codec.seal(
    {
      kind: example.batch === undefined ? EntryKind.STATE : EntryKind.BATCH,
      topicId: example.topic_id ?? 0,
      queue: example.queue ?? 0,
      term: example.term,
      position: example.position,
      syncedPosition: example.synced_position ?? 0,
      previousChain: example.previous_chain ?? 0,
    },
    body,
  );
  expect(hexOfBytes(sealed) + hexOfBytes(body)).toBe(hexOfBytes(bytes));
  expect(header.length).toBe(bytes.length);
  if (example.batch !== undefined) expect(header.length).toBeGreaterThanOrEqual(2 * BATCH_HEADER_BYTES);
}

export function runPreface(bytes: Uint8Array, example: { readonly major: number }): void {
  expect(hexOfBytes(encodePreface(example.major))).toBe(hexOfBytes(bytes));
  expect(new PrefaceReader().push(bytes)).toEqual(new Uint8Array(0));
}

export interface StreamExample {
  readonly preface?: { readonly major: number };
  readonly frames: readonly {
    readonly type: number;
    readonly flags: number;
    readonly correlation: number;
    readonly control: string;
    readonly payload: string;
  }[];
}

/** The stream is these frames, in pieces of every size. */
export function runStream(bytes: Uint8Array, example: StreamExample): void {
  const begin = example.preface === undefined ? 0 : PREFACE_BYTES;
  if (example.preface !== undefined) runPreface(bytes.subarray(0, begin), example.preface);
  for (let size = 1; size <= bytes.length; size++) {
    const splitter = new FrameSplitter();
    const found: unknown[] = [];
    for (let at = begin; at < bytes.length; at += size) {
      const error = splitter.push(bytes.slice(at, Math.min(at + size, bytes.length)), (frame) => {
        const { type, flags, correlation, control, payload } = decodeFrame(frame);
        found.push({ type, flags, correlation, control: hexOfBytes(control), payload: hexOfBytes(payload) });
      });
      expect(error).toBeUndefined();
    }
    expect(found).toEqual(example.frames);
    expect(splitter.pendingBytes).toBe(0);
  }
}
