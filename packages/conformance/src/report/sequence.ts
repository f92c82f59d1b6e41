import { CONTROL_HEADERS, decodeFrame, ErrorInfo, Flag, FRAME_NAMES } from '@qanat/core';
import type { HistoryEvent } from '../history/event.ts';
import { codeName } from '../history/view.ts';

/** Events shown before the offending one. */
const BEFORE = 14;

/** One arrow of a sequence diagram. */
export interface Arrow {
  readonly atMs: number;
  /** `kit>subject`, `subject>kit`, or something that happened at one side. */
  readonly way: '>' | '<' | 'note';
  readonly connection: number | undefined;
  readonly text: string;
  readonly offending: boolean;
}

/** What happened up to the offending event and just behind it, as arrows between kit and subject. */
export function arrowsAround(events: readonly HistoryEvent[], index: number): readonly Arrow[] {
  const arrows = events.map((event, i) => arrowOf(event, i === index)).slice(0, index + 3);
  const shown = arrows.filter((arrow): arrow is Arrow => arrow !== undefined);
  return shown.slice(-BEFORE);
}

function arrowOf(event: HistoryEvent, offending: boolean): Arrow | undefined {
  const base = { atMs: event.atMs, offending, connection: 'connection' in event ? event.connection : undefined };
  switch (event.kind) {
    case 'frame':
      return { ...base, way: event.from === 'kit' ? '>' : '<', text: frameText(event.bytes) };
    case 'bytes':
      return { ...base, way: event.from === 'kit' ? '>' : '<', text: `${event.bytes.length} bytes that are no whole frame` };
    case 'opened':
      return { ...base, way: 'note', text: `open (${event.node})` };
    case 'closed':
      return { ...base, way: 'note', text: `closed by the ${event.by}` };
    case 'refused':
      return { ...base, way: 'note', text: `not opened: ${event.why}` };
    case 'broken':
      return { ...base, way: '<', text: `no frame: ${event.why}` };
    case 'subject':
    case 'node':
      return { ...base, way: 'note', text: `${event.kind === 'node' ? event.node : 'subject'} ${event.what}` };
    case 'meddled':
      return { ...base, way: 'note', text: `the kit meddles: ${event.what} ${event.frame}` };
    case 'call':
      return { ...base, way: '>', text: `driver: ${event.op} ${shortJson(event.args)}` };
    case 'result':
      return { ...base, way: '<', text: `driver: ${event.op} ${shortJson(event.error ?? event.ok)}` };
    case 'told':
      return { ...base, way: '<', text: `${event.client} tells ${event.event} ${shortJson(event.args)}` };
    default:
      return undefined;
  }
}

const shortJson = (value: unknown): string => (JSON.stringify(value) ?? '').slice(0, 100);

/** A frame in a few words: name, number, and the code of an error. */
export function frameText(bytes: Uint8Array): string {
  try {
    const { type, flags, correlation, control, payload } = decodeFrame(bytes);
    const known = FRAME_NAMES.get(type);
    const name = known ?? `0x${type.toString(16).padStart(4, '0')}`;
    const size = payload.length > 0 ? `, ${payload.length} bytes` : '';
    if ((flags & Flag.RESPONSE) !== 0 && (flags & Flag.ERROR) !== 0)
      return `${name} #${correlation} ${codeName(ErrorInfo.decode(control).code)}`;
    if ((flags & Flag.RESPONSE) !== 0) return `${name} #${correlation} ok${size}`;
    if ((flags & Flag.ONEWAY) === 0) return `${name} #${correlation}${size}`;
    const code = known === 'GOAWAY' ? ` ${codeName(CONTROL_HEADERS.GOAWAY.request.decode(control).code)}` : '';
    return `${name}${code} (one-way)${size}`;
  } catch {
    return `a frame of ${bytes.length} bytes that cannot be read`;
  }
}

/** Arrows as text: kit on the left, subject on the right. */
export function sequenceLines(arrows: readonly Arrow[]): readonly string[] {
  return arrows.map(({ atMs, way, connection, text, offending }) => {
    const where = connection === undefined ? '   ' : `c${connection}`.padEnd(3);
    const line = way === '>' ? `kit ──▶ ${text}` : way === '<' ? `    ◀── ${text}` : `    ·   ${text}`;
    return `${offending ? '  > ' : '    '}${atMs.toFixed(1).padStart(9)} ms ${where} ${line}${offending ? '   <-- here' : ''}`;
  });
}
