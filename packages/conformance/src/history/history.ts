import { deflateRawSync, inflateRawSync } from 'node:zlib';
import { bytesOf, hexOf, isObject } from '../json.ts';
import type { HistoryEvent } from './event.ts';

type NewEvent = HistoryEvent extends infer E ? (E extends HistoryEvent ? Omit<E, 'atMs'> : never) : never;

/** What one program may make the kit keep: the longest ones of its families stay far below. */
const EVENTS_MAX = 100_000;
const BYTES_MAX = 512 * 1_024 * 1_024;

/** For people. */
export const HISTORY_FULL = `more than ${EVENTS_MAX} events or ${BYTES_MAX} bytes came; does the subject or its driver send without end?`;

/** What happened while one program ran, in order. What comes when it is full is not kept. */
export class History {
  readonly events: HistoryEvent[] = [];
  #bytes = 0;
  readonly #nowMs: () => number;
  readonly #changed: () => void;

  /** @param changed is called behind each event: whoever waits for one looks again. */
  constructor(nowMs: () => number, changed: () => void = () => {}) {
    this.#nowMs = nowMs;
    this.#changed = changed;
  }

  get isFull(): boolean {
    return this.events.length >= EVENTS_MAX || this.#bytes > BYTES_MAX;
  }

  add(event: NewEvent): void {
    if (this.isFull) return;
    if ('bytes' in event) this.#bytes += event.bytes.length;
    this.events.push({ ...event, atMs: this.#nowMs() } as HistoryEvent);
    this.#changed();
  }

  /** For those who wait for something that stands in no event. */
  changed(): void {
    this.#changed();
  }
}

/** Bytes from which on they are deflated in a line: long frames are filled with one byte or one text mostly. */
const DEFLATED_FROM = 4_096;

/** One event, a line of JSON. */
export const historyLine = (event: HistoryEvent): string =>
  JSON.stringify(event, (_, value) => (value instanceof Uint8Array ? textOf(value) : value));

const textOf = (bytes: Uint8Array): string | { readonly deflated: string } =>
  bytes.length < DEFLATED_FROM ? hexOf(bytes) : { deflated: deflateRawSync(bytes).toString('base64') };

/** Reads what `historyLine` wrote. @throws SyntaxError for what is no JSON, TypeError for what is no event. */
export function readHistoryLine(line: string): HistoryEvent {
  const event = JSON.parse(line);
  if (typeof event?.kind !== 'string' || typeof event.atMs !== 'number') throw new TypeError('it has no "kind" and "atMs"');
  return (event.bytes === undefined ? event : { ...event, bytes: bytesIn(event.bytes) }) as HistoryEvent;
}

function bytesIn(given: unknown): Uint8Array {
  if (typeof given === 'string') return bytesOf(given);
  if (!isObject(given) || typeof given.deflated !== 'string') throw new TypeError('"bytes" is neither hex nor deflated');
  return new Uint8Array(inflateRawSync(Buffer.from(given.deflated, 'base64'), { maxOutputLength: BYTES_MAX }));
}
