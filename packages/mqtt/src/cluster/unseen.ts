/** What was stored so long ago counts no more, ms: a queue whose broker is away must not hold up the others. */
export const UNSEEN_MS_MAX = 10_000;

/** One batch that was stored. */
interface Span {
  readonly to: number;
  readonly bytes: number;
  readonly atMs: number;
}

/** What this bridge stored and its own tails have not brought back: the messages that its devices have still to be sent. */
export class Unseen {
  /** By the number of the queue, in the order of their places. */
  readonly #queues = new Map<number, Span[]>();
  #bytes = 0;

  get bytes(): number {
    return this.#bytes;
  }

  /** @param to offset behind the last message. */
  stored(queue: number, to: number, bytes: number, nowMs: number): void {
    this.#bytes += bytes;
    const span = { to, bytes, atMs: nowMs };
    const spans = this.#queues.get(queue);
    if (spans === undefined) this.#queues.set(queue, [span]);
    else spans.push(span);
  }

  /** The tail of a queue has come to a place. */
  seen(queue: number, position: number): void {
    const spans = this.#queues.get(queue);
    if (spans !== undefined) this.#drop(spans, ({ to }) => to <= position);
  }

  /** Counts no more what was stored long ago. */
  forget(nowMs: number): void {
    for (const spans of this.#queues.values()) this.#drop(spans, ({ atMs }) => nowMs - atMs > UNSEEN_MS_MAX);
  }

  /** Drops the oldest ones, as far as they are meant. */
  #drop(spans: Span[], isMeant: (span: Span) => boolean): void {
    let count = 0;
    for (let span = spans[0]; span !== undefined && isMeant(span); span = spans[++count]) this.#bytes -= span.bytes;
    if (count > 0) spans.splice(0, count);
  }
}
