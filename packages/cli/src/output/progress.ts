import type { Diagnostics } from './diagnostics.ts';

const REDRAW_MS = 100;

/** Shows how a long command fares, on a terminal only, at most ten times a second. */
export class Progress {
  readonly #diagnostics: Diagnostics;
  readonly #text: () => string;
  #timer: NodeJS.Timeout | undefined;

  constructor(diagnostics: Diagnostics, text: () => string) {
    this.#diagnostics = diagnostics;
    this.#text = text;
  }

  start(): void {
    if (!this.#diagnostics.isTerminal) return;
    this.#timer = setInterval(() => this.#diagnostics.progress(this.#text()), REDRAW_MS);
    this.#timer.unref();
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#diagnostics.progress('');
  }
}
