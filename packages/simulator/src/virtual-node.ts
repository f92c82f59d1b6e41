import {
  type Clock,
  type ConsensusStore,
  Driver,
  type DriverOptions,
  type Engine,
  type QanatError,
  type Storage,
  type Transport,
} from '@qanat/core';
import { type EngineObserver, ObservedEngine } from './history/index.ts';
import type { Trace } from './trace.ts';
import { TracedEngine } from './traced-engine.ts';

export interface NodeEngine extends Engine {
  stop?(nowMs: number): void;
}

export interface VirtualNodeOptions {
  readonly name: string;
  readonly clock: Clock;
  readonly transport: Transport;
  readonly storage?: Storage;
  readonly consensus?: ConsensusStore;
  readonly trace?: Trace;
  /** Looks at what the engine gets and gives. */
  readonly observer?: EngineObserver;
  /** For engines that log in by password. */
  readonly deriveKey?: DriverOptions<never>['deriveKey'];
  readonly onLog?: DriverOptions<never>['onLog'];
}

/** One engine with its driver in virtual time: what a process is elsewhere. */
export class VirtualNode<E extends NodeEngine> {
  readonly name: string;
  readonly engine: E;
  /** What it listens on, once it does. */
  address: string | undefined;
  ready = false;
  ended = false;
  /** What ended it, if that was an error. */
  failure: QanatError | undefined;
  readonly #driver: Driver;
  readonly #transport: Transport;
  #onEnd: () => void = () => {};

  constructor(engine: E, options: VirtualNodeOptions) {
    this.name = options.name;
    this.engine = engine;
    this.#transport = options.transport;
    const traced = options.trace === undefined ? engine : new TracedEngine(engine, options.name, options.trace);
    const observed = options.observer === undefined ? traced : new ObservedEngine(traced, options.observer);
    this.#driver = new Driver(observed, {
      clock: options.clock,
      transports: [options.transport],
      ...(options.storage === undefined ? {} : { storage: options.storage }),
      ...(options.consensus === undefined ? {} : { consensus: options.consensus }),
      ...(options.deriveKey === undefined ? {} : { deriveKey: options.deriveKey }),
      ...(options.onLog === undefined ? {} : { onLog: options.onLog }),
      onReady: () => {
        this.ready = true;
      },
      onStopped: () => this.#ended(undefined),
      onFatal: (error) => this.#ended(error),
    });
  }

  /** Calls `run` when the engine has stopped or failed. */
  onEnd(run: () => void): void {
    this.#onEnd = run;
  }

  start(): void {
    this.#driver.start();
  }

  /** Listens; `onListening` is called in a later turn of the clock, unless the node was killed before. */
  listen(address: string, onListening: (address: string) => void): void {
    this.#driver.listen(this.#transport, address, 'default', (error, listener) => {
      if (this.ended) return;
      if (listener === undefined) this.failure = error;
      else {
        this.address = listener.address;
        onListening(listener.address);
      }
    });
  }

  /** Calls into the engine, then does what it asks for. */
  call<Result>(run: (engine: E, nowMs: number) => Result): Result {
    let result: Result | undefined;
    this.#driver.enter((nowMs) => {
      result = run(this.engine, nowMs);
    });
    this.#driver.perform();
    return result as Result;
  }

  /** The process is gone, without a word. */
  kill(error: QanatError): void {
    this.ended = true;
    this.#driver.kill(error);
  }

  #ended(error: QanatError | undefined): void {
    this.ended = true;
    this.failure = error;
    this.#onEnd();
  }
}
