import { crc32 } from 'node:zlib';
import { type Platform, portablePlatform } from '@qanat/core';
import { nodePlatform, systemClock } from '@qanat/transports/node';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

const ascii = (text: string): Uint8Array => new TextEncoder().encode(text);

describe.each<[string, Platform]>([
  ['Node', nodePlatform],
  ['any platform', portablePlatform],
])('the platform functions of %s', (_name, platform) => {
  it('sum the check value of CRC-32/ISO-HDLC', () => {
    expect(platform.crc32(ascii('123456789'), 0)).toBe(0xcbf4_3926);
    expect(platform.crc32(new Uint8Array(0), 0)).toBe(0);
    expect(platform.crc32(new Uint8Array(0), 0xcbf4_3926)).toBe(0xcbf4_3926);
  });

  it('sum any bytes as zlib does, in one piece or continued from a seed', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400, size: 'max' }), fc.nat(400), (bytes, place) => {
        const cut = Math.min(place, bytes.length);
        const whole = crc32(bytes, 0);
        expect(platform.crc32(bytes, 0)).toBe(whole);
        expect(platform.crc32(bytes.subarray(cut), platform.crc32(bytes.subarray(0, cut), 0))).toBe(whole);
      }),
      { numRuns: 500 },
    );
  });
});

describe('the deflate of Node', () => {
  const bytes = ascii('so many messages '.repeat(100));

  it('comes back whole when the limit is exact', () => {
    expect(nodePlatform.inflateRaw(nodePlatform.deflateRaw(bytes), bytes.length)).toEqual(bytes);
    expect(nodePlatform.inflateRaw(nodePlatform.deflateRaw(new Uint8Array(0)), 0)).toEqual(new Uint8Array(0));
  });

  it('throws above the limit and for what is not deflate', () => {
    expect(() => nodePlatform.inflateRaw(nodePlatform.deflateRaw(bytes), bytes.length - 1)).toThrow();
    expect(() => nodePlatform.inflateRaw(nodePlatform.deflateRaw(Uint8Array.of(1)), 0)).toThrow();
    expect(() => nodePlatform.inflateRaw(Uint8Array.of(0xff, 0xff, 0xff), 1_000)).toThrow();
  });

  it('is left out elsewhere', () => {
    expect(() => portablePlatform.deflateRaw(bytes)).toThrow(expect.objectContaining({ code: 'UNSUPPORTED_FEATURE' }));
  });
});

describe('the system clock', () => {
  it('runs at or after the time asked for, in a later turn', async () => {
    for (const delayMs of [-5, 0, 0.4, 1.7, 5.2]) {
      const dueMs = systemClock.nowMs() + delayMs;
      let returned = false;
      await new Promise<void>((resolve) => {
        systemClock.at(dueMs, () => {
          expect(returned).toBe(true);
          expect(systemClock.nowMs()).toBeGreaterThanOrEqual(dueMs);
          resolve();
        });
        returned = true;
      });
    }
  });

  it('does not run what was cancelled', async () => {
    let ran = 0;
    const count = (): void => {
      ran++;
    };
    const cancels = [systemClock.at(0, count), systemClock.at(systemClock.nowMs() + 2, count)];
    for (const cancel of cancels) cancel();
    await new Promise<void>((resolve) => void systemClock.at(systemClock.nowMs() + 4, resolve));
    expect(ran).toBe(0);
  });
});
