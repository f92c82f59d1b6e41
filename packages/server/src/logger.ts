import type { LogFields, LogLevel } from '@qanat/core';

const RANK: Readonly<Record<LogLevel | 'silent', number>> = { debug: 0, info: 1, warn: 2, error: 3, silent: 4 };
export type LogThreshold = LogLevel | 'silent';
export const LOG_LEVELS: readonly LogThreshold[] = ['debug', 'info', 'warn', 'error', 'silent'];

/** Writes one line per event. */
export type Logger = (level: LogLevel, event: string, fields?: LogFields) => void;

export interface LoggerOptions {
  /** Events below it are dropped. Default `info`. */
  readonly level?: LogThreshold;
  /** `json`: one object per line, for machines. `text`: for people. Default `text` on a terminal, `json` otherwise. */
  readonly format?: 'json' | 'text';
  /** Said with every event: which node speaks. */
  readonly node?: string;
  readonly stream?: NodeJS.WritableStream & { isTTY?: boolean };
}

/** Control and bidirectional characters could forge lines or hide text: they are escaped. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: the rule is about control characters.
const UNSAFE = /[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g;
const FIELD_CHARACTERS_MAX = 256;

function safe(text: string): string {
  const cut = text.length > FIELD_CHARACTERS_MAX ? `${text.slice(0, FIELD_CHARACTERS_MAX)}…` : text;
  return cut.replace(UNSAFE, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

function textLine(node: string | undefined, level: LogLevel, event: string, fields: LogFields): string {
  const time = new Date().toISOString().slice(11, 23);
  const rest = Object.entries(fields)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `${name}=${typeof value === 'string' && /\s/.test(value) ? JSON.stringify(value) : value}`)
    .join(' ');
  return safe(`${time} ${level.padEnd(5)} ${node === undefined ? '' : `${node}: `}${event}${rest === '' ? '' : ` ${rest}`}`);
}

function jsonLine(node: string | undefined, level: LogLevel, event: string, fields: LogFields): string {
  const cleaned = Object.fromEntries(Object.entries(fields).map(([k, v]) => [k, typeof v === 'string' ? safe(v) : v]));
  return JSON.stringify({ time: new Date().toISOString(), level, ...(node === undefined ? {} : { node }), event, ...cleaned });
}

/** A logger on stderr: standard output is for data. */
export function createLogger(options: LoggerOptions = {}): Logger {
  const stream = options.stream ?? process.stderr;
  const threshold = RANK[options.level ?? 'info'];
  const line = (options.format ?? (stream.isTTY === true ? 'text' : 'json')) === 'text' ? textLine : jsonLine;
  return (level, event, fields = {}) => {
    if (RANK[level] >= threshold) stream.write(`${line(options.node, level, event, fields)}\n`);
  };
}
