// The families of vectors: what is verified for each case. The prose is in spec/v1/vectors/README.md.

import {
  allocateAveragely,
  allocateByCircle,
  allocateSticky,
  batchFormError,
  bodyChecksumHolds,
  codeOfWireNumber,
  decodeFrame,
  HelloOk,
  QanatError,
  queueHash,
  queueOfKey,
  RecordReader,
  textChecksum,
} from '@qanat/core';
import { expect } from 'vitest';
import type { BatchJson as BatchExample } from '../../packages/conformance/src/codec/batch-json.ts';
import {
  canonical,
  codecOf,
  type FrameKind,
  fromCore,
  type HeaderJson as Json,
  toCore,
} from '../../packages/conformance/src/codec/schema-json.ts';
import { SequenceWindow } from '../../packages/core/src/broker/sequence-window.ts';
import { fmix32 } from '../../packages/core/src/model/queue-by-key.ts';
import { portableCrc32 } from '../../packages/core/src/portable-crc32.ts';
import { PrefaceReader } from '../../packages/core/src/wire/preface.ts';
import { testPlatform } from '../../packages/core/test/platform.ts';
import { type FrameExample, runBatch, runFrame } from './example-runs.ts';
import { bytesOfHex, hexOfBytes } from './fences.ts';
import { runFilter, runMapping, runMessage } from './mqtt-runs.ts';
import { greet } from './session-player.ts';

interface Family {
  run(example: unknown): void;
}

const family = <Case>(run: (example: Case) => void): Family => ({ run: run as (example: unknown) => void });

function errorOf(run: () => unknown): string | undefined {
  try {
    run();
    return undefined;
  } catch (error) {
    if (QanatError.is(error)) return error.code;
    throw error;
  }
}

interface HexCase {
  readonly hex: string;
  readonly zeros?: number;
  readonly error?: string;
}

const bytesOf = ({ hex, zeros = 0 }: HexCase): Uint8Array => bytesOfHex(hex + '00'.repeat(zeros));

export const families: Readonly<Record<string, Family>> = {
  preface: family((example: HexCase & { readonly major?: number; readonly incomplete?: boolean }) => {
    const read = new PrefaceReader().push(bytesOf(example));
    if (example.error !== undefined) expect((read as QanatError).code).toBe(example.error);
    else if (example.incomplete === true) expect(read).toBeUndefined();
    else expect(read).toEqual(new Uint8Array(0));
    // The judgement does not depend on how the bytes are cut.
    const bytewise = new PrefaceReader();
    let last: unknown;
    for (const byte of bytesOf(example)) if (!QanatError.is(last)) last = bytewise.push(Uint8Array.of(byte));
    expect(QanatError.is(last) ? last.code : last).toEqual(QanatError.is(read) ? read.code : read);
  }),

  frames: family((example: HexCase & FrameExample & { readonly frame: string; readonly kind: FrameKind }) => {
    if (example.error === undefined) runFrame(example.frame, example.kind, bytesOf(example), example);
    else expect(errorOf(() => decodeFrame(bytesOf(example)))).toBe(example.error);
  }),

  headers: family(({ message, header, ...example }: HexCase & { readonly message: string; readonly header: Json }) => {
    const codec = codecOf(message);
    if (example.error !== undefined) return expect(errorOf(() => codec.decode(bytesOf(example)))).toBe(example.error);
    expect(fromCore(message, codec.decode(bytesOf(example)))).toEqual(canonical(message, header));
    expect(fromCore(message, codec.decode(codec.encode(toCore(message, header))))).toEqual(canonical(message, header));
  }),

  hello: family((example: { readonly server: Json; readonly hello: Json; readonly result: Json }) => {
    const {
      idle_ms: asked,
      minor: least,
      features: active,
    } = example.server as { idle_ms: number; minor: number; features: number[] };
    const { error, header } = greet({ idleMs: asked, minor: least, features: active }, toCore('Hello', example.hello));
    if (error !== undefined) return expect({ error }).toEqual(example.result);
    const { minor, features, idleMs } = HelloOk.decode(header as Uint8Array);
    expect({ minor, features, idle_ms: idleMs }).toEqual(example.result);
  }),

  batches: family((example: HexCase & BatchExample & { readonly by?: string; readonly encodes?: boolean }) => {
    const bytes = bytesOf(example);
    if (example.error === undefined) return runBatch(bytes, example, example.encodes !== false);
    if (example.by === 'broker')
      return expect(batchFormError(bytes) === undefined && bodyChecksumHolds(testPlatform, bytes)).toBe(false);
    expect(batchFormError(bytes)).toBeUndefined();
    expect(bodyChecksumHolds(testPlatform, bytes)).toBe(true);
    expect(errorOf(() => readAll(bytes))).toBe(example.error);
  }),

  errors: family(
    (example: { readonly code: number; readonly name?: string; readonly retryable: boolean; readonly outcome: string }) => {
      const code = codeOfWireNumber(example.code);
      if (example.name !== undefined) expect(code).toBe(example.name);
      const { retryable, outcome } = new QanatError(code, '', { wireNumber: example.code });
      expect({ retryable, outcome }).toEqual({ retryable: example.retryable, outcome: example.outcome });
    },
  ),

  'allocate-averagely': family(
    (example: { readonly queues: number; readonly members: number; readonly shares: readonly (readonly number[])[] }) => {
      example.shares.forEach(([start, count], index) => {
        const share = allocateAveragely(example.queues, example.members, index);
        if (start === undefined) expect(share.count).toBe(0);
        else expect(share).toEqual({ start, count });
      });
    },
  ),

  'allocate-circle': family(
    (example: { readonly queues: number; readonly members: number; readonly owners: readonly number[] }) => {
      const owners = Array.from({ length: example.queues }, (_, queue) => allocateByCircle(queue, example.members));
      expect(owners).toEqual(example.owners);
    },
  ),

  'allocate-sticky': family(
    (example: {
      readonly owners: readonly string[];
      readonly members: readonly string[];
      readonly held: readonly (string | null)[];
      readonly result: readonly string[];
    }) => {
      const owners = allocateSticky(example.owners, example.members, (queue) => example.held[queue] ?? undefined);
      expect(owners).toEqual(example.result);
    },
  ),

  rendezvous: family(
    (example: {
      readonly key: string;
      readonly queues: readonly (readonly [string, number])[];
      readonly queue: readonly [string, number];
      readonly weight: number;
    }) => {
      const hashes = example.queues.map(([broker, queue]) => queueHash(testPlatform, broker, queue));
      const sum = textChecksum(testPlatform, example.key);
      const chosen = queueOfKey(sum, hashes);
      expect(example.queues[chosen]).toEqual(example.queue);
      expect(fmix32(fmix32(sum) ^ (hashes[chosen] as number))).toBe(example.weight);
    },
  ),

  'mqtt-filters': family(runFilter),
  'mqtt-mapping': family(runMapping),
  'mqtt-messages': family(runMessage),

  crc32: family((example: HexCase & { readonly crc32: number }) => {
    for (const crc32 of [testPlatform.crc32, portableCrc32]) {
      const bytes = bytesOf(example);
      expect(crc32(bytes, 0)).toBe(example.crc32);
      for (const at of [0, 1, bytes.length >> 1])
        expect(crc32(bytes.subarray(at), crc32(bytes.subarray(0, at), 0))).toBe(example.crc32);
    }
  }),

  sequence: family(({ steps }: { readonly steps: readonly (SequenceStep & { readonly outcome: string })[] }) => {
    const judge = sequenceJudge();
    for (const { base, count, checksum, ...expected } of steps) expect(judge({ base, count, checksum })).toEqual(expected);
  }),
};

export interface SequenceStep {
  readonly base: number;
  readonly count: number;
  readonly checksum: number;
}

/** The core's window of one producer in one queue whose batches are stored as they are accepted; offsets count from 0. */
export function sequenceJudge(): (batch: SequenceStep) => unknown {
  const window = new SequenceWindow();
  let offset = 0;
  return ({ base, count, checksum }) => {
    try {
      const verdict = window.judge(base, count, checksum);
      if (verdict.kind === 'stored') return { outcome: 'DUPLICATE', offset: verdict.baseOffset };
      if (verdict.kind === 'pending') throw new Error('nothing is pending here');
    } catch (error) {
      if (!QanatError.is(error)) throw error;
      return error.code === 'SEQUENCE_GAP' ? { outcome: error.code, expected: error.expectedSequence } : { outcome: error.code };
    }
    window.stage({ baseSequence: base, count, bodyChecksum: checksum, baseOffset: offset, waiting: undefined });
    window.committed(base, count, checksum, offset, 0);
    offset += count;
    return { outcome: 'STORE', offset: offset - count };
  };
}

function readAll(bytes: Uint8Array): void {
  const reader = new RecordReader(testPlatform, bytes);
  while (reader.next()) hexOfBytes(reader.body);
}
