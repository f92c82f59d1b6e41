import { type AnnotatedPart, annotate } from '@qanat/core/annotate';
import { nodePlatform } from '@qanat/transports/node';
import { hexOf } from '../json.ts';

/** Bytes that a tree shows of one part. */
const HEX_CHARACTERS = 40;
/** Bytes before and behind the offending ones. */
const WINDOW_BYTES = 16;

/** A frame taken apart, with the part that is wrong. */
export interface DecodeTree {
  readonly parts: readonly AnnotatedPart[];
  /** The place of the offending part, or -1: the frame as a whole is wrong. */
  readonly offending: number;
}

/**
 * Explains a frame. The offending part is the first one that is not as the specification says, or the first field by the name
 * that a checker gave (`code`, `next_offset`, `correlation`, `flags`, …).
 */
export function decodeTree(bytes: Uint8Array, field: string | undefined): DecodeTree {
  const parts = annotate(bytes, nodePlatform, 'stream');
  const wrong = parts.findIndex((part) => part.wrong === true);
  return { parts, offending: wrong >= 0 || field === undefined ? wrong : placeOf(parts, field) };
}

/** Names in the fixed part of a frame, which is one part each for length, type with flags, correlation and control length. */
const FIXED: Readonly<Record<string, number>> = { length: 0, type: 1, flags: 1, correlation: 2, control: 3 };

function placeOf(parts: readonly AnnotatedPart[], field: string): number {
  if (field in FIXED) return FIXED[field] as number;
  const name = field
    .replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
    .split('.')
    .at(-1) as string;
  const named = new RegExp(`(^|\\W)${name.replace(/[^\w]/g, '')}(\\W|$)`);
  return parts.findIndex(({ text }) => named.test(text));
}

/** The tree as lines of text: `>` and `<-- here` mark the offending part. */
export function treeLines({ parts, offending }: DecodeTree): readonly string[] {
  return parts.map(({ bytes, text, depth, wrong }, i) => {
    const hex = hexOf(bytes);
    const shown = hex.length > HEX_CHARACTERS ? `${hex.slice(0, HEX_CHARACTERS)}…` : hex;
    const mark = i === offending || wrong === true;
    return `${mark ? '  > ' : '    '}${'  '.repeat(depth)}${shown.padEnd(HEX_CHARACTERS + 2 - 2 * depth)} ${text}${mark ? '   <-- here' : ''}`;
  });
}

/** A window of bytes around the offending part, in hex and as text, with carets under it. Empty when the whole frame is meant. */
export function caretWindow({ parts, offending }: DecodeTree): readonly string[] {
  const part = parts[offending];
  if (part === undefined) return [];
  const whole = Uint8Array.from(parts.flatMap(({ bytes }) => [...bytes]));
  const at = parts.slice(0, offending).reduce((sum, { bytes }) => sum + bytes.length, 0);
  const length = Math.max(1, Math.min(part.bytes.length, WINDOW_BYTES));
  const from = Math.max(0, at - WINDOW_BYTES / 2);
  const shown = whole.subarray(from, Math.min(whole.length, at + length + WINDOW_BYTES / 2));
  const cells = [...shown].map((byte) => byte.toString(16).padStart(2, '0'));
  const letters = [...shown].map((byte) => (byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : '.'));
  const head = `    at byte ${at}: `;
  const before = ' '.repeat(head.length + 3 * (at - from));
  const hexCarets = `^${'-'.repeat(Math.max(0, 3 * length - 3))}^`;
  const gap = ' '.repeat(Math.max(1, 3 * shown.length + 2 - 3 * (at - from) - hexCarets.length + (at - from)));
  return [`${head}${cells.join(' ')}  |${letters.join('')}|`, `${before}${hexCarets}${gap}${'^'.repeat(length)}`];
}
