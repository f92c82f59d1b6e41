import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Line, LineSplitter } from '../src/send/line-splitter.ts';

function split(chunks: readonly Uint8Array[], bytesMax = 1_000): Line[] {
  const splitter = new LineSplitter(bytesMax);
  return [...chunks.flatMap((chunk) => splitter.push(chunk)), ...splitter.end()];
}

const texts = (lines: readonly Line[]): string[] => lines.map(({ bytes }) => Buffer.from(bytes).toString());

describe('lines of a stream', () => {
  it('counts a last line without a line end, and no line after the last line end', () => {
    expect(texts(split([Buffer.from('a\nb')]))).toEqual(['a', 'b']);
    expect(texts(split([Buffer.from('a\nb\n')]))).toEqual(['a', 'b']);
    expect(texts(split([]))).toEqual([]);
  });

  it('takes empty lines for lines and keeps a carriage return', () => {
    expect(texts(split([Buffer.from('\n\nx\r\n\n')]))).toEqual(['', '', 'x\r', '']);
  });

  it('says which line is too long, whatever the chunks, and goes on behind it', () => {
    const lines = split([Buffer.from('ok\n123'), Buffer.from('45'), Buffer.from('6\nnext\n12345')], 5);
    expect(lines.map(({ number, tooLong }) => [number, tooLong])).toEqual([
      [1, false],
      [2, true],
      [3, false],
      [4, false],
    ]);
    expect(texts(lines)).toEqual(['ok', '', 'next', '12345']);
  });

  it('gives the same lines wherever the chunks are cut: inside a character, between CR and LF', () => {
    const text = fc.string({
      unit: fc.constantFrom('\n', '\r\n', 'a', 'é', '水', '😀', '\r', '\0'),
      maxLength: 400,
      size: 'max',
    });
    fc.assert(
      fc.property(text, fc.array(fc.nat(), { maxLength: 40, size: 'max' }), (content, cuts) => {
        const bytes = Buffer.from(content);
        const borders = [0, ...cuts.map((cut) => cut % (bytes.length + 1)).sort((a, b) => a - b), bytes.length];
        const chunks = borders.slice(1).map((end, i) => bytes.subarray(borders[i], end));
        const expected = content.split('\n');
        if (expected.at(-1) === '') expected.pop();
        const lines = split(chunks, 1_000_000);
        expect(texts(lines)).toEqual(expected);
        expect(lines.map(({ number }) => number)).toEqual(expected.map((_, i) => i + 1));
      }),
    );
  });
});
