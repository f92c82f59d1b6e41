import type { StartFrom } from '@qanat/client';
import { parseDuration } from './duration.ts';

/** Where to begin to read, as it is written on the command line. */
export type StartPosition = 'first' | 'last' | { readonly timeMs: number } | { readonly offset: number };

export const START_POSITION_FORMS = 'first, last, -1h (ago), 2026-01-31T09:00 or @OFFSET';

const ISO = /^(\d{4})-(\d{2})-(\d{2})(?:[T ](\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?)(Z|[+-]\d{2}:?\d{2})?)?$/i;

/** Without a zone it is the local time. */
function parseTime(text: string): number | undefined {
  const match = ISO.exec(text);
  if (match === null) return undefined;
  const [, year = '', month = '', day = '', time = '00:00', zone = ''] = match;
  const inMonth = new Date(Date.UTC(Number(year), Number(month) - 1, Number(day)));
  // JavaScript reads the 31st of February as the 3rd of March.
  if (inMonth.getUTCMonth() !== Number(month) - 1 || inMonth.getUTCDate() !== Number(day)) return undefined;
  const offset = zone.toUpperCase().replace(/^([+-]\d{2})(\d{2})$/, '$1:$2');
  const timeMs = Date.parse(`${year}-${month}-${day}T${time}${offset}`);
  return Number.isNaN(timeMs) ? undefined : timeMs;
}

/** Reads `--from` and `--to`. Undefined when it is no position. */
export function parseStartPosition(text: string, nowMs: number): StartPosition | undefined {
  if (text === 'first' || text === 'last') return text;
  if (text.startsWith('@')) {
    const offset = Number(text.slice(1));
    return /^@\d+$/.test(text) && Number.isSafeInteger(offset) ? { offset } : undefined;
  }
  if (text.startsWith('-')) {
    const agoMs = parseDuration(text.slice(1));
    return agoMs === undefined ? undefined : { timeMs: Math.max(0, Math.round(nowMs - agoMs)) };
  }
  const timeMs = parseTime(text);
  return timeMs === undefined ? undefined : { timeMs };
}

export const RESET_TARGET_FORMS = `${START_POSITION_FORMS}; +N or -N: by so many messages`;

/** Reads `--to` of a reset, where a bare number with a sign counts messages. Undefined when it is none. */
export function parseResetTarget(text: string, nowMs: number): StartPosition | { readonly moveBy: number } | undefined {
  if (!/^[+-]\d+$/.test(text)) return parseStartPosition(text, nowMs);
  const moveBy = Number(text);
  return Number.isSafeInteger(moveBy) ? { moveBy } : undefined;
}

/** The position as the client takes it where it takes no offset. */
export function toStartFrom(position: Exclude<StartPosition, { readonly offset: number }>): StartFrom {
  return typeof position === 'string' ? position : new Date(position.timeMs);
}

export const isOffset = (position: StartPosition): position is { readonly offset: number } =>
  typeof position === 'object' && 'offset' in position;
