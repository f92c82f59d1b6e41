import fc from 'fast-check';
import { expect, it } from 'vitest';
import { historyLine, readHistoryLine } from '../../src/history/history.ts';

const frame = (bytes: Uint8Array) => ({ kind: 'frame', atMs: 1, connection: 1, from: 'kit', bytes }) as const;

it('any bytes survive the way through a line', () => {
  const bytes = fc.uint8Array({ maxLength: 10_000, size: 'max' });
  fc.assert(
    fc.property(bytes, (some) => {
      expect(readHistoryLine(historyLine(frame(some)))).toEqual(frame(some));
    }),
  );
});

it('a long frame of one byte is a short line', () => {
  const line = historyLine(frame(new Uint8Array(4_000_000).fill(97)));
  expect(line.length).toBeLessThan(10_000);
  const read = readHistoryLine(line) as ReturnType<typeof frame>;
  // Compared byte by byte, four million of them take the test library half a minute.
  expect({ ...read, bytes: undefined }).toEqual({ ...frame(new Uint8Array(0)), bytes: undefined });
  expect(Buffer.compare(read.bytes, Buffer.alloc(4_000_000, 97))).toBe(0);
});

it.each([
  ['neither hex nor deflated', '{"kind":"frame","atMs":1,"bytes":7}'],
  ['deflated bytes that are none', '{"kind":"frame","atMs":1,"bytes":{"deflated":"//8="}}'],
])('refuses %s', (_, line) => expect(() => readHistoryLine(line)).toThrow());
