import type { Message } from '@qanat/core';
import type { Session } from '../session.ts';
import type { MessageFormat } from './message-format.ts';

/** Prints messages, counts them, and says when there are enough. */
export class MessageSink {
  /** Fires when `countMax` messages were printed, or the session was asked to stop. */
  readonly signal: AbortSignal;
  readonly #session: Session;
  readonly #format: MessageFormat;
  readonly #countMax: number;
  readonly #enough = new AbortController();
  #count = 0;

  constructor(session: Session, format: MessageFormat, countMax: number | undefined) {
    this.#session = session;
    this.#format = format;
    this.#countMax = countMax ?? Number.POSITIVE_INFINITY;
    this.signal = AbortSignal.any([session.signal, this.#enough.signal]);
  }

  get count(): number {
    return this.#count;
  }

  /** No message is printed after this. */
  get isDone(): boolean {
    return this.signal.aborted;
  }

  get hasCountMax(): boolean {
    return this.#countMax !== Number.POSITIVE_INFINITY;
  }

  /** Takes one message; `flush` brings it to the reader. */
  print(message: Message): void {
    for (const piece of this.#format(message)) this.#session.out.write(piece);
    this.#count++;
    if (this.#count >= this.#countMax) this.stop();
  }

  /** Resolves when the reader took everything. @throws EPIPE when there is none. */
  flush(): Promise<void> {
    return this.#session.out.flush();
  }

  stop(): void {
    this.#enough.abort();
  }
}
