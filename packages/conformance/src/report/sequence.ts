import { CONTROL_HEADERS, decodeFrame, ErrorInfo, Flag, FRAME_NAMES, type Frame, PREFACE_BYTES } from '@qanat/core';
import { packetText } from '../families/mqtt/wire/packet.ts';
import { closeCodeOf } from '../ground/websocket/close-codes.ts';
import type { EventOf, HistoryEvent } from '../history/event.ts';
import { isMark } from '../history/preface.ts';
import { codeName } from '../history/view.ts';
import { hexOf, isObject } from '../json.ts';
import { numberOf } from '../play/program.ts';
import { shortened } from './decode-tree.ts';

/** Arrows shown up to the offending one, and events behind it. */
const BEFORE = 14;
const BEHIND = 2;
const JSON_CHARACTERS = 100;
const BYTES_SHOWN = 16;

/** One arrow of a sequence diagram. */
export interface Arrow {
  /** Since the program began. */
  readonly atMs: number;
  /** `kit>subject`, `subject>kit`, or something that happened at one side. */
  readonly way: '>' | '<' | 'note';
  readonly connection: number | undefined;
  readonly text: string;
  readonly offending: boolean;
}

/** What happened up to the offending event and just behind it, as arrows between kit and subject. */
export function arrowsAround(events: readonly HistoryEvent[], index: number): readonly Arrow[] {
  const near = events.slice(0, index + 1 + BEHIND);
  // The beginning of a frame is noted at the end, and may be the answer that is missed.
  const here = connectionOf(events[index]);
  const begun = events.slice(index + 1 + BEHIND).filter((event) => isUnfinished(event) && connectionOf(event) === here);
  const arrows = [...near, ...begun].map((event, i) => arrowOf(event, i === index));
  const beginMs = events[0]?.atMs ?? 0;
  const shown = arrows.flatMap((arrow) => (arrow === undefined ? [] : [{ ...arrow, atMs: arrow.atMs - beginMs }]));
  return joinAlike(shown).slice(-BEFORE);
}

const isUnfinished = (event: HistoryEvent): event is EventOf<'note'> => event.kind === 'note' && event.note === 'unfinished';

function connectionOf(event: HistoryEvent | undefined): number | undefined {
  if (event === undefined) return undefined;
  if ('connection' in event) return event.connection;
  return isUnfinished(event) && isObject(event.args) ? numberOf(event.args, 'connection', 0) : undefined;
}

/** What is repeated would push out what led to it: a row of frames that differ by their number only becomes one arrow. */
function joinAlike(arrows: readonly Arrow[]): readonly Arrow[] {
  const rows: Arrow[][] = [];
  for (const arrow of arrows) {
    const row = rows.at(-1);
    if (row !== undefined && !arrow.offending && isAlike(row[0] as Arrow, arrow)) row.push(arrow);
    else rows.push([arrow]);
  }
  return rows.map(joined);
}

const NUMBER = /#\d+/;

const isAlike = (one: Arrow, other: Arrow): boolean =>
  !one.offending &&
  one.way === other.way &&
  one.connection === other.connection &&
  NUMBER.test(one.text) &&
  one.text.replace(NUMBER, '') === other.text.replace(NUMBER, '');

function joined(row: readonly Arrow[]): Arrow {
  const [first] = row as [Arrow];
  if (row.length === 1) return first;
  const last = NUMBER.exec(row.at(-1)?.text ?? '')?.[0];
  return { ...first, text: `${first.text.replace(NUMBER, (number) => `${number} to ${last}`)} (${row.length} of them)` };
}

function arrowOf(event: HistoryEvent, offending: boolean): Arrow | undefined {
  const base = { atMs: event.atMs, offending, connection: connectionOf(event) };
  switch (event.kind) {
    case 'frame':
      return { ...base, way: event.from === 'kit' ? '>' : '<', text: frameText(event.bytes) };
    case 'packet':
      return { ...base, way: event.from === 'kit' ? '>' : '<', text: packetText(event.bytes) };
    case 'bytes':
      return { ...base, way: event.from === 'kit' ? '>' : '<', text: bytesText(event.bytes) };
    case 'connected':
      return { ...base, way: 'note', text: `a stream to ${event.node} for WebSocket` };
    case 'upgrade':
      return {
        ...base,
        way: event.from === 'kit' ? '>' : '<',
        text: shortened(event.text.split('\r\n')[0] ?? '', JSON_CHARACTERS),
      };
    case 'message':
      return { ...base, way: event.from === 'kit' ? '>' : '<', text: messageText(event) };
    case 'opened':
      return { ...base, way: 'note', text: event.by === 'kit' ? 'the kit connects' : `the subject connects to ${event.node}` };
    case 'closed':
      return { ...base, way: 'note', text: `${event.clean ? 'closed' : 'broken off'} by the ${event.by}` };
    case 'refused':
      return { ...base, way: 'note', text: `not opened: ${event.why}` };
    case 'broken':
      return { ...base, way: '<', text: `no frame: ${event.why}` };
    case 'subject':
    case 'node':
      return { ...base, way: 'note', text: `${event.kind === 'node' ? event.node : 'the subject'} ${event.what}` };
    case 'meddled':
      return { ...base, way: 'note', text: `the kit meddles: ${event.what} ${event.frame}` };
    case 'call':
      return { ...base, way: '>', text: `driver: ${event.op} ${shortJson(event.args)}` };
    case 'result':
      return { ...base, way: '<', text: `driver: ${event.op} ${shortJson(event.error ?? event.ok)}` };
    case 'told':
      return { ...base, way: '<', text: `${event.client} tells ${event.event} ${shortJson(event.args)}` };
    case 'note':
      return isUnfinished(event) ? { ...base, way: '<', text: unfinishedText(event) } : undefined;
    default:
      return undefined;
  }
}

/** The connection had the beginning of a frame when the program ended. */
const unfinishedText = ({ args }: EventOf<'note'>): string =>
  isObject(args) ? `the beginning of a frame, ${args.bytes} bytes; the rest never came: ${args.hex}` : '';

/** A message of WebSocket in a few words. */
function messageText({ type, length, pieces, bytes, breach }: EventOf<'message'>): string {
  const code = type === 'close' ? ` (${closeCodeOf(bytes) ?? 'no code'})` : '';
  const cut = pieces === 1 ? '' : ` in ${pieces} pieces`;
  return `a ${type} message${code} of ${length} bytes${cut}${breach === undefined ? '' : `, with ${breach}`}`;
}

const bytesText = (bytes: Uint8Array): string => {
  const hex = shortened(hexOf(bytes), 2 * BYTES_SHOWN);
  return isPreface(bytes) ? `the preface: ${hex}` : `${bytes.length} bytes that are no whole frame: ${hex}`;
};

/** Of any version. */
const isPreface = (bytes: Uint8Array): boolean => bytes.length === PREFACE_BYTES && isMark(bytes);

const shortJson = (value: unknown): string => shortened(JSON.stringify(value) ?? '', JSON_CHARACTERS);

/** A frame in a few words: name, number, flags that matter, and the code of an error. */
export function frameText(bytes: Uint8Array): string {
  let frame: Frame;
  try {
    frame = decodeFrame(bytes);
  } catch {
    return `a frame of ${bytes.length} bytes that cannot be read`;
  }
  const { type, flags, correlation, payload } = frame;
  const name = FRAME_NAMES.get(type) ?? `0x${type.toString(16).padStart(4, '0')}`;
  const size = payload.length > 0 ? `, ${payload.length} bytes` : '';
  const more = (flags & Flag.MORE) !== 0 ? ', more to come' : '';
  if ((flags & Flag.RESPONSE) !== 0) return `${name} #${correlation} ${outcomeText(frame)}${size}${more}`;
  if ((flags & Flag.ONEWAY) === 0) return `${name} #${correlation}${size}${more}`;
  return `${name}${name === 'GOAWAY' ? ` ${codeIn(() => CONTROL_HEADERS.GOAWAY.request.decode(frame.control).code)}` : ''} (one-way)${size}`;
}

const outcomeText = ({ flags, control }: Frame): string =>
  (flags & Flag.ERROR) === 0 ? 'ok' : codeIn(() => ErrorInfo.decode(control).code);

function codeIn(decode: () => number): string {
  try {
    return codeName(decode());
  } catch {
    return 'with an error that cannot be read';
  }
}

/** Arrows as text: kit on the left, subject on the right. */
export function sequenceLines(arrows: readonly Arrow[]): readonly string[] {
  const labels = arrows.map(({ connection }) => (connection === undefined ? '' : `c${connection}`));
  const width = Math.max(3, ...labels.map(({ length }) => length));
  return arrows.map(({ atMs, way, text, offending }, i) => {
    const where = (labels[i] as string).padEnd(width);
    const line = way === '>' ? `kit ──▶ ${text}` : way === '<' ? `    ◀── ${text}` : `    ·   ${text}`;
    return `${offending ? '  > ' : '    '}${atMs.toFixed(1).padStart(9)} ms ${where} ${line}${offending ? '   <-- here' : ''}`;
  });
}
