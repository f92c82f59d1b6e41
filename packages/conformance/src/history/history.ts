import { bytesOf, hexOf } from '../json.ts';
import type { HistoryEvent } from './event.ts';

type NewEvent = HistoryEvent extends infer E ? (E extends HistoryEvent ? Omit<E, 'atMs'> : never) : never;

/** What happened while one program ran, in order. */
export class History {
  readonly events: HistoryEvent[] = [];
  readonly #nowMs: () => number;
  readonly #changed: () => void;

  /** @param changed is called behind each event: whoever waits for one looks again. */
  constructor(nowMs: () => number, changed: () => void = () => {}) {
    this.#nowMs = nowMs;
    this.#changed = changed;
  }

  add(event: NewEvent): void {
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
