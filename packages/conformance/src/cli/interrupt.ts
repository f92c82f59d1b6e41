import type { Terminal } from './say.ts';

const SIGNALS = ['SIGINT', 'SIGTERM'] as const;
/** As the shell tells a command that Ctrl-C has ended. */
const KILLED = 130;

/** Ctrl-C and SIGTERM during a run: the first breaks it off, and what was found until then is told; the second ends at once. */
export class Interrupt {
  readonly #controller = new AbortController();
  readonly #terminal: Terminal;
  readonly #abandon: () => void;
  readonly #onSignal = (): void => this.#take();

  /** @param abandon ends what the run has started, without waiting for it. */
  constructor(terminal: Terminal, abandon: () => void) {
    this.#terminal = terminal;
    this.#abandon = abandon;
    for (const signal of SIGNALS) process.on(signal, this.#onSignal);
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  release(): void {
    for (const signal of SIGNALS) process.removeListener(signal, this.#onSignal);
  }

  #take(): void {
    if (this.signal.aborted) {
      this.#abandon();
      process.exit(KILLED);
    }
    this.#terminal.err('\nbroken off: here is what was found until now; once more to end at once\n');
    this.#controller.abort();
  }
}
