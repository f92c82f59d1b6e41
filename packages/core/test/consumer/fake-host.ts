import {
  type BrokerListener,
  type ClientEvent,
  type ClientHost,
  type ClientSettings,
  EngineContext,
  type KnownBroker,
  type LiveFrame,
  QanatError,
  Random,
  type RecordInit,
  type RecordSender,
  type RequestHeader,
  type RequestInit,
  type RequestOptions,
  type ResponseDone,
  type ResponseInit,
  type RouteShare,
  type TopicRoute,
} from '@qanat/core';
import { testPlatform } from '../platform.ts';

/** A request that the client made. */
export interface Sent<N extends LiveFrame = LiveFrame> {
  readonly broker: string;
  readonly name: N;
  readonly header: RequestInit<N>;
  readonly atMs: number;
  readonly timeoutMs: number;
  readonly open: boolean;
  /** Answers it; a list is pages joined by MORE. */
  respond(header: ResponseInit<N> | readonly ResponseInit<N>[], payload?: Uint8Array): void;
  fail(error: QanatError): void;
}

const NOTHING = new Uint8Array(0);

/** A peer that takes requests, and tells of none that it does not want. */
export type FakePeer = (sent: Sent<never>) => void;

/** The ClientHost of tests: connections open and close when the test says so, time passes by `advance`. */
export class FakeHost implements ClientHost {
  readonly engine = new EngineContext(new Random(7));
  readonly platform = testPlatform;
  readonly settings: ClientSettings = {
    nameServers: ['ns:1'],
    label: 'app',
    schemes: ['qanat'],
    attemptMs: 3_000,
    routePollMs: 30_000,
  };
  readonly events: ClientEvent[] = [];
  readonly sent: Sent[] = [];
  readonly held = new Map<string, number>();
  readonly suspected: string[] = [];
  readonly refreshed: string[] = [];
  readonly peers = new Map<string, FakePeer>();
  /** What producers stored, in the order of the answers. */
  readonly letters: { readonly topic: string; readonly record: RecordInit }[] = [];
  /** Why the last attempt to connect failed, by peer. */
  readonly refused = new Map<string, QanatError>();
  /** Why the next send fails. */
  sendError: () => QanatError | undefined = () => undefined;
  producersClosed = 0;
  /** One way, ms. */
  delayMs = 1;
  readonly #known = new Map<string, KnownBroker>();
  readonly #open = new Map<string, number>();
  readonly #listeners = new Set<BrokerListener>();
  readonly #routes = new Map<string, TopicRoute>();
  readonly #watchers = new Map<string, Set<(route: TopicRoute) => void>>();
  readonly #pending = new Map<string, Set<(error: QanatError) => void>>();
  #connection = 0;

  // ---- what tests do ----

  /** Lets time pass; everything due on the way runs at its time. */
  advance(ms: number): void {
    const untilMs = this.engine.nowMs() + ms;
    for (;;) {
      const due = this.engine.timers.nextDeadlineMs();
      if (due === undefined || due > untilMs) break;
      this.engine.enter(due);
      this.engine.timers.tick(due);
    }
    this.engine.enter(untilMs);
  }

  /** Lets time pass at once, as for a process that was stopped. */
  jump(ms: number): void {
    this.engine.enter(this.engine.nowMs() + ms);
    this.engine.timers.tick(this.engine.nowMs());
  }

  route(topic: string, shares: readonly (Omit<RouteShare, 'away'> & { readonly away?: boolean })[] | undefined): void {
    const found = shares !== undefined;
    const route = { topic, found, forbidden: false, shares: (shares ?? []).map((share) => ({ away: false, ...share })) };
    this.#routes.set(topic, route);
    for (const listener of [...(this.#watchers.get(topic) ?? [])]) listener(route);
  }

  connect(broker: string): void {
    this.#open.set(broker, ++this.#connection);
    for (const listener of [...this.#listeners]) listener.onOpen?.(broker);
  }

  disconnect(broker: string): void {
    this.#open.delete(broker);
    const error = new QanatError('CONNECTION_LOST', `${broker} is gone`);
    for (const fail of [...(this.#pending.get(broker) ?? [])]) fail(error);
    for (const listener of [...this.#listeners]) listener.onClosed?.(broker, undefined);
  }

  /** The broker says that it stops; the connection stays for the moment. */
  goAway(broker: string): void {
    for (const listener of [...this.#listeners]) listener.onGoAway?.(broker);
  }

  push<N extends LiveFrame>(broker: string, name: N, headers: readonly RequestHeader<N>[]): void {
    const connection = this.#open.get(broker);
    this.#later(() => {
      if (connection === undefined || this.#open.get(broker) !== connection) return;
      for (const listener of [...this.#listeners]) listener.onPush?.(broker, name, headers);
    });
  }

  requests<N extends LiveFrame>(name: N, broker?: string): Sent<N>[] {
    return this.sent.filter((item) => item.name === name && (broker === undefined || item.broker === broker)) as never;
  }

  kinds(): string[] {
    return this.events.map(({ kind }) => kind);
  }

  // ---- ClientHost ----

  watchRoute(topic: string, listener: (route: TopicRoute) => void): () => void {
    const watchers = this.#watchers.get(topic) ?? new Set();
    this.#watchers.set(topic, watchers);
    watchers.add(listener);
    const route = this.#routes.get(topic);
    if (route !== undefined) listener(route);
    return () => watchers.delete(listener);
  }

  refreshRoute(topic: string): void {
    this.refreshed.push(topic);
  }

  request<N extends LiveFrame>(
    broker: string,
    name: N,
    header: RequestInit<N>,
    options: RequestOptions,
    done: ResponseDone<N>,
  ): void {
    const { engine } = this;
    const connection = this.#open.get(broker);
    const pending = this.#pending.get(broker) ?? new Set();
    this.#pending.set(broker, pending);
    let open = true;
    const settle = (error: QanatError | undefined, headers: readonly unknown[], payload: Uint8Array): void => {
      if (!open) return;
      open = false;
      pending.delete(fail);
      timer.cancel();
      done(error, { header: headers[0], headers, payload } as never);
    };
    const fail = (error: QanatError): void => settle(error, [], NOTHING);
    const timeoutMs = connection === undefined ? Math.min(3_000, options.timeoutMs) : options.timeoutMs;
    const timer = engine.timers.at(engine.nowMs() + timeoutMs, () =>
      fail(new QanatError('TIMEOUT', `${name} in ${timeoutMs} ms`)),
    );
    pending.add(fail);
    const sent: Sent<N> = {
      broker,
      name,
      header,
      atMs: engine.nowMs(),
      timeoutMs: options.timeoutMs,
      get open() {
        return open;
      },
      respond: (answer, payload = NOTHING) => {
        this.#later(() => settle(undefined, (Array.isArray(answer) ? answer : [answer]).map(filled), payload));
      },
      fail: (error) => this.#later(() => fail(error)),
    };
    this.sent.push(sent as never);
    if (connection === undefined) return;
    this.#later(() => {
      if (this.#open.get(broker) === connection) this.peers.get(broker)?.(sent as never);
    });
  }

  /** A broker, or a slave of one (`b1/1`): what the routes tell of it. */
  tell(peer: string, more: Partial<KnownBroker> = {}): void {
    const endpoint = { listener: 'default', scheme: 'qanat', address: `${peer.replace('/', '-')}:1` };
    const told = {
      endpoint,
      offered: [endpoint],
      away: false,
      slaves: [],
      createsTopics: false,
      nameServer: 'ns:1',
      zone: '',
      store: '',
    };
    this.#known.set(peer, { name: peer, cluster: '', term: 1, ...told, ...more });
  }

  known(peer: string): KnownBroker | undefined {
    return this.#known.get(peer);
  }

  whyNotOpen(peer: string): QanatError | undefined {
    return this.refused.get(peer);
  }

  isOpen(broker: string): boolean {
    return this.#open.has(broker);
  }

  hold(broker: string): () => void {
    this.held.set(broker, (this.held.get(broker) ?? 0) + 1);
    return () => this.held.set(broker, (this.held.get(broker) ?? 0) - 1);
  }

  suspect(broker: string): void {
    this.suspected.push(broker);
    if (this.isOpen(broker)) this.disconnect(broker);
  }

  listen(listener: BrokerListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  producer(): RecordSender {
    return {
      send: (topic, record, _options, done) => {
        const copy = { ...record, body: record.body.slice() };
        const error = this.sendError();
        this.#later(() => {
          if (error === undefined) this.letters.push({ topic, record: copy });
          done(error);
        });
      },
      close: () => {
        this.producersClosed++;
      },
    };
  }

  event(event: ClientEvent): void {
    this.events.push(event);
  }

  #later(run: () => void): void {
    this.engine.timers.at(this.engine.nowMs() + this.delayMs, run);
  }
}

/** Gives absent fields what decoding would give them; enough for the headers that consumers read. */
function filled(header: unknown): unknown {
  const { results = [], offsets = [], ...rest } = header as Record<string, unknown>;
  return { generation: 0, wantSubscription: false, heartbeatMs: 0, sessionMs: 0, ...rest, results, offsets };
}
