import { crc32, deflateRawSync, inflateRawSync } from 'node:zlib';
import { type Clock, type Platform, portablePlatform } from '@qanat/core';
import { browserClock, browserDeflate, browserPlatform, FetchedDeflate, fetchInflate } from '@qanat/transports/browser';
import { nodePlatform, systemClock } from '@qanat/transports/node';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';

const ascii = (text: string): Uint8Array => new TextEncoder().encode(text);

describe.each<[string, Platform]>([
  ['Node', nodePlatform],
  ['a browser', browserPlatform],
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

describe.each<[string, Platform]>([
  ['Node', nodePlatform],
  ['a browser', browserPlatform],
])('the deflate of %s', (_name, platform) => {
  const bytes = ascii('so many messages '.repeat(100));
  beforeAll(() => Promise.all([browserDeflate.fetch(), fetchInflate()]));
  const inflatedSize = (deflated: Uint8Array, bytesMax: number): number => {
    try {
      return platform.inflateRaw(deflated, bytesMax).length;
    } catch {
      return -1;
    }
  };

  it('comes back whole when the limit is exact', () => {
    expect(platform.inflateRaw(platform.deflateRaw(bytes), bytes.length)).toEqual(bytes);
    expect(platform.inflateRaw(platform.deflateRaw(new Uint8Array(0)), 0)).toEqual(new Uint8Array(0));
  });

  it('makes bytes shorter, which zlib inflates', () => {
    const deflated = platform.deflateRaw(bytes);
    expect(deflated.length).toBeLessThan(100);
    expect(new Uint8Array(inflateRawSync(deflated))).toEqual(bytes);
  });

  it('throws above the limit and for what is not deflate', () => {
    expect(() => platform.inflateRaw(platform.deflateRaw(bytes), bytes.length - 1)).toThrow();
    expect(() => platform.inflateRaw(platform.deflateRaw(Uint8Array.of(1)), 0)).toThrow();
    expect(() => platform.inflateRaw(Uint8Array.of(0xff, 0xff, 0xff), 1_000)).toThrow();
    expect(() => platform.inflateRaw(new Uint8Array(0), 1_000)).toThrow();
  });

  it('inflates what zlib makes of any bytes, stored, of fixed codes or of its own ones', () => {
    const any = fc.uint8Array({ maxLength: 3_000, size: 'max' });
    const fewSymbols = fc.array(fc.nat(3), { maxLength: 3_000, size: 'max' }).map((list) => Uint8Array.from(list));
    fc.assert(
      fc.property(fc.oneof(any, fewSymbols), fc.nat(9), fc.nat(4), (plain, level, strategy) => {
        expect(platform.inflateRaw(deflateRawSync(plain, { level, strategy }), plain.length)).toEqual(plain);
      }),
      { numRuns: 200 },
    );
  });

  it('refuses of damaged bytes what zlib refuses, and reads the others alike', () => {
    const damage = fc.array(fc.tuple(fc.nat(60), fc.nat(7)), { maxLength: 2 });
    const plain = fc.array(fc.nat(6), { minLength: 1, maxLength: 300, size: 'max' }).map((list) => Uint8Array.from(list));
    fc.assert(
      fc.property(plain, fc.nat(9), fc.nat(4), damage, fc.nat(300), (original, level, strategy, flips, length) => {
        const deflated = deflateRawSync(original, { level, strategy });
        for (const [at, bit] of flips) deflated[at % deflated.length] = (deflated[at % deflated.length] ?? 0) ^ (1 << bit);
        const damaged = deflated.subarray(0, length);
        expect(inflatedSize(damaged, 10_000)).toBe(zlibSize(damaged, 10_000));
      }),
      { numRuns: 2_000 },
    );
  });

  it('stops at the limit where a few bytes would inflate to many, before it sees that they break off', () => {
    const bomb = deflateRawSync(new Uint8Array(1_048_576));
    expect(() => platform.inflateRaw(bomb.subarray(0, -1), 1_000)).toThrow(/(more|larger) than 1000 bytes/);
  });
});

function zlibSize(deflated: Uint8Array, bytesMax: number): number {
  try {
    return inflateRawSync(deflated, { maxOutputLength: bytesMax }).length;
  } catch {
    return -1;
  }
}

describe('a deflate whose compressor is not there yet', () => {
  it('stores any bytes, which makes them longer, so that nothing is sent as deflated, and begins to fetch it', async () => {
    const deflate = new FetchedDeflate();
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300, size: 'max' }), fc.nat(700), (some, times) => {
        const bytes = new Uint8Array(some.length * times).map((_, i) => some[i % some.length] as number);
        const stored = deflate.deflateRaw(bytes);
        expect(stored.length).toBeGreaterThan(bytes.length);
        expect(Buffer.compare(inflateRawSync(stored), bytes)).toBe(0);
      }),
      { numRuns: 50 },
    );
    await deflate.fetch();
    const plain = ascii('so many messages '.repeat(100));
    expect(deflate.deflateRaw(plain).length).toBeLessThan(100);
  });

  it.each([0, 0xffff, 0x1_0000, 0x1_fffe])('stores %i bytes in as many blocks as they need', (length) => {
    const bytes = new Uint8Array(length).fill(7);
    expect(Buffer.compare(inflateRawSync(new FetchedDeflate().deflateRaw(bytes)), bytes)).toBe(0);
  });
});

describe('the deflate of any platform', () => {
  it('is left out', () => {
    expect(() => portablePlatform.deflateRaw(ascii('x'))).toThrow(expect.objectContaining({ code: 'UNSUPPORTED_FEATURE' }));
  });
});

describe.each<[string, Clock]>([
  ['Node', systemClock],
  ['a browser', browserClock],
])('the clock of %s', (_name, clock) => {
  it('runs at or after the time asked for, in a later turn', async () => {
    for (const delayMs of [-5, 0, 0.4, 1.7, 5.2]) {
      const dueMs = clock.nowMs() + delayMs;
      let returned = false;
      await new Promise<void>((resolve) => {
        clock.at(dueMs, () => {
          expect(returned).toBe(true);
          expect(clock.nowMs()).toBeGreaterThanOrEqual(dueMs);
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
    const cancels = [clock.at(0, count), clock.at(clock.nowMs() + 2, count)];
    for (const cancel of cancels) cancel();
    await new Promise<void>((resolve) => void clock.at(clock.nowMs() + 4, resolve));
    expect(ran).toBe(0);
  });
});
