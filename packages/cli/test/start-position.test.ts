import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseDuration } from '../src/duration.ts';
import { parseStartPosition } from '../src/start-position.ts';

const NOW_MS = Date.UTC(2026, 10, 22, 12);
const parse = (text: string) => parseStartPosition(text, NOW_MS);

describe('--from', () => {
  it('reads first and last', () => {
    expect(parse('first')).toBe('first');
    expect(parse('last')).toBe('last');
  });

  it('reads a time ago', () => {
    expect(parse('-1h')).toEqual({ timeMs: NOW_MS - 3_600_000 });
    expect(parse('-1h30m')).toEqual({ timeMs: NOW_MS - 5_400_000 });
    expect(parse('-90')).toEqual({ timeMs: NOW_MS - 90_000 });
    expect(parse('-500ms')).toEqual({ timeMs: NOW_MS - 500 });
  });

  it('reads a time with a zone, and one without as local', () => {
    expect(parse('2026-01-31T09:00:00Z')).toEqual({ timeMs: Date.UTC(2026, 0, 31, 9) });
    expect(parse('2026-01-31 09:00+0200')).toEqual({ timeMs: Date.UTC(2026, 0, 31, 7) });
    expect(parse('2026-01-31T09:00')).toEqual({ timeMs: new Date(2026, 0, 31, 9).getTime() });
    expect(parse('2026-01-31')).toEqual({ timeMs: new Date(2026, 0, 31).getTime() });
  });

  it('reads an offset', () => {
    expect(parse('@0')).toEqual({ offset: 0 });
    expect(parse('@12345')).toEqual({ offset: 12_345 });
  });

  it.each([
    '',
    'First',
    '@',
    '@-1',
    '@1.5',
    `@${2 ** 53}`,
    '-',
    '-1x',
    '1h',
    '2026-02-31',
    '2026-13-01',
    '2026-01-31T25:00',
    '17',
  ])('refuses %j', (text) => {
    expect(parse(text)).toBeUndefined();
  });

  it('reads back every time that it can write', () => {
    fc.assert(
      fc.property(fc.date({ min: new Date(0), max: new Date(4e12), noInvalidDate: true }), (date) => {
        expect(parse(date.toISOString())).toEqual({ timeMs: date.getTime() });
      }),
    );
  });
});

describe('a duration', () => {
  it('is a number with a unit, several of them, or seconds', () => {
    expect(parseDuration('500ms')).toBe(500);
    expect(parseDuration('1.5s')).toBe(1_500);
    expect(parseDuration('2min')).toBe(120_000);
    expect(parseDuration('1d2h')).toBe(93_600_000);
    expect(parseDuration('5')).toBe(5_000);
  });

  it.each(['', 'h', '1h x', '1 h', '-1h', '1y'])('is not %j', (text) => {
    expect(parseDuration(text)).toBeUndefined();
  });
});
