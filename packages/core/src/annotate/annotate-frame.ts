// Explains a frame: header, control header, payload (spec, chapter of framing).
import type { Platform } from '../platform.ts';
import { readUint16, readUint32 } from '../wire/bytes.ts';
import { Flag, FRAME_HEADER_BYTES } from '../wire/frame.ts';
import { FRAMES, type FrameName } from '../wire/gen/registry.ts';
import { annotateBatch } from './annotate-batch.ts';
import { annotateMessage } from './annotate-message.ts';
import { annotateStateEntries } from './annotate-state-entries.ts';
import { PartReader } from './part.ts';

const NAMES: ReadonlyMap<number, FrameName> = new Map(
  (Object.keys(FRAMES) as FrameName[]).map((name) => [FRAMES[name].type, name]),
);
const PAYLOAD_LINE_BYTES = 16;

/** Adds the parts of the frame at `reader.at`, or of what there is of it. */
export function annotateFrame(reader: PartReader, platform: Platform): void {
  if (!reader.needs(FRAME_HEADER_BYTES, 'the header of a frame')) return;
  const header = reader.peek(FRAME_HEADER_BYTES);
  const length = readUint32(header, 0);
  const type = readUint16(header, 4);
  const flags = header[6] as number;
  const controlLength = readUint32(header, 12);
  const name = NAMES.get(type);
  reader.take(4, `${length} bytes follow`);
  reader.take(4, `${name ?? `frame type 0x${type.toString(16).padStart(4, '0')}, unknown`}, ${flagNames(flags)}`);
  reader.take(4, `correlation ${readUint32(header, 8)}`);
  reader.take(4, `control header of ${controlLength} bytes`);
  const rest = reader.peek(Math.max(0, length + 4 - FRAME_HEADER_BYTES));
  const control = rest.subarray(0, Math.min(controlLength, rest.length));
  annotateMessage(messageOf(name, flags), new PartReader(control, 0, control.length, reader.parts));
  const payload = rest.subarray(control.length);
  annotatePayload(new PartReader(payload, 0, payload.length, reader.parts), name, flags, platform);
  reader.at += rest.length;
  const missing = length + 4 - FRAME_HEADER_BYTES - rest.length;
  if (missing > 0) reader.takeWrong(0, `the frame goes on for ${missing} bytes that are not here`);
}

function messageOf(name: FrameName | undefined, flags: number): string {
  if ((flags & Flag.ERROR) !== 0) return 'ErrorInfo';
  if (name === undefined) return '';
  return (flags & Flag.RESPONSE) === 0 ? FRAMES[name].request : FRAMES[name].response;
}

function annotatePayload(reader: PartReader, name: FrameName | undefined, flags: number, platform: Platform): void {
  const asked = (flags & Flag.RESPONSE) === 0;
  const batches = (name === 'SEND' && asked) || (name === 'PULL' && !asked);
  while (batches && reader.left > 0) annotateBatch(reader, platform);
  if (hasStateEntries(name, flags)) annotateStateEntries(reader);
  for (let line = 0; reader.left > 0; line++) reader.take(Math.min(PAYLOAD_LINE_BYTES, reader.left), line === 0 ? 'payload' : '');
}

function hasStateEntries(name: FrameName | undefined, flags: number): boolean {
  if ((flags & Flag.ERROR) !== 0) return false;
  const asked = (flags & Flag.RESPONSE) === 0;
  return name === 'STATE_GET' || (name === 'STATE_WRITE' && asked) || (name === 'STATE_SCAN' && !asked);
}

function flagNames(flags: number): string {
  const names = Object.entries(Flag).filter(([, bit]) => (flags & bit) !== 0);
  return names.map(([name]) => name).join('+') || 'no flag';
}
