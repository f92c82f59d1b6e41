import type { EngineHost } from '../context.ts';
import type { ConnectionId, Input } from '../engine.ts';
import { codeOfWireNumber, QanatError } from '../errors.ts';
import type { Login } from '../security/login.ts';
import type { Timer } from '../timers.ts';
import { decodeFrame, encodeFrame, Flag, type Frame } from '../wire/frame.ts';
import { ErrorInfo, GoAway, type HelloInit, type HelloOk } from '../wire/gen/messages.ts';
import { FrameType, LIMITS } from '../wire/gen/registry.ts';
import { clientCodec, frameName, pushDecoder } from './client-codecs.ts';
import { type AskFirst, shakeHands } from './client-handshake.ts';
import { failUnsent, NO_RESPONSE, type PendingRequest, type WaitingRequest } from './pending-request.ts';
import {
  type LiveFrame,
  type RequestHeader,
  type RequestInit,
  type RequestOptions,
  type ResponseDone,
  wireError,
} from './request.ts';
import { tooManyUnanswered, Unanswered } from './unanswered.ts';

/** What a session tells its owner. */
export interface ClientSessionEvents {
  /** HELLO was answered, and AUTH where this side logs in. */
  onOpen(session: ClientSession): void;
  /** A one-way frame of the server, whole (frames joined by MORE come together). */
  onPush<N extends LiveFrame>(session: ClientSession, name: N, headers: readonly RequestHeader<N>[]): void;
  /** The server is about to close: send new requests elsewhere; what is pending may still be answered. */
  onGoAway(session: ClientSession, reason: GoAway): void;
  /** The connection is gone, or never came to be. Every pending request was failed before. Comes once. */
  onClosed(session: ClientSession, error: QanatError | undefined): void;
}

/** How exactly request time-outs are kept: one timer for all, not one each. */
const TIMEOUT_GRAIN_MS = 20;

/** The client's side of one connection: HELLO, correlation, time-outs, keepalive. Requests made before HELLO is answered wait. */
export class ClientSession {
  readonly connection: ConnectionId;
  readonly address: string;
  /** What the server said of itself; undefined until `onOpen`. */
  hello: HelloOk | undefined;
  /** Requests are sent; stays true behind the end. */
  opened = false;
  /** The server said GOAWAY. */
  leaving = false;
  /** The server does not read as fast as we send. */
  blocked = false;
  readonly #host: EngineHost;
  readonly #events: ClientSessionEvents;
  readonly #greeting: HelloInit;
  readonly #login: Login | undefined;
  #closed = false;
  /** Why the server said that it closes. */
  #farewell: QanatError | undefined;
  #pending = new Map<number, PendingRequest>();
  #waiting: WaitingRequest[] = [];
  #nextCorrelation = 1;
  #pushed: { name: LiveFrame; headers: unknown[] } | undefined;
  #heardMs: number;
  #idleMs: number = LIMITS.IDLE_MS;
  #keepalive: Timer | undefined;
  #timeout: Timer | undefined;
  #timeoutDueMs = Number.POSITIVE_INFINITY;
  readonly #unanswered = new Unanswered();

  /** @param login says who this side is; undefined: it does not. */
  constructor(host: EngineHost, events: ClientSessionEvents, address: string, greeting: HelloInit, login?: Login) {
    this.#host = host;
    this.#events = events;
    this.#greeting = greeting;
    this.#login = login;
    this.address = address;
    this.#heardMs = host.nowMs();
    this.connection = host.connect(address);
  }

  get open(): boolean {
    return this.opened && !this.#closed;
  }

  get closed(): boolean {
    return this.#closed;
  }

  /**
   * Sends a request, as several frames joined by MORE when `frames` is a list. `done` is called exactly once, never before
   * this returns unless the session is closed already.
   */
  request<N extends LiveFrame>(
    name: N,
    frames: RequestInit<N> | readonly RequestInit<N>[],
    options: RequestOptions,
    done: ResponseDone<N>,
  ): void {
    const list = Array.isArray(frames) ? frames : [frames];
    const waiting: WaitingRequest = {
      name,
      frames: list,
      options,
      dueMs: this.#host.nowMs() + options.timeoutMs,
      done: done as never,
    };
    if (this.#closed)
      return failUnsent(
        waiting,
        new QanatError('CONNECTION_FAILED', `${this.address}: the connection is closed`, { outcome: 'not-sent' }),
      );
    if (this.open && this.#pending.size < this.#inFlightMax()) this.#start(waiting);
    else this.#waiting.push(waiting);
    this.#armTimeout(waiting.dueMs);
  }

  /** Sends a one-way frame; dropped when the connection is not open. @returns whether it was sent. */
  oneWay<N extends LiveFrame>(name: N, header: RequestInit<N>, payload: readonly Uint8Array[] = []): boolean {
    if (!this.open) return false;
    this.#send(encodeFrame(FrameType[name], Flag.ONEWAY, 0, clientCodec(name).encode(header), payload));
    return true;
  }

  /**
   * Flushes and closes; pending requests fail with `error`, or with CLOSED. One that was never greeted is dropped: it may be
   * hung.
   */
  close(error?: QanatError): void {
    const why = error ?? new QanatError('CLOSED', `${this.address}: the connection was closed here`, { outcome: 'unknown' });
    if (!this.opened) return this.abort(why);
    if (this.#closed) return;
    this.#host.emit({ kind: 'close', connection: this.connection });
    this.#end(why);
  }

  /** Drops the connection: the server does not answer as it should. */
  abort(error: QanatError): void {
    if (this.#closed) return;
    this.#host.emit({ kind: 'abort', connection: this.connection, error });
    this.#end(error);
  }

  handle(input: Input): void {
    if (this.#closed) return;
    switch (input.kind) {
      case 'opened':
        return this.#greet();
      case 'frame':
        return this.#frame(input.frame);
      case 'badBytes':
        return this.abort(input.error);
      case 'closed':
        return this.#end(input.error ?? this.#farewell);
      case 'blocked':
      case 'drained':
        this.blocked = input.kind === 'blocked';
        return undefined;
      default:
        return undefined;
    }
  }

  #inFlightMax(): number {
    return this.hello?.inFlightMax || LIMITS.IN_FLIGHT_REQUESTS_MAX;
  }

  #send(parts: readonly Uint8Array[]): void {
    this.#host.emit({ kind: 'send', connection: this.connection, parts });
  }

  #greet(): void {
    this.#heardMs = this.#host.nowMs();
    shakeHands(this.#ask, this.#greeting, this.#login, (error, hello) => {
      if (error === undefined) this.#open(hello);
      else this.#refused(error);
    });
  }

  /** Sends what comes before everything else. */
  readonly #ask: AskFirst = (name, header, timeoutMs, done) => {
    if (this.#closed) return;
    const correlation = this.#takeCorrelation();
    const dueMs = this.#host.nowMs() + timeoutMs;
    this.#pending.set(correlation, {
      name,
      codec: undefined,
      dueMs,
      sentMs: this.#host.nowMs(),
      headers: [],
      done: done as never,
    });
    this.#armTimeout(dueMs);
    this.#send(encodeFrame(FrameType[name], 0, correlation, clientCodec(name).encode(header)));
  };

  /** What the caller asked for was not sent: the server does not let us in. */
  #refused({ code, message, hint, wireNumber }: QanatError): void {
    this.abort(new QanatError(code, `${this.address}: ${message}`, { outcome: 'not-sent', hint, wireNumber }));
  }

  #open(hello: HelloOk): void {
    if (this.#closed) return;
    this.#host.emit({ kind: 'frameLimit', connection: this.connection, bytes: LIMITS.FRAME_BYTES_MAX });
    this.hello = hello;
    this.opened = true;
    this.#idleMs = hello.idleMs || LIMITS.IDLE_MS;
    this.#watch();
    this.#events.onOpen(this);
    this.#startWaiting();
  }

  #startWaiting(): void {
    while (this.#waiting.length > 0 && this.open && this.#pending.size < this.#inFlightMax()) {
      this.#start(this.#waiting.shift() as WaitingRequest);
    }
  }

  #start({ name, frames, options, dueMs, done }: WaitingRequest): void {
    const correlation = this.#takeCorrelation();
    const { codec } = options;
    this.#pending.set(correlation, { name, codec, dueMs, sentMs: this.#host.nowMs(), headers: [], done });
    frames.forEach((header, i) => {
      const last = i === frames.length - 1;
      const control = clientCodec(name, options.codec).encode(header);
      this.#send(encodeFrame(FrameType[name], last ? 0 : Flag.MORE, correlation, control, last ? options.payload : undefined));
    });
  }

  #takeCorrelation(): number {
    do {
      this.#nextCorrelation = (this.#nextCorrelation + 2) >>> 0;
    } while (this.#pending.has(this.#nextCorrelation));
    return this.#nextCorrelation;
  }

  // ---- frames ----

  #frame(bytes: Uint8Array): void {
    this.#heardMs = this.#host.nowMs();
    try {
      const frame = decodeFrame(bytes);
      if (frame.flags & Flag.RESPONSE) this.#response(frame);
      else this.#pushOrRequest(frame);
    } catch (error) {
      if (!QanatError.is(error)) throw error;
      this.abort(error);
    }
  }

  #response(frame: Frame): void {
    const pending = this.#pending.get(frame.correlation);
    if (pending === undefined || FrameType[pending.name] !== frame.type) return;
    if (pending.name !== 'PING') this.#unanswered.reset();
    if (frame.flags & Flag.ERROR) {
      const error = wireError(ErrorInfo.decode(frame.control)); // where it throws, the request is failed with the connection
      this.#pending.delete(frame.correlation);
      return this.#settle(pending, error, frame.payload);
    }
    pending.headers.push(clientCodec(pending.name, pending.codec).decode(frame.control));
    if (pending.headers.length > LIMITS.MORE_FRAMES_MAX)
      throw new QanatError('MALFORMED_FRAME', 'too many frames joined by MORE');
    if (frame.flags & Flag.MORE) return;
    this.#pending.delete(frame.correlation);
    this.#settle(pending, undefined, frame.payload);
  }

  #settle(pending: PendingRequest, error: QanatError | undefined, payload: Uint8Array): void {
    pending.done?.(error, { header: pending.headers[0], headers: pending.headers, payload } as never);
    if (this.#waiting.length > 0) this.#startWaiting();
  }

  #pushOrRequest(frame: Frame): void {
    const name = frameName(frame.type);
    if ((frame.flags & Flag.ONEWAY) === 0) return this.#answer(name, frame);
    if (name === undefined) {
      if ((frame.flags & Flag.IGNORABLE) === 0)
        this.abort(new QanatError('UNSUPPORTED_FRAME', `the server sent frame type ${frame.type}`));
      return;
    }
    if (name === 'GOAWAY') return this.#goAway(GoAway.decode(frame.control));
    const decode = pushDecoder(name);
    if (decode === undefined) return; // only clients send it, and a client serves nobody
    const headers = this.#pushed?.name === name ? this.#pushed.headers : [];
    headers.push(decode(frame.control));
    if (headers.length > LIMITS.MORE_FRAMES_MAX) throw new QanatError('MALFORMED_FRAME', 'too many frames joined by MORE');
    this.#pushed = frame.flags & Flag.MORE ? { name, headers } : undefined;
    if (this.#pushed === undefined) this.#events.onPush(this, name, headers as never);
  }

  #answer(name: LiveFrame | undefined, frame: Frame): void {
    if (name === 'PING') return this.#send(encodeFrame(FrameType.PING, Flag.RESPONSE, frame.correlation, new Uint8Array(0)));
    const info = ErrorInfo.encode({
      code: new QanatError('UNSUPPORTED_FRAME', '').wireNumber,
      message: 'a client does not serve this frame',
    });
    this.#send(encodeFrame(frame.type, Flag.RESPONSE | Flag.ERROR, frame.correlation, info));
  }

  #goAway(reason: GoAway): void {
    this.leaving = true;
    const error = new QanatError(codeOfWireNumber(reason.code), `${this.address}: ${reason.message}`, { outcome: 'not-sent' });
    if (!this.opened) return this.abort(error);
    // A planned stop is no trouble; any other reason is why the connection ends.
    if (error.code !== 'SHUTTING_DOWN') this.#farewell = error;
    this.#events.onGoAway(this, reason);
  }

  // ---- time ----

  #armTimeout(dueMs: number): void {
    if (dueMs >= this.#timeoutDueMs) return;
    this.#timeout?.cancel();
    this.#timeoutDueMs = dueMs;
    this.#timeout = this.#host.timers.at(dueMs, () => this.#expire());
  }

  #expire(): void {
    const nowMs = this.#host.nowMs();
    this.#timeoutDueMs = Number.POSITIVE_INFINITY;
    const late: { readonly done: ResponseDone<never>; readonly error: QanatError }[] = [];
    let next = Number.POSITIVE_INFINITY;
    for (const pending of this.#pending.values()) {
      if (pending.done === undefined) continue;
      if (pending.dueMs <= nowMs) {
        late.push({
          done: pending.done,
          error: new QanatError('TIMEOUT', `${this.address}: no answer to ${pending.name} in time`),
        });
        pending.done = undefined;
        if (pending.name !== 'PING') this.#unanswered.add(pending.sentMs, nowMs);
      } else next = Math.min(next, pending.dueMs);
    }
    const waiting = this.#waiting;
    this.#waiting = waiting.filter((item) => item.dueMs > nowMs);
    for (const item of waiting) {
      if (item.dueMs <= nowMs)
        late.push({
          done: item.done,
          error: new QanatError('TIMEOUT', `${this.address}: ${item.name} could not be sent in time`, { outcome: 'not-sent' }),
        });
      else next = Math.min(next, item.dueMs);
    }
    if (next < Number.POSITIVE_INFINITY) this.#armTimeout(Math.max(next, nowMs + TIMEOUT_GRAIN_MS));
    for (const { done, error } of late) done(error, NO_RESPONSE);
    if (this.#unanswered.tooMany && !this.#closed) this.abort(tooManyUnanswered(this.address));
    if (!this.opened && late.length > 0)
      this.abort(
        new QanatError('CONNECTION_FAILED', `${this.address}: accepted the connection but did not answer HELLO or AUTH`, {
          outcome: 'not-sent',
        }),
      );
  }

  /** PING comes again and again; the end of the silence that is allowed comes by itself, between two of them. */
  #watch(): void {
    const pingAfterMs = Math.min(LIMITS.PING_MS, this.#idleMs / 3);
    const dueMs = Math.min(this.#host.nowMs() + pingAfterMs, this.#heardMs + this.#idleMs);
    this.#keepalive = this.#host.timers.at(dueMs, () => this.#checkAlive(), { forPeer: true });
  }

  #checkAlive(): void {
    if (this.#closed) return;
    // The same sum as in the timer: a difference may round the other way, and the timer would come again at once, for ever.
    if (this.#host.nowMs() >= this.#heardMs + this.#idleMs)
      return this.abort(new QanatError('IDLE_TIMEOUT', `${this.address}: nothing was heard for ${this.#idleMs} ms`));
    this.request('PING', {}, { timeoutMs: this.#idleMs }, () => {});
    this.#watch();
  }

  #end(error: QanatError | undefined): void {
    this.#closed = true;
    this.#keepalive?.cancel();
    this.#timeout?.cancel();
    const pending = [...this.#pending.values()];
    const waiting = this.#waiting;
    this.#pending.clear();
    this.#waiting = [];
    const why = error === undefined ? '' : `: ${error.message}`;
    for (const { done, name } of pending) {
      done?.(
        new QanatError('CONNECTION_LOST', `${this.address}: the connection broke before ${name} was answered${why}`, {
          cause: error,
        }),
        NO_RESPONSE,
      );
    }
    for (const item of waiting) {
      failUnsent(
        item,
        error?.outcome === 'not-sent'
          ? error
          : new QanatError('CONNECTION_FAILED', `${this.address}: no connection${why}`, { outcome: 'not-sent', cause: error }),
      );
    }
    this.#events.onClosed(this, error);
  }
}
