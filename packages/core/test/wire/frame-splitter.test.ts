import { BegunFrames, FrameSplitter, LIMITS, type QanatError } from '@qanat/core';
import { testFrame } from '@qanat/core/testing';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

interface Outcome {
  readonly frames: Uint8Array[];
  readonly error: QanatError | undefined;
}

function split(chunks: Iterable<Uint8Array>, frameBytesMax: number): Outcome {
  const splitter = new FrameSplitter();
  splitter.frameBytesMax = frameBytesMax;
  const frames: Uint8Array[] = [];
  for (const chunk of chunks) {
    const error = splitter.push(chunk, (frame) => frames.push(frame));
    if (error !== undefined) return { frames, error };
  }
  return { frames, error: undefined };
}

function concat(parts: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(parts));
}

/** Cuts at any places, also the same one twice: empty chunks. */
function cut(bytes: Uint8Array, places: readonly number[]): Uint8Array[] {
  const ends = [...places.map((place) => Math.floor(place * bytes.length)), bytes.length].sort((a, b) => a - b);
  return ends.map((end, i) => bytes.slice(ends[i - 1] ?? 0, end));
}

const lengths = fc.array(fc.oneof(fc.integer({ min: 12, max: 40 }), fc.integer({ min: 12, max: 5_000 })), {
  maxLength: 30,
  size: 'max',
});
const places = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 60, size: 'max' });

describe('the frame splitter', () => {
  it('gives the same frames however the stream is cut into chunks [QNT-FRM-001]', () => {
    fc.assert(
      fc.property(lengths, places, (sizes, cuts) => {
        const frames = sizes.map((size, i) => testFrame(size, i));
        const given = split(cut(concat(frames), cuts), 5_000);
        expect(given.error).toBeUndefined();
        expect(given.frames.map((frame) => Buffer.from(frame).toString('hex'))).toEqual(
          frames.map((frame) => Buffer.from(frame).toString('hex')),
        );
      }),
      { numRuns: 300 },
    );
  });

  it('finds the same error after the same frames however any bytes are cut into chunks', () => {
    const bytes = fc.uint8Array({ maxLength: 600, size: 'max' }).map((tail) => concat([testFrame(12), testFrame(20, 1), tail]));
    fc.assert(
      fc.property(bytes, places, (stream, cuts) => {
        const whole = split([stream], 300);
        const given = split(cut(stream, cuts), 300);
        expect(given.error?.code).toBe(whole.error?.code);
        expect(given.frames.map((frame) => [...frame])).toEqual(whole.frames.map((frame) => [...frame]));
      }),
      { numRuns: 300 },
    );
  });

  it('assembles frames from chunks of one byte [QNT-FRM-001]', () => {
    const frames = [testFrame(12), testFrame(3_000, 1), testFrame(13, 2)];
    const given = split(
      Array.from(concat(frames), (byte) => Uint8Array.of(byte)),
      3_000,
    );
    expect(given.frames.map((frame) => [...frame])).toEqual(frames.map((frame) => [...frame]));
  });

  it('gives a frame that lies in one chunk without a copy', () => {
    const chunk = concat([testFrame(12), testFrame(500, 1), testFrame(12, 2).subarray(0, 7)]);
    const { frames } = split([chunk], 500);
    expect(frames.map(({ buffer }) => buffer === chunk.buffer)).toEqual([true, true]);
  });

  /** @returns the longest array that was made while chunks of these lengths began the longest frame. */
  function longestArray(chunks: readonly number[], shared?: BegunFrames): number {
    const allocated: number[] = [];
    const Real = globalThis.Uint8Array;
    class Counting extends Real {
      constructor(...args: [number]) {
        super(...args);
        if (typeof args[0] === 'number') allocated.push(args[0]);
      }
    }
    const stream = testFrame(LIMITS.FRAME_BYTES_MAX);
    const ends = chunks.map((_, i) => chunks.slice(0, i + 1).reduce((sum, length) => sum + length, 0));
    const parts = ends.map((end, i) => stream.slice(ends[i - 1] ?? 0, end));
    const splitter = new FrameSplitter(shared);
    splitter.frameBytesMax = LIMITS.FRAME_BYTES_MAX;
    globalThis.Uint8Array = Counting as typeof Uint8Array;
    try {
      for (const part of parts) splitter.push(part, () => {});
    } finally {
      globalThis.Uint8Array = Real;
    }
    return Math.max(...allocated);
  }

  it('allocates by what has arrived, not by what a length field claims [QNT-FRM-003]', () => {
    const longest = longestArray([2, 4, 994]);
    expect(longest).toBeGreaterThanOrEqual(1_000);
    expect(longest).toBeLessThanOrEqual(2_000);
    expect(longestArray([30_000, 2_000])).toBeLessThanOrEqual(60_000);
    expect(longestArray([65_536])).toBe(32 * 65_536);
    expect(longestArray([65_536], new BegunFrames())).toBeLessThanOrEqual(2 * 65_536);
  });

  it('refuses a length below the header and above the limit at its fourth byte [QNT-FRM-002, QNT-INV-007]', () => {
    for (const [length, code] of [
      [0, 'MALFORMED_FRAME'],
      [11, 'MALFORMED_FRAME'],
      [101, 'FRAME_TOO_LARGE'],
      [0xffff_ffff, 'FRAME_TOO_LARGE'],
    ] as const) {
      const field = Uint8Array.of(length >>> 24, length >>> 16, length >>> 8, length);
      expect(split([field], 100).error?.code).toBe(code);
      expect(split([field.subarray(0, 3), field.subarray(3)], 100).error?.code).toBe(code);
    }
  });

  it('gives nothing after an error or a stop', () => {
    const splitter = new FrameSplitter();
    const frames: Uint8Array[] = [];
    const take = (frame: Uint8Array): void => {
      frames.push(frame);
      splitter.stop();
    };
    expect(splitter.push(concat([testFrame(12), testFrame(12)]), take)).toBeUndefined();
    expect(splitter.push(testFrame(12), take)).toBeUndefined();
    expect(frames.length).toBe(1);
  });
});
