// For tools: what bytes of the protocol mean, part by part. Nothing that serves imports it.
import type { Platform } from '../platform.ts';
import { BATCH_MAGIC } from '../wire/batch.ts';
import { readUint16 } from '../wire/bytes.ts';
import { PREFACE_BYTES } from '../wire/preface.ts';
import { annotateBatch } from './annotate-batch.ts';
import { annotateEntry } from './annotate-entry.ts';
import { annotateFrame } from './annotate-frame.ts';
import { type AnnotatedPart, PartReader } from './part.ts';

export { FIELDS, type Field, VALUE_NAMES } from './gen/fields.ts';
export type { AnnotatedPart } from './part.ts';

/** What bytes may be. A stream is a preface and frames, or frames alone. */
export type AnnotatedKind = 'stream' | 'batch' | 'entry';

/** What the bytes look like: a batch by its magic number, a stream otherwise. Entries of a log have nothing that tells them. */
export function guessKind(bytes: Uint8Array): AnnotatedKind {
  return bytes.length >= 2 && readUint16(bytes, 0) === BATCH_MAGIC ? 'batch' : 'stream';
}

/**
 * Explains bytes of the protocol to the end, whatever they are; what is not as the specification says is marked `wrong`. The
 * parts are slices of `bytes`, in order and without a gap.
 */
export function annotate(
  bytes: Uint8Array,
  platform: Platform,
  kind: AnnotatedKind = guessKind(bytes),
): readonly AnnotatedPart[] {
  const reader = new PartReader(bytes, 0, bytes.length, []);
  if (kind === 'stream' && bytes[0] === 0xab) annotatePreface(reader);
  const one = { stream: annotateFrame, batch: annotateBatch, entry: annotateEntry }[kind];
  while (reader.left > 0) one(reader, platform);
  return reader.parts;
}

function annotatePreface(reader: PartReader): void {
  if (reader.needs(PREFACE_BYTES, 'the preface')) reader.take(PREFACE_BYTES, `preface, major version ${reader.peek(5)[4]}`);
}
