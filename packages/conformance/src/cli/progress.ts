import type { Terminal } from './say.ts';

/** Elsewhere than on a terminal a line comes so often. */
const LINE_MS = 30_000;

/** A line that is written over itself on a terminal; elsewhere one now and then. */
export class Progress {
  readonly #terminal: Terminal;
  #shown = 0;
  #lineMs = performance.now() + LINE_MS;

  constructor(terminal: Terminal) {
    this.#terminal = terminal;
  }

  show(done: number, of: number, what: string): void {
    const text = `${done} of ${of}  ${what}`.slice(0, 78);
    if (!this.#terminal.interactive) return this.#line(text);
    this.#terminal.err(`\r${text.padEnd(this.#shown)}`);
    this.#shown = text.length;
  }

  #line(text: string): void {
    if (performance.now() < this.#lineMs) return;
    this.#lineMs = performance.now() + LINE_MS;
    this.#terminal.err(`${text}\n`);
  }

  clear(): void {
    if (this.#shown > 0) this.#terminal.err(`\r${' '.repeat(this.#shown)}\r`);
    this.#shown = 0;
  }
}
