import { annotate } from '@qanat/core/annotate';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { bytesOfHex, fencesOf, hexOf, pages } from '../../../../spec/test/fences.ts';
import { testPlatform as platform } from '../platform.ts';

interface Line {
  readonly hex: string;
  readonly text: string;
}

/** The lines of an example: those without a text go on with the part before. */
function linesOf(body: string): Line[] {
  const lines: Line[] = [];
  for (const row of body.slice(0, body.search(/^\{/m)).split('\n')) {
    const match = /^( *)([0-9a-f ]*?) *(?:# (.*))?$/.exec(row);
    const hex = (match?.[2] ?? '').replaceAll(' ', '');
    if (match?.[3] !== undefined) lines.push({ hex, text: match[3] });
    else if (hex !== '') lines.push({ hex: (lines.pop() as Line).hex + hex, text: '' });
  }
  return lines;
}

const hexText = (bytes: Uint8Array): string => Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
/** What the examples do not say: names of error codes. Enumerations stand there as names or as numbers. */
const comparable = (text: string): string => text.replace(/ \([A-Z_]+\)$/, '');

const KINDS = { frame: 'stream', batch: 'batch', entry: 'entry' } as const;
const examples = pages()
  .flatMap(fencesOf)
  .filter(({ info }) => info[0] === 'hex' && (info[1] as string) in KINDS);

describe('annotated bytes', () => {
  it.each(examples)('of $file:$line say what the specification says ($info)', ({ info, body }) => {
    const kind = KINDS[info[1] as keyof typeof KINDS];
    const parts = annotate(hexOf(body), platform, kind);
    expect(parts.filter((part) => part.wrong)).toEqual([]);
    const said = linesOf(body);
    const got = parts.map(({ bytes, text }) => ({ hex: hexText(bytes), text: comparable(text) }));
    expect(got.map(({ hex }) => hex)).toEqual(said.map(({ hex }) => hex));
    for (const [i, { text }] of said.entries()) {
      if (text !== '' && !/ = (\d+|"[A-Z_]+")$/.test(text)) expect(got[i]?.text).toBe(text);
    }
  });

  it('covers bytes that are cut anywhere, without a gap, and marks the cut', () => {
    for (const { info, body } of examples) {
      const bytes = hexOf(body);
      for (let length = 1; length < bytes.length; length++) {
        const parts = annotate(bytes.subarray(0, length), platform, KINDS[info[1] as keyof typeof KINDS]);
        expect(parts.map((part) => hexText(part.bytes)).join('')).toBe(hexText(bytes.subarray(0, length)));
        expect(parts.some((part) => part.wrong)).toBe(true);
      }
    }
  });

  it('covers a batch whose length or header length is wrong, alone and in an entry, without a gap', () => {
    for (const { info, body } of examples.filter(({ info }) => info[1] !== 'frame')) {
      const whole = hexOf(body);
      const at = info[1] === 'batch' ? 0 : 64;
      for (const [place, byte] of [
        [at + 7, 10],
        [at + 7, 0],
        [at + 3, 200],
      ] as const) {
        const bytes = whole.slice();
        bytes[at + 4] = bytes[at + 5] = bytes[at + 6] = 0;
        bytes[place] = byte;
        const parts = annotate(bytes, platform, KINDS[info[1] as keyof typeof KINDS]);
        expect(parts.map((part) => hexText(part.bytes)).join('')).toBe(hexText(bytes));
      }
    }
  });

  it('marks a batch whose checksum does not hold', () => {
    const batch = hexOf((examples.find(({ info }) => info[1] === 'batch') as { body: string }).body);
    batch[batch.length - 1] = (batch.at(-1) as number) ^ 1;
    expect(annotate(batch, platform).filter((part) => part.wrong)).toEqual([
      expect.objectContaining({ text: 'body checksum, which does not hold' }),
    ]);
  });

  it('takes any bytes as any kind', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ size: 'max', maxLength: 300 }),
        fc.constantFrom('stream', 'batch', 'entry'),
        fc.constantFrom('', 'ab514e54', '0000002002020000', '52420108'),
        (tail, kind, head) => {
          const bytes = new Uint8Array([...bytesOfHex(head), ...tail]);
          const parts = annotate(bytes, platform, kind);
          expect(parts.map((part) => hexText(part.bytes)).join('')).toBe(hexText(bytes));
        },
      ),
    );
  });

  it('begins with the preface where a stream does', () => {
    expect(annotate(bytesOfHex('ab514e5401000000'), platform)).toEqual([
      expect.objectContaining({ text: 'preface, major version 1', depth: 0 }),
    ]);
  });
});
