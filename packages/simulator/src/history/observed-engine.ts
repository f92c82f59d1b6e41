import type { Engine, Input, Output } from '@qanat/core';

/** Looks at what an engine is given and what it asks for; changes nothing. */
export interface EngineObserver {
  /** Before the engine is given it. */
  input(input: Input): void;
  output(output: Output): void;
  /** All outputs of a burst of inputs were seen. */
  drained?(): void;
}

/** An engine that is observed. */
export class ObservedEngine implements Engine {
  readonly #engine: Engine;
  readonly #observer: EngineObserver;

  constructor(engine: Engine, observer: EngineObserver) {
    this.#engine = engine;
    this.#observer = observer;
  }

  handle(input: Input, nowMs: number): void {
    this.#observer.input(input);
    this.#engine.handle(input, nowMs);
  }

  tick(nowMs: number): void {
    this.#engine.tick(nowMs);
  }

  drain(): readonly Output[] {
    const outputs = this.#engine.drain();
    for (const output of outputs) this.#observer.output(output);
    this.#observer.drained?.();
    return outputs;
  }

  nextDeadlineMs(): number | undefined {
    return this.#engine.nextDeadlineMs();
  }
}
