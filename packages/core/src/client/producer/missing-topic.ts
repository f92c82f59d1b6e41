import { QanatError } from '../../errors.ts';
import { didYouMean } from '../did-you-mean.ts';
import type { ProducerHost } from './producer-host.ts';

/** How long a topic that brokers have created may take to appear in the routes. */
const APPEAR_MS = 10_000;
const APPEAR_POLL_MS = 50;
/** How long a verdict holds for further sends. */
const VERDICT_MS = 1_000;

/** Sees to one topic that is not there: has it created where brokers do that on demand, or finds out why not. */
export class MissingTopic {
  readonly #host: ProducerHost;
  readonly #topic: string;
  readonly #failed: (error: QanatError) => void;
  #busy = false;
  #verdict: { readonly error: QanatError; readonly untilMs: number } | undefined;

  /** @param failed is told when the topic cannot be had; when it appears, its watchers are. */
  constructor(host: ProducerHost, topic: string, failed: (error: QanatError) => void) {
    this.#host = host;
    this.#topic = topic;
    this.#failed = failed;
  }

  /** Something waits for the topic. @param fresh the routes said just now that it is missing. */
  resolve(fresh: boolean): void {
    if (this.#busy) return;
    const nowMs = this.#host.engine.nowMs();
    if (this.#verdict !== undefined && nowMs < this.#verdict.untilMs) return this.#failed(this.#verdict.error);
    this.#busy = true;
    if (fresh) return this.#create();
    this.#host.routes.ask(this.#topic, ({ found }) => {
      if (found) this.#busy = false;
      else this.#create();
    });
  }

  #create(): void {
    const brokers = this.#host.routes.directory.creators();
    let open = brokers.length;
    let created = false;
    let first: QanatError | undefined;
    if (open === 0) return this.#suggest(undefined);
    for (const broker of brokers) {
      const timeoutMs = this.#host.settings.attemptMs;
      this.#host.request(broker, 'TOPIC_CREATE', { topic: this.#topic, onDemand: true }, { timeoutMs }, (error) => {
        if (error === undefined || error.code === 'TOPIC_EXISTS') created = true;
        else if (error.code !== 'CREATION_DISABLED') first ??= error;
        if (--open > 0) return;
        if (created) this.#awaitRoute(this.#host.engine.nowMs() + APPEAR_MS);
        else this.#suggest(first);
      });
    }
  }

  /** The brokers have it; the NameServers hear of it with their next registration. */
  #awaitRoute(untilMs: number): void {
    const { engine, routes } = this.#host;
    routes.ask(this.#topic, ({ found }) => {
      if (found) this.#busy = false;
      else if (engine.nowMs() >= untilMs) this.#suggest(undefined);
      else engine.timers.at(engine.nowMs() + APPEAR_POLL_MS, () => this.#awaitRoute(untilMs));
    });
  }

  #suggest(cause: QanatError | undefined): void {
    this.#host.routes.link.askAny({ all: true }, this.#host.settings.attemptMs, (_, pages) => {
      const names = pages.flatMap(({ routes }) => routes.map(({ topic }) => topic));
      const meant = didYouMean(this.#topic, names);
      const why = cause === undefined ? '' : `, and could not be created: ${cause.message}`;
      const error = new QanatError('TOPIC_NOT_FOUND', `topic "${this.#topic}" does not exist${why}`, {
        outcome: 'not-sent',
        cause,
        ...(meant === undefined ? {} : { hint: `Did you mean "${meant}"?` }),
      });
      this.#busy = false;
      this.#verdict = { error, untilMs: this.#host.engine.nowMs() + VERDICT_MS };
      this.#failed(error);
    });
  }
}
