import { type Client, Driver, type QanatError } from '@qanat/core';
import type { ClientGround } from './client-ground.ts';

/** The client's engine with its driver. Calls that come in one turn of the event loop leave together. */
export class EngineRunner {
  readonly engine: Client;
  readonly #driver: Driver;
  #scheduled = false;
  readonly #perform = (): void => {
    this.#scheduled = false;
    this.#driver.perform();
  };

  constructor(
    engine: Client,
    { clock, transports, deriveKey }: Pick<ClientGround, 'clock' | 'transports' | 'deriveKey'>,
    on: { ready(): void; ended(error: QanatError | undefined): void },
  ) {
    this.engine = engine;
    this.#driver = new Driver(engine, {
      clock,
      transports,
      ...(deriveKey === undefined ? {} : { deriveKey }),
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
    this.enter();
    return run(this.engine);
  }

  /** Before calls into the engine: sets its time. What they ask for leaves with the turn. @throws QanatError CLOSED. */
  enter(): void {
    this.engine.enter(this.#driver.begin(this.#scheduled));
    if (this.#scheduled) return;
    this.#scheduled = true;
    queueMicrotask(this.#perform);
  }
}
