import type { ClientSession, ClientSessionEvents } from '../connection/client-session.ts';
import type { LiveFrame, RequestHeader } from '../connection/request.ts';
import { QanatError } from '../errors.ts';
import type { Timer } from '../timers.ts';
import type { RouteQueryInit, Routes } from '../wire/gen/messages.ts';
import { BackOff } from './back-off.ts';
import type { ConnectionHost, RoutesDone } from './name-server-query.ts';

const BACK_OFF_LEAST_MS = 100;
const BACK_OFF_MOST_MS = 3_000;

/** How events and errors name the peer of this connection. */
export const NAME_SERVER_PEER = 'nameserver';

export interface NameServerLinkEvents {
  /** A connection is open: what is watched must be asked for anew. */
  onOpen(): void;
  /** ROUTE_UPDATE. */
  onUpdate(pages: readonly Routes[], nameServer: string): void;
  /** The NameServer did not answer in time. */
  onSilent(address: string): void;
}

interface Waiting {
  readonly query: RouteQueryInit;
  readonly dueMs: number;
  readonly done: RoutesDone;
}

/**
 * One connection to one NameServer at a time: a random one first, the next one when it dies, leaves or does not answer within
 * `attemptMs`; a hung server is left like a dead one. After a whole round without success it waits.
 */
export class NameServerLink {
  readonly #host: ConnectionHost;
  readonly #events: NameServerLinkEvents;
  readonly #backOff: BackOff;
  #index: number;
  #failed = 0;
  #session: ClientSession | undefined;
  #timer: Timer | undefined;
  #waiting: Waiting[] = [];
  #outage = false;
  /** Why NameServers could not be connected to, by their addresses; the last failure is the last one here. */
  readonly #failures = new Map<string, QanatError>();
  #stopped = false;

  constructor(host: ConnectionHost, events: NameServerLinkEvents) {
    this.#host = host;
    this.#events = events;
    this.#backOff = new BackOff(host.engine.random, BACK_OFF_LEAST_MS, BACK_OFF_MOST_MS);
    this.#index = host.engine.random.below(Math.max(1, host.settings.nameServers.length));
  }

  start(): void {
    if (this.#session === undefined && this.#timer === undefined) this.#dial();
  }

  get open(): boolean {
    return this.#session?.open === true;
  }

  /** Why no NameServer answers; undefined while one does, or before each was tried. */
  get failure(): QanatError | undefined {
    return this.open || this.#failures.size < this.#host.settings.nameServers.length ? undefined : this.#noAnswer();
  }

  /** The NameServer in use, or being tried. */
  get address(): string {
    return this.#host.settings.nameServers[this.#index] ?? '';
  }

  /** The NameServers that are not in use. */
  others(): readonly string[] {
    return this.#host.settings.nameServers.filter((_, i) => i !== this.#index);
  }

  /** Asks the NameServer in use, which must be open. A missing answer makes the next one be tried. */
  ask(query: RouteQueryInit, done: RoutesDone): void {
    const session = this.#session;
    if (session === undefined) {
      done(new QanatError('CONNECTION_FAILED', 'no NameServer is connected', { outcome: 'not-sent' }), [], '');
      return;
    }
    session.request('ROUTE_QUERY', query, { timeoutMs: this.#host.settings.attemptMs }, (error, { headers }) => {
      if (error === undefined) this.#answered();
      if (error?.code === 'TIMEOUT') this.#events.onSilent(session.address);
      done(error, headers, session.address);
      if (error?.code === 'TIMEOUT') session.abort(error);
    });
  }

  /** Asks one NameServer after the other until one answers. */
  askAny(query: RouteQueryInit, timeoutMs: number, done: RoutesDone): void {
    this.start();
    this.#askAny({ query, dueMs: this.#host.engine.nowMs() + timeoutMs, done });
    this.#host.engine.timers.at(this.#host.engine.nowMs() + timeoutMs, () => this.#expire());
  }

  close(error: QanatError): void {
    this.#stopped = true;
    this.#timer?.cancel();
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const { done } of waiting) done(error, [], '');
  }

  #askAny(waiting: Waiting): void {
    if (!this.open) {
      this.#waiting.push(waiting);
      return;
    }
    this.ask(waiting.query, (error, pages, nameServer) => {
      const again = error?.retryable === true && !this.#stopped && this.#host.engine.nowMs() < waiting.dueMs;
      if (again) this.#waiting.push(waiting);
      else waiting.done(error, pages, nameServer);
    });
  }

  #expire(): void {
    const nowMs = this.#host.engine.nowMs();
    const late = this.#waiting.filter(({ dueMs }) => dueMs <= nowMs);
    this.#waiting = this.#waiting.filter(({ dueMs }) => dueMs > nowMs);
    for (const { done } of late) done(this.#noAnswer(), [], '');
  }

  /** Says why the last one did not. Where TLS fails with every one of them, or every one refuses us alike, that is what fails. */
  #noAnswer(): QanatError {
    const { nameServers } = this.#host.settings;
    const last = [...this.#failures.values()].at(-1);
    const alike = nameServers.every((address) => this.#failures.get(address)?.code === last?.code);
    if (alike && last?.retryable === false) return last;
    const allByTls = alike && last?.code === 'TLS_FAILED';
    const why = last === undefined ? '' : `: ${last.message}`;
    return new QanatError(
      allByTls ? 'TLS_FAILED' : 'CONNECTION_FAILED',
      `no NameServer answers: ${nameServers.join(', ')}${why}`,
      {
        cause: last,
        ...(last === undefined ? {} : { hint: last.hint }),
      },
    );
  }

  // ---- the connection ----

  #dial(): void {
    const { engine, settings, sessions } = this.#host;
    if (this.#stopped || settings.nameServers.length === 0) return;
    this.#timer?.cancel();
    const session = sessions.open(this.address, this.#sessionEvents());
    this.#session = session;
    this.#timer = engine.timers.at(engine.nowMs() + settings.attemptMs, () => {
      this.#timer = undefined;
      this.#events.onSilent(session.address);
      session.abort(
        new QanatError('CONNECTION_FAILED', `${session.address}: no answer within ${settings.attemptMs} ms`, {
          outcome: 'not-sent',
        }),
      );
    });
  }

  #sessionEvents(): ClientSessionEvents {
    return {
      onOpen: (session) => this.#opened(session),
      onPush: (session, name, headers) => this.#pushed(session, name, headers),
      onGoAway: (session) => this.#left(session),
      onClosed: (session, error) => this.#closed(session, error),
    };
  }

  #opened(session: ClientSession): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#outage = false;
    this.#failures.clear();
    this.#host.event({ kind: 'connected', peer: NAME_SERVER_PEER, address: session.address });
    this.#events.onOpen();
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const item of waiting) this.#askAny(item);
  }

  /** Only an answer proves that a server works: one that greets and then hangs is not a success. */
  #answered(): void {
    this.#failed = 0;
    this.#backOff.reset();
  }

  #pushed<N extends LiveFrame>(session: ClientSession, name: N, headers: readonly RequestHeader<N>[]): void {
    if (session === this.#session && name === 'ROUTE_UPDATE')
      this.#events.onUpdate(headers as readonly Routes[], session.address);
  }

  /** GOAWAY: what was asked may still be answered there; everything else goes to the next one. */
  #left(session: ClientSession): void {
    if (session === this.#session) this.#next(true);
  }

  #closed(session: ClientSession, error: QanatError | undefined): void {
    if (session.opened) {
      this.#host.event({ kind: 'disconnected', peer: NAME_SERVER_PEER, address: session.address, error });
    } else if (error !== undefined) {
      this.#failures.delete(session.address);
      this.#failures.set(session.address, error);
    }
    if (session === this.#session) this.#next(session.opened);
  }

  #next(wasOpen: boolean): void {
    const { engine, settings } = this.#host;
    this.#session = undefined;
    this.#timer?.cancel();
    this.#timer = undefined;
    if (this.#stopped) return;
    this.#index = (this.#index + 1) % settings.nameServers.length;
    this.#failed++;
    if (this.#failed < settings.nameServers.length) return this.#dial();
    this.#failed = 0;
    if (!wasOpen) this.#tellOutage();
    this.#timer = engine.timers.at(engine.nowMs() + this.#backOff.next(), () => this.#dial());
  }

  /** Once for each outage. */
  #tellOutage(): void {
    if (this.#outage) return;
    this.#outage = true;
    this.#host.event({ kind: 'error', error: this.#noAnswer() });
  }
}
