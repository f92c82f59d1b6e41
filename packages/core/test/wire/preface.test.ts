import { encodePreface, PrefaceReader, QanatError } from '@qanat/core';
import { describe, expect, it } from 'vitest';

const outcome = (chunks: Iterable<Uint8Array>): string => {
  const reader = new PrefaceReader();
  let received = 0;
  for (const chunk of chunks) {
    received += chunk.length;
    const given = reader.push(chunk);
    if (given instanceof QanatError) return `${given.code} at ${received}`;
    if (given !== undefined) return `then ${[...given]}`;
  }
  return 'incomplete';
};
const oneByOne = (bytes: Uint8Array): Uint8Array[] => Array.from(bytes, (byte) => Uint8Array.of(byte));

describe('the preface of a connection', () => {
  it('is AB 51 4E 54, the major version and three zeros', () => {
    expect([...encodePreface()]).toEqual([0xab, 0x51, 0x4e, 0x54, 1, 0, 0, 0]);
  });

  it('is read from chunks of any size, and what follows is given back', () => {
    const bytes = Uint8Array.of(...encodePreface(), 7, 8);
    expect(outcome([bytes])).toBe('then 7,8');
    expect(outcome([bytes.subarray(0, 3), bytes.subarray(3)])).toBe('then 7,8');
    expect(outcome(oneByOne(encodePreface()))).toBe('then ');
    expect(outcome([encodePreface().subarray(0, 7)])).toBe('incomplete');
  });

  it('ignores its last three bytes [QNT-INV-004]', () => {
    expect(outcome([Uint8Array.of(0xab, 0x51, 0x4e, 0x54, 1, 9, 9, 9)])).toBe('then ');
  });

  it('finds another version at the fifth byte, and anything else at the first wrong one [QNT-TCP-002]', () => {
    expect(outcome(oneByOne(encodePreface(2)))).toBe('UNSUPPORTED_VERSION at 5');
    expect(outcome(oneByOne(Uint8Array.of(0xab, 0x51, 0x4d)))).toBe('MALFORMED_FRAME at 3');
    expect(outcome([new TextEncoder().encode('GET / HTTP/1.1\r\n')])).toBe('MALFORMED_FRAME at 16');
  });
});
