import { ClientSession, type ClientSessionEvents } from '../connection/client-session.ts';
import type { LiveFrame, RequestHeader } from '../connection/request.ts';
import { MINOR_VERSION } from '../connection/server-session-options.ts';
import type { EngineHost } from '../context.ts';
import type { Input } from '../engine.ts';
import { QanatError } from '../errors.ts';
import type { Login } from '../security/login.ts';
import type { Timer } from '../timers.ts';
import type { HelloInit } from '../wire/gen/messages.ts';

const BACK_OFF_MIN_MS = 100;
const BACK_OFF_MAX_MS = 2_000;
/** From the dial to the answer to HELLO. */
const CONNECT_MS = 3_000;

/** What a link tells the parts that use it. */
export interface ServerLinkEvents {
  onOpen(): void;
  /** A one-way frame of the server, whole. */
  onPush?<N extends LiveFrame>(name: N, headers: readonly RequestHeader<N>[]): void;
  /** The connection is gone, or could not be made; another attempt follows. */
  onClosed(error: QanatError | undefined): void;
}

/** What a broker says of itself in HELLO, but for the version. */
export type Greeting = Pick<HelloInit, 'software' | 'label' | 'features'>;

/** One connection to one server, made again with back-off whenever it is lost. */
export class ServerLink implements ClientSessionEvents {
  readonly address: string;
  readonly #host: EngineHost;
  readonly #greeting: Greeting;
  readonly #login: Login | undefined;
  readonly #events: ServerLinkEvents;
  #session: ClientSession | undefined;
  #failures = 0;
  #timer: Timer | undefined;
  #closed = false;

  constructor(host: EngineHost, address: string, greeting: Greeting, login: Login | undefined, events: ServerLinkEvents) {
    this.#host = host;
    this.address = address;
    this.#greeting = greeting;
    this.#login = login;
    this.#events = events;
  }

  /** The session while HELLO is answered. */
  get session(): ClientSession | undefined {
    return this.#session?.open === true ? this.#session : undefined;
  }

  connect(): void {
    if (this.#closed) return;
    const session = new ClientSession(this.#host, this, this.address, { minor: MINOR_VERSION, ...this.#greeting }, this.#login);
    this.#session = session;
    this.#timer = this.#host.timers.at(
      this.#host.nowMs() + CONNECT_MS,
      () =>
        session.abort(
          new QanatError('CONNECTION_FAILED', `${this.address}: no connection within ${CONNECT_MS} ms`, { outcome: 'not-sent' }),
        ),
      { forPeer: true },
    );
  }

  /** Stops for good. */
  close(): void {
    this.#closed = true;
    this.#timer?.cancel();
    this.#session?.close();
  }

  /** The server does not answer as it should: a new connection may. */
  suspect(error: QanatError): void {
    this.#session?.abort(error);
  }

  /** @returns whether the input was about this link. */
  handle(input: Input): boolean {
    if (!('connection' in input) || input.connection !== this.#session?.connection) return false;
    this.#session.handle(input);
    return true;
  }

  // ---- ClientSessionEvents ----

  onOpen(): void {
    this.#timer?.cancel();
    this.#failures = 0;
    this.#events.onOpen();
  }

  onPush<N extends LiveFrame>(_session: ClientSession, name: N, headers: readonly RequestHeader<N>[]): void {
    this.#events.onPush?.(name, headers);
  }

  /** The server closes soon; `onClosed` makes a new connection. */
  onGoAway(): void {}

  onClosed(session: ClientSession, error: QanatError | undefined): void {
    if (session !== this.#session) return;
    this.#timer?.cancel();
    this.#session = undefined;
    this.#events.onClosed(error);
    if (this.#closed) return;
    const longest = Math.min(BACK_OFF_MAX_MS, BACK_OFF_MIN_MS * 2 ** Math.min(this.#failures++, 10));
    const delayMs = Math.max(BACK_OFF_MIN_MS, longest * (0.5 + this.#host.random.fraction() / 2));
    this.#timer = this.#host.timers.at(this.#host.nowMs() + delayMs, () => this.connect());
  }
}
