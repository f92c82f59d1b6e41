import { type Broker, type Endpoint, QanatError } from '@qanat/core';
import { type BrokerProcessOptions, type BrokerRun, openBroker } from './broker-run.ts';
import { dialled, formatListener } from './listeners.ts';
import type { Logger } from './logger.ts';
import { RestartBudget } from './restart-budget.ts';
import type { RunningNode } from './running-node.ts';

/**
 * A broker that begins again, with the same ports and metrics, where the log of its replica is to be mended before it is opened
 * (docs/replication.md).
 */
export class LastingBroker implements RunningNode {
  readonly role = 'broker';
  readonly name: string;
  readonly authenticates: boolean;
  readonly ended: Promise<QanatError | undefined>;
  readonly #options: BrokerProcessOptions;
  readonly #log: Logger;
  readonly #restarts = new RestartBudget();
  readonly #stopped = new AbortController();
  /** Fires when no start is wanted any more. */
  readonly #signal: AbortSignal;
  #end: (error: QanatError | undefined) => void = () => {};
  #run: BrokerRun;
  #endpoints: readonly Endpoint[] = [];

  private constructor(options: BrokerProcessOptions, name: string, log: Logger, run: BrokerRun) {
    this.name = name;
    this.authenticates = options.users !== undefined;
    this.#options = options;
    this.#log = log;
    this.#run = run;
    this.#signal = AbortSignal.any([this.#stopped.signal, ...(options.signal === undefined ? [] : [options.signal])]);
    this.ended = new Promise((resolve) => {
      this.#end = resolve;
    });
  }

  /** Returns when it serves. @throws what ended it before. */
  static async start(options: BrokerProcessOptions, name: string, log: Logger): Promise<LastingBroker> {
    const broker = new LastingBroker(options, name, log, await openBroker(options, log));
    await broker.#serve();
    void broker.#live();
    return broker;
  }

  get engine(): Broker {
    return this.#run.host.engine;
  }

  get endpoints(): readonly Endpoint[] {
    return this.#endpoints;
  }

  get endpoint(): string {
    return dialled(this.#endpoints[0] as Endpoint);
  }

  reload(): void {
    this.#run.host.reload();
  }

  async stop(): Promise<void> {
    this.#stopped.abort();
    await this.#run.host.stop();
    await this.ended;
  }

  /** Starts the run; another one where it ends because the log is to be mended. */
  async #serve(): Promise<void> {
    for (;;) {
      try {
        this.#endpoints = await this.#run.start(this.#signal);
        return;
      } catch (error) {
        if (!this.#mayRestart(error)) throw error;
      }
      await this.#open();
    }
  }

  /** Where it listened it listens again, though any port was free to it at first. */
  async #open(): Promise<void> {
    const listen = this.#endpoints.length === 0 ? this.#options.listen : this.#endpoints.map(formatListener);
    this.#run = await openBroker({ ...this.#options, listen }, this.#log);
  }

  async #live(): Promise<void> {
    let error = await this.#run.host.ended;
    try {
      while (this.#mayRestart(error)) {
        await this.#run.close();
        await this.#open();
        await this.#serve();
        error = await this.#run.host.ended;
      }
    } catch (cause) {
      error = this.#signal.aborted ? undefined : asQanatError(cause);
    }
    this.#end(error);
  }

  #mayRestart(error: unknown): boolean {
    if (!QanatError.is(error, 'RESTART_REQUIRED') || this.#signal.aborted || !this.#restarts.take(performance.now()))
      return false;
    this.#log('warn', 'broker.restarts', { why: error.message });
    return true;
  }
}

const asQanatError = (cause: unknown): QanatError =>
  QanatError.is(cause) ? cause : new QanatError('INTERNAL', `the broker did not start again: ${String(cause)}`, { cause });
