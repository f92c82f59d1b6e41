import { isUtf8 } from 'node:buffer';
import type { Connect, Publish } from '@qanat/mqtt';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { binary, concat, connect, decode, hex, packet, refused, text } from './bytes.ts';

const asUserName = (bytes: Uint8Array) => connect({ flags: 0x82, rest: [text('c'), binary(bytes)] });
const asTopic = (bytes: Uint8Array) => packet(0x30, binary(bytes));

test('ill-formed UTF-8 is refused: surrogates, overlong forms, what is cut, what is no byte of UTF-8 [MQTT-1.5.4-1]', () => {
  for (const bytes of [
    'eda080',
    'edbfbf',
    'eda080edb080',
    'c080',
    'c1bf',
    'e08080',
    'e09fbf',
    'f0808080',
    'f08fbfbf',
    'f4908080',
    'f5808080',
    'f888808080',
    'fe',
    'ff',
    '80',
    'bf',
    'c3',
    'e282',
    'f09d84',
    'c328',
    'e28228',
    '61c3',
  ])
    for (const around of ['', '61', '61'.repeat(300)]) {
      expect(refused(asUserName(hex(around + bytes)), 5), bytes).toBe(0x81);
      expect(refused(asTopic(hex(around + bytes)), 4), bytes).toBe(0x81);
    }
});

test('U+0000 is refused wherever it stands [MQTT-1.5.4-2]', () => {
  for (const value of ['\0', 'a\0', '\0a', 'é\0', `${'x'.repeat(300)}\0`, `\0${'x'.repeat(300)}`]) {
    expect(refused(asUserName(new TextEncoder().encode(value)), 5)).toBe(0x81);
    expect(refused(asTopic(new TextEncoder().encode(value)), 4)).toBe(0x81);
  }
});

test('U+FEFF is a character like others, also in front [MQTT-1.5.4-3]', () => {
  for (const value of ['\uFEFF', '\uFEFFa', 'a\uFEFFb', `\uFEFF${'x'.repeat(300)}`]) {
    expect((decode(asUserName(new TextEncoder().encode(value)), 5) as Connect).username).toBe(value);
    expect((decode(asTopic(new TextEncoder().encode(value)), 4) as Publish).topic).toBe(value);
  }
});

test('control characters and non-characters may come: refusing them is allowed, not asked for (section 1.5.4)', () => {
  for (const value of ['\u0001', '\u001F', '\u007F', '\u009F', '\uFFFF', '\u{1FFFE}'])
    expect((decode(asUserName(new TextEncoder().encode(value)), 5) as Connect).username).toBe(value);
});

test('a text is taken exactly when it is UTF-8 without U+0000, and is the text that was meant', () => {
  const piece = fc.oneof(
    fc.string({ unit: 'binary', size: 'max', maxLength: 100 }).map((value) => new TextEncoder().encode(value)),
    fc.uint8Array({ maxLength: 6 }),
    fc.string({ size: 'max', maxLength: 400 }).map((value) => new TextEncoder().encode(value)),
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 4, size: 'max' }), (pieces) => {
      const bytes = concat(...pieces);
      const right = isUtf8(bytes) && !bytes.includes(0);
      expect(refused(asUserName(bytes), 5)).toBe(right ? undefined : 0x81);
      if (right)
        expect((decode(asUserName(bytes), 5) as Connect).username).toBe(
          new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes),
        );
    }),
    { numRuns: 500 },
  );
});

test('a text that says more than the packet has is malformed', () => {
  expect(refused(connect({ rest: [hex('ffff61')] }), 5)).toBe(0x81);
  expect(refused(connect({ rest: [hex('00')] }), 5)).toBe(0x81);
});
