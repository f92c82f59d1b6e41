import type { ClientHost, TopicRoute } from '../host.ts';

export interface TopicWatchOwner {
  readonly host: ClientHost;
  onWaiting(topic: string): void;
  /** There is no route for this client: it may neither read nor write the topic. */
  onForbidden(topic: string): void;
  /** @param late the topic appeared, or grew, after the consumer had begun. */
  onRoute(route: TopicRoute, late: boolean): void;
  onGone(topic: string): void;
}

/** Follows the route of one topic, and says once each time that there is none. */
export class TopicWatch {
  readonly topic: string;
  /** The brokers that have queues of the topic, by its newest route. */
  brokers: ReadonlySet<string> = new Set();
  /** A route was found. */
  known = false;
  readonly #owner: TopicWatchOwner;
  #late = false;
  #waiting = false;
  #stop: (() => void) | undefined;
  #stopped = false;

  constructor(owner: TopicWatchOwner, topic: string) {
    this.#owner = owner;
    this.topic = topic;
  }

  start(): void {
    const stop = this.#owner.host.watchRoute(this.topic, (route) => this.#onRoute(route));
    if (this.#stopped) stop();
    else this.#stop = stop;
  }

  stop(): void {
    this.#stopped = true;
    this.#stop?.();
    this.#stop = undefined;
  }

  #onRoute(route: TopicRoute): void {
    if (this.#stopped) return;
    const shares = route.found ? route.shares.filter(({ queues }) => queues > 0) : [];
    if (shares.length === 0) return this.#missing(route.forbidden === true);
    this.#waiting = false;
    this.brokers = new Set(shares.map(({ broker }) => broker));
    const late = this.#late;
    this.known = true;
    this.#late = true;
    this.#owner.onRoute({ ...route, shares }, late);
  }

  /** In no route: every reachable NameServer says so. */
  get gone(): boolean {
    return this.#waiting;
  }

  #missing(forbidden: boolean): void {
    this.#late = true;
    this.brokers = new Set();
    const first = !this.#waiting;
    this.#waiting = true;
    if (this.known) this.#owner.onGone(this.topic);
    if (forbidden) this.#owner.onForbidden(this.topic);
    else if (first) this.#owner.onWaiting(this.topic);
  }
}
