import { type AnnotatedPart, annotate } from '@qanat/core/annotate';
import { nodePlatform } from '@qanat/transports/node';
import { hexOf } from '../json.ts';

/** Hex digits that a tree shows of one part, and characters of what it means. */
const HEX_CHARACTERS = 40;
const TEXT_CHARACTERS = 110;
/** Parts that a tree shows before the offending one, and all in all. */
const PARTS_BEFORE = 16;
const PARTS_SHOWN = 32;
/** The header of the frame, which is always shown. */
const PARTS_OF_HEADER = 4;

/** A run of bytes of a frame. */
export interface Mark {
  readonly at: number;
  readonly length: number;
}

/** A frame taken apart, with the part that is wrong. */
export interface DecodeTree {
  readonly bytes: Uint8Array;
  readonly parts: readonly AnnotatedPart[];
  /** The place of the offending part, or -1: the frame as a whole is wrong. */
  readonly offending: number;
  /** The offending bytes: the part, or the field within it. */
  readonly mark: Mark | undefined;
}

/**
 * Explains a frame. The offending part is the first one that is not as the specification says, or that a checker named: by a
 * field (`code`, `next_offset`, `correlation`, `flags`, …), or exactly by its place in the frame (`byte 212`).
 */
export function decodeTree(bytes: Uint8Array, field: string | undefined): DecodeTree {
  const parts = annotate(bytes, nodePlatform, 'stream');
  const exact = /^byte (\d+)$/.exec(field ?? '');
  if (exact !== null) return treeAt(bytes, parts, Number(exact[1]));
  const named = field === undefined ? -1 : placeOf(parts, field);
  const wrong = parts.findIndex((part) => part.wrong === true);
  const isNamed = named >= 0 && (wrong < 0 || named <= wrong);
  const offending = isNamed ? named : wrong;
  const fixed = isNamed ? FIXED[field ?? '']?.mark : undefined;
  return { bytes, parts, offending, mark: fixed ?? markOf(parts, offending) };
}

/** The offending byte is known. */
function treeAt(bytes: Uint8Array, parts: readonly AnnotatedPart[], at: number): DecodeTree {
  let end = 0;
  const offending = parts.findIndex((part) => {
    end += part.bytes.length;
    return at < end;
  });
  return { bytes, parts, offending, mark: offending < 0 ? undefined : { at, length: 1 } };
}

/** Fields of the header of a frame, which is told in four parts; the second has type, flags and a reserved byte. */
const FIXED: Readonly<Record<string, { readonly part: number; readonly mark: Mark }>> = {
  length: { part: 0, mark: { at: 0, length: 4 } },
  type: { part: 1, mark: { at: 4, length: 2 } },
  flags: { part: 1, mark: { at: 6, length: 1 } },
  reserved: { part: 1, mark: { at: 7, length: 1 } },
  correlation: { part: 2, mark: { at: 8, length: 4 } },
  control: { part: 3, mark: { at: 12, length: 4 } },
};

function placeOf(parts: readonly AnnotatedPart[], field: string): number {
  const fixed = FIXED[field];
  if (fixed !== undefined) return fixed.part;
  const name = field
    .replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
    .split('.')
    .at(-1) as string;
  // Fields of a batch are told in words.
  const words = name.replace(/[^\w]/g, '').replaceAll('_', '[_ ]');
  const named = new RegExp(`(^|\\W)${words}(\\W|$)`);
  return parts.findIndex(({ text }) => named.test(text));
}

function markOf(parts: readonly AnnotatedPart[], offending: number): Mark | undefined {
  const part = parts[offending];
  if (part === undefined) return undefined;
  return { at: parts.slice(0, offending).reduce((sum, { bytes }) => sum + bytes.length, 0), length: part.bytes.length };
}

/** The tree as lines of text: `>` and `<-- here` mark the offending part. A long one is shown around it. */
export function treeLines({ parts, offending }: DecodeTree): readonly string[] {
  const lines = parts.map((part, i) => lineOf(part, i === offending));
  if (parts.length <= PARTS_SHOWN) return lines;
  const from = Math.min(Math.max(PARTS_OF_HEADER, offending - PARTS_BEFORE), parts.length - (PARTS_SHOWN - PARTS_OF_HEADER));
  const to = from + PARTS_SHOWN - PARTS_OF_HEADER;
  return [
    ...lines.slice(0, PARTS_OF_HEADER),
    ...leftOut(from - PARTS_OF_HEADER),
    ...lines.slice(from, to),
    ...leftOut(parts.length - to),
  ];
}

const leftOut = (count: number): readonly string[] => (count === 0 ? [] : [`    … ${count} more`]);

function lineOf({ bytes, text, depth, wrong }: AnnotatedPart, here: boolean): string {
  const indent = '  '.repeat(depth);
  const hex = shortened(hexOf(bytes), HEX_CHARACTERS).padEnd(HEX_CHARACTERS + 2 - 2 * depth);
  return `${here || wrong === true ? '  > ' : '    '}${indent}${hex} ${shortened(text, TEXT_CHARACTERS)}${here ? '   <-- here' : ''}`;
}

/** The beginning of a text, with an ellipsis where it goes on. */
export const shortened = (text: string, charactersMax: number): string =>
  text.length > charactersMax ? `${text.slice(0, charactersMax)}…` : text;
