import { bytesOf, hexOf } from '../json.ts';
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

/** One event, a line of JSON. */
export const historyLine = (event: HistoryEvent): string =>
  JSON.stringify(event, (_, value) => (value instanceof Uint8Array ? hexOf(value) : value));

/** Reads what `historyLine` wrote. @throws SyntaxError for what is no JSON, TypeError for what is no event. */
export function readHistoryLine(line: string): HistoryEvent {
  const event = JSON.parse(line);
  if (typeof event?.kind !== 'string' || typeof event.atMs !== 'number') throw new TypeError('it has no "kind" and "atMs"');
  return (typeof event.bytes === 'string' ? { ...event, bytes: bytesOf(event.bytes) } : event) as HistoryEvent;
}
