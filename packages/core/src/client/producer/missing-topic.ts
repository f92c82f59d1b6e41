import { QanatError } from '../../errors.ts';
import { didYouMean } from '../did-you-mean.ts';
import type { TopicRoute } from '../host.ts';
import { mayNotSee } from '../routes-answer.ts';
import type { ProducerHost } from './producer-host.ts';

/** How long a topic that brokers have created may take to appear in the routes, with all of them. */
const APPEAR_MS = 10_000;
const APPEAR_POLL_MS = 50;
/** How long a verdict holds for further sends. */
const VERDICT_MS = 1_000;

export interface MissingTopicEvents {
  /** The topic cannot be had. */
  failed(error: QanatError): void;
  /** It was created, and the route has the shares of all who created it. */
  appeared(route: TopicRoute): void;
}

/** Sees to one topic that is not there: has it created where brokers do that on demand, or finds out why not. */
export class MissingTopic {
  readonly #host: ProducerHost;
  readonly #topic: string;
  readonly #events: MissingTopicEvents;
  #busy = false;
  #creating = false;
  #verdict: { readonly error: QanatError; readonly untilMs: number } | undefined;

  constructor(host: ProducerHost, topic: string, events: MissingTopicEvents) {
    this.#host = host;
    this.#topic = topic;
    this.#events = events;
  }

  /**
   * The topic is being created: a route that comes meanwhile may lack shares, and a key that is placed by it would move when they
   * appear. The whole route is told by `appeared`.
   */
  get creating(): boolean {
    return this.#creating;
  }

  /** Something waits for the topic. @param fresh what the routes said just now: it is missing. */
  resolve(fresh?: TopicRoute): void {
    if (this.#busy) return;
    const nowMs = this.#host.engine.nowMs();
    if (this.#verdict !== undefined && nowMs < this.#verdict.untilMs) return this.#events.failed(this.#verdict.error);
    this.#busy = true;
    if (fresh !== undefined) return this.#conclude(fresh);
    this.#host.routes.ask(this.#topic, (route) => this.#conclude(route));
  }

  #conclude({ found, forbidden }: TopicRoute): void {
    if (found) this.#busy = false;
    else if (forbidden === true) this.#fail(mayNotSee(this.#topic));
    else this.#create();
  }

  #create(): void {
    const brokers = this.#host.routes.directory.creators();
    const created: string[] = [];
    let open = brokers.length;
    let first: QanatError | undefined;
    if (open === 0) return this.#suggest(undefined);
    this.#creating = true;
    for (const broker of brokers) {
      const timeoutMs = this.#host.settings.attemptMs;
      this.#host.request(broker, 'TOPIC_CREATE', { topic: this.#topic, onDemand: true }, { timeoutMs }, (error) => {
        if (error === undefined || error.code === 'TOPIC_EXISTS') created.push(broker);
        else if (error.code !== 'CREATION_DISABLED') first ??= error;
        if (--open > 0) return;
        // Where nobody said that it has created the topic, somebody may have: then the route tells now.
        const untilMs = this.#host.engine.nowMs() + (created.length > 0 ? APPEAR_MS : 0);
        this.#awaitRoute(created, untilMs, first);
      });
    }
  }

  /** These brokers have it; the NameServers hear of it with their next registrations, one broker after the other. */
  #awaitRoute(created: readonly string[], untilMs: number, cause: QanatError | undefined): void {
    const { engine, routes } = this.#host;
    routes.ask(this.#topic, (route) => {
      const late = engine.nowMs() >= untilMs;
      const whole = created.every((name) => route.shares.some(({ broker }) => broker === name));
      if (route.found && (whole || late)) this.#end(() => this.#events.appeared(route));
      else if (late) this.#suggest(cause);
      else engine.timers.at(engine.nowMs() + APPEAR_POLL_MS, () => this.#awaitRoute(created, untilMs, cause));
    });
  }

  #end(tell: () => void): void {
    this.#busy = false;
    this.#creating = false;
    tell();
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
      this.#fail(error);
    });
  }

  #fail(error: QanatError): void {
    this.#verdict = { error, untilMs: this.#host.engine.nowMs() + VERDICT_MS };
    this.#end(() => this.#events.failed(error));
  }
}
