// Explains an entry of the commit log (spec, chapter of the log entry).
import { ENTRY_AT, ENTRY_HEADER_BYTES, EntryKind } from '../broker/log/entry.ts';
import type { Platform } from '../platform.ts';
import { readUint16, readUint32, readUint53 } from '../wire/bytes.ts';
import { annotateBatch } from './annotate-batch.ts';
import { annotateMessage } from './annotate-message.ts';
import { PartReader } from './part.ts';

/** Adds the parts of the entry at `reader.at`; its checksums are a matter of `qanat log verify`, which knows the entry before. */
export function annotateEntry(reader: PartReader, platform: Platform): void {
  if (!reader.needs(ENTRY_HEADER_BYTES, 'the header of an entry')) return;
  const header = reader.peek(ENTRY_HEADER_BYTES);
  const length = readUint32(header, ENTRY_AT.length);
  const kind = header[ENTRY_AT.kind] as number;
  reader.take(4, `${length} bytes, this header included`);
  reader.take(4, 'header checksum');
  reader.take(4, `version ${header[ENTRY_AT.version]}, kind ${kind}, flags ${readUint16(header, ENTRY_AT.flags)}`);
  reader.take(
    12,
    `topic id ${readUint32(header, ENTRY_AT.topicId)}, queue ${readUint32(header, ENTRY_AT.queue)}, term ${readUint32(header, ENTRY_AT.term)}`,
  );
  reader.take(8, `position ${readUint53(header, ENTRY_AT.position)}`);
  reader.take(8, `synced position ${readUint53(header, ENTRY_AT.syncedPosition)}`);
  reader.take(8, 'previous chain, chain');
  reader.take(16, 'due time, source position');
  const body = reader.peek(Math.max(0, length - ENTRY_HEADER_BYTES));
  const inner = new PartReader(body, 0, body.length, reader.parts);
  if (kind === EntryKind.BATCH) annotateBatch(inner, platform);
  else if (kind === EntryKind.STATE) annotateMessage('StateRecord', inner);
  else inner.takeWrong(inner.left, `an entry of kind ${kind}, which version 1.0 does not know`);
  if (inner.left > 0) inner.takeWrong(inner.left, 'bytes behind what the entry holds');
  reader.at += body.length;
  if (body.length < length - ENTRY_HEADER_BYTES) reader.takeWrong(0, `the entry has ${length} bytes, the bytes end before`);
}
