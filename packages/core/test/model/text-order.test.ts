import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compareTexts } from '../../src/model/text-order.ts';

const bytes = new TextEncoder();

function compareBytes(one: string, other: string): number {
  const [a, b] = [bytes.encode(one), bytes.encode(other)];
  for (let i = 0; i < Math.min(a.length, b.length); i++) if (a[i] !== b[i]) return (a[i] as number) - (b[i] as number);
  return a.length - b.length;
}

describe('the order of texts', () => {
  it('is that of their UTF-8 bytes, unsigned, shorter first (QNT-NAM-003)', () => {
    const text = fc.string({ unit: 'binary', maxLength: 6 });
    fc.assert(
      fc.property(text, text, text, (start, a, b) => {
        expect(Math.sign(compareTexts(start + a, start + b))).toBe(Math.sign(compareBytes(start + a, start + b)));
      }),
      { numRuns: 5_000 },
    );
  });

  it('puts what lies above U+FFFF last, unlike UTF-16 units (QNT-NAM-003)', () => {
    const sorted = ['', 'Z', 'Za', 'a', 'é', '\u{d7ff}', '\u{e000}', '\u{ffff}', '\u{1f600}', '\u{10ffff}'];
    expect(sorted.toReversed().sort(compareTexts)).toEqual(sorted);
    expect(sorted.toReversed().sort()).not.toEqual(sorted);
  });

  it('tells texts apart that only a reader takes for the same (QNT-NAM-002)', () => {
    expect(compareTexts('Orders', 'orders')).not.toBe(0);
    expect(compareTexts('é', 'e\u0301')).not.toBe(0);
    expect(compareTexts('orders', 'orders')).toBe(0);
  });
});
