import { type Client, type Clock, Driver, type QanatError, type Transport } from '@qanat/core';

/** The client's engine with its driver. Calls that come in one turn of the event loop leave together. */
export class EngineRunner {
  readonly engine: Client;
  readonly #driver: Driver;
  #scheduled = false;

  constructor(
    engine: Client,
    clock: Clock,
    transports: readonly Transport[],
    on: { ready(): void; ended(error: QanatError | undefined): void },
  ) {
    this.engine = engine;
    this.#driver = new Driver(engine, {
      clock,
      transports,
      onReady: () => on.ready(),
      onStopped: () => on.ended(undefined),
      onFatal: (error) => on.ended(error),
    });
  }

  start(): void {
    this.#driver.start();
  }

  /** Calls into the engine. @throws QanatError CLOSED after the end. */
  call<Result>(run: (engine: Client) => Result): Result {
    let result: Result | undefined;
    this.#driver.enter((nowMs) => {
      this.engine.enter(nowMs);
      result = run(this.engine);
    });
    if (!this.#scheduled) {
      this.#scheduled = true;
      queueMicrotask(() => {
        this.#scheduled = false;
        this.#driver.perform();
      });
    }
    return result as Result;
  }
}
