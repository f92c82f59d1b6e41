// How each kind of fenced example is executed against the core.
import {
  BATCH_HEADER_BYTES,
  batchFormError,
  bodyChecksumHolds,
  decodeFrame,
  Flag,
  FRAMES,
  type FrameName,
  type Platform,
  StateRecord,
  verifyBatch,
} from '@qanat/core';
import { expect } from 'vitest';
import {
  type BatchJson as BatchExample,
  batchBytes,
  type PayloadJson,
  payloadBytes,
  readBatch,
  saidOf,
} from '../../packages/conformance/src/codec/batch-json.ts';
import { frameBytes, KIND_FLAGS } from '../../packages/conformance/src/codec/frame-json.ts';
import {
  canonical,
  controlOf,
  type FrameKind,
  fromCore,
  type HeaderJson as Json,
  toCore,
} from '../../packages/conformance/src/codec/schema-json.ts';
import { EntryCodec, EntryKind, readEntryHeader } from '../../packages/core/src/broker/log/entry.ts';
import { FrameSplitter } from '../../packages/core/src/wire/frame-splitter.ts';
import { encodePreface, PREFACE_BYTES, PrefaceReader } from '../../packages/core/src/wire/preface.ts';
import { testPlatform as nodePlatform } from '../../packages/core/test/platform.ts';
import { MessageReader } from '../../packages/transports/src/websocket/message-reader.ts';
import { hexOfBytes } from './fences.ts';

const platform: Platform = nodePlatform;

export interface FrameExample {
  readonly correlation?: number;
  readonly more?: boolean;
  readonly header: Json;
  readonly payload?: PayloadJson;
}

const frameOf = (name: string, kind: FrameKind, { payload, ...example }: FrameExample): Uint8Array =>
  frameBytes({ frame: name, kind, ...example, payload: hexOfBytes(payloadBytes(payload)) });

/** The bytes are the frame that the example says: decoded, and encoded again. */
export function runFrame(name: string, kind: FrameKind, bytes: Uint8Array, example: FrameExample): void {
  const frame = decodeFrame(bytes);
  const { message, codec } = controlOf(name, kind);
  expect(frame.type).toBe(FRAMES[name as FrameName].type);
  expect(frame.flags).toBe(KIND_FLAGS[kind] | (example.more === true ? Flag.MORE : 0));
  expect(frame.correlation).toBe(example.correlation ?? 0);
  expect(fromCore(message, codec.decode(frame.control))).toEqual(canonical(message, example.header));
  expect(hexOfBytes(frame.payload)).toBe(hexOfBytes(payloadBytes(example.payload)));
  expect(hexOfBytes(frameOf(name, kind, example))).toBe(hexOfBytes(bytes));
  if (name === 'PULL' && kind === 'response') checkPullSizes(example, frame.payload.length);
}

/** The sizes of the results add up to the payload (QNT-PUL-007). */
function checkPullSizes({ header }: FrameExample, payloadLength: number): void {
  const results = (header.results ?? []) as readonly { readonly bytes?: number }[];
  expect(results.reduce((sum, { bytes = 0 }) => sum + bytes, 0)).toBe(payloadLength);
}

/** The bytes are the batch that the example says; encoded again unless another deflater made them. */
export function runBatch(bytes: Uint8Array, example: BatchExample, encodes = true): void {
  expect(batchFormError(bytes)).toBeUndefined();
  expect(bodyChecksumHolds(platform, bytes)).toBe(true);
  if (example.stamp !== undefined) expect(verifyBatch(platform, bytes)).toBeUndefined();
  expect(readBatch(bytes)).toEqual(saidOf(example));
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
      ? StateRecord.encode(toCore('StateRecord', example.state as Json) as never)
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

/** A masked message as a client sends it, in pieces of every size. */
export function runWebSocket(bytes: Uint8Array, { message }: { readonly message: string }): void {
  for (let size = 1; size <= bytes.length; size++) {
    const reader = new MessageReader({ masked: true, onPing: () => undefined, onGivenUp: () => undefined });
    const found: string[] = [];
    for (let at = 0; at < bytes.length; at += size) {
      reader.push(bytes.slice(at, at + size));
      expect(reader.give((frame) => found.push(hexOfBytes(frame)))).toBeUndefined();
    }
    expect(found.join('')).toBe(message);
    expect(reader.isEmpty).toBe(true);
  }
}
