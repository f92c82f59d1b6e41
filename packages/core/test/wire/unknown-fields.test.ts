import { expect, it } from 'vitest';
import { Ping, type QanatError } from '../../src/index.ts';

const UNKNOWN_NUMBER = 0x80;
const numberOf = (bytes: number): Uint8Array => Uint8Array.of(UNKNOWN_NUMBER, 0x01, ...new Array(bytes - 1).fill(0x80), 0x01);

const codeOf = (bytes: Uint8Array): string | undefined => {
  try {
    Ping.decode(bytes);
    return undefined;
  } catch (error) {
    return (error as QanatError).code;
  }
};

it('skips an unknown number of at most ten bytes; a longer one is no number [QNT-TYP-002] [QNT-TYP-007]', () => {
  expect([1, 5, 10, 11, 12].map((bytes) => codeOf(numberOf(bytes)))).toEqual([
    undefined,
    undefined,
    undefined,
    'MALFORMED_FRAME',
    'MALFORMED_FRAME',
  ]);
});
