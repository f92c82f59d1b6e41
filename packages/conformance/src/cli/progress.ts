import type { Terminal } from './say.ts';

/** A line that is written over itself on a terminal; nothing elsewhere. */
export class Progress {
  readonly #terminal: Terminal;
  #shown = 0;

  constructor(terminal: Terminal) {
    this.#terminal = terminal;
  }

  show(done: number, of: number, what: string): void {
    if (!this.#terminal.interactive) return;
    const text = `${done} of ${of} programs  ${what}`.slice(0, 78);
    this.#terminal.err(`\r${text.padEnd(this.#shown)}`);
    this.#shown = text.length;
  }

  clear(): void {
    if (this.#shown > 0) this.#terminal.err(`\r${' '.repeat(this.#shown)}\r`);
    this.#shown = 0;
  }
}
