import { describe, expect, it } from 'vitest';
import { keyOfLine } from '../src/send/key-of-line.ts';

const keyOf = (expression: string, line: string): string | undefined => keyOfLine(expression)(Buffer.from(line));

describe('--key-regex', () => {
  it('takes the first group of the first match', () => {
    expect(keyOf('^([^,]+),', 'k-1,a,b')).toBe('k-1');
    expect(keyOf('user=(\\w+) id=(\\d+)', 'x user=ada id=7')).toBe('ada');
    expect(keyOf('"id":"(\\p{L}+)"', '{"id":"名前"}')).toBe('名前');
  });

  it('finds no key where it does not match, or matches nothing', () => {
    expect(keyOf('^(\\d+)', 'abc')).toBeUndefined();
    expect(keyOf('^(\\d*)', 'abc')).toBeUndefined();
    expect(keyOf('a|(b)', 'a')).toBeUndefined();
  });

  it('bears lines that are no UTF-8', () => {
    expect(keyOfLine('^(\\w+)')(Uint8Array.of(0x61, 0xff, 0xfe))).toBe('a');
  });

  it('refuses what is no expression or has no group', () => {
    expect(() => keyOfLine('(')).toThrow('--key-regex');
    expect(() => keyOfLine('abc')).toThrow('has no group');
    expect(() => keyOfLine('(?:abc)')).toThrow('has no group');
  });
});
