/** Events that wait for a reader who is slower than they come; the oldest are dropped beyond it. */
export const EVENTS_WAITING_MAX = 1_024;

/** An async iterator over what is pushed into it. */
export class EventStream<Event> implements AsyncIterableIterator<Event> {
  #waiting: Event[] = [];
  #readers: ((result: IteratorResult<Event>) => void)[] = [];
  #ended = false;
  readonly #onReturn: () => void;

  constructor(onReturn: () => void) {
    this.#onReturn = onReturn;
  }

  push(event: Event): void {
    if (this.#ended) return;
    const reader = this.#readers.shift();
    if (reader !== undefined) return reader({ done: false, value: event });
    if (this.#waiting.length >= EVENTS_WAITING_MAX) this.#waiting.shift();
    this.#waiting.push(event);
  }

  end(): void {
    this.#ended = true;
    for (const reader of this.#readers.splice(0)) reader({ done: true, value: undefined });
  }

  next(): Promise<IteratorResult<Event>> {
    const event = this.#waiting.shift();
    if (event !== undefined) return Promise.resolve({ done: false, value: event });
    if (this.#ended) return Promise.resolve({ done: true, value: undefined });
    return new Promise((resolve) => this.#readers.push(resolve));
  }

  return(): Promise<IteratorResult<Event>> {
    this.#waiting = [];
    this.end();
    this.#onReturn();
    return Promise.resolve({ done: true, value: undefined });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}
