// A client of nothing but sessions: says what a test wants it to say, over the virtual network.
import {
  ClientSession,
  type ClientSessionEvents,
  codecOfRequest,
  Driver,
  type Engine,
  EngineContext,
  type GoAway,
  type HelloInit,
  type Input,
  type LiveFrame,
  type Output,
  type QanatError,
  Random,
  type RequestInit,
  type Response,
} from '@qanat/core';
import type { VirtualClock, VirtualNetwork } from '@qanat/simulator';

class SessionEngine implements Engine, ClientSessionEvents {
  readonly context = new EngineContext(new Random(7));
  session!: ClientSession;
  readonly pushes: { readonly name: LiveFrame; readonly headers: readonly unknown[] }[] = [];
  readonly goAways: GoAway[] = [];
  closed: { readonly error: QanatError | undefined } | undefined;

  handle(input: Input, nowMs: number): void {
    this.context.enter(nowMs);
    if (!this.context.handle(input)) this.session.handle(input);
  }
  tick(nowMs: number): void {
    this.context.enter(nowMs);
    this.context.timers.tick(nowMs);
  }
  drain(): readonly Output[] {
    return this.context.drain();
  }
  nextDeadlineMs(): number | undefined {
    return this.context.timers.nextDeadlineMs();
  }
  onOpen(): void {}
  onPush(_session: ClientSession, name: LiveFrame, headers: readonly unknown[]): void {
    this.pushes.push({ name, headers });
  }
  onGoAway(_session: ClientSession, reason: GoAway): void {
    this.goAways.push(reason);
  }
  onClosed(_session: ClientSession, error: QanatError | undefined): void {
    this.closed = { error };
  }
}

export interface Answer<N extends LiveFrame> {
  readonly error: QanatError | undefined;
  readonly response: Response<N>;
}

/** A request that is under way, until it has an answer. */
export interface Asked<N extends LiveFrame> {
  answer: Answer<N> | undefined;
}

export class SessionClient {
  readonly engine = new SessionEngine();
  readonly #clock: VirtualClock;
  readonly #driver: Driver;

  constructor(clock: VirtualClock, network: VirtualNetwork, host: string, address: string, greeting: HelloInit = {}) {
    this.#clock = clock;
    this.#driver = new Driver(this.engine, { clock, transports: [network.transport(host)] });
    this.call((nowMs) => {
      this.engine.context.enter(nowMs);
      this.engine.session = new ClientSession(this.engine.context, this.engine, address, { software: 'test', ...greeting });
    });
  }

  call(run: (nowMs: number) => void): void {
    this.#driver.enter(run);
    this.#driver.perform();
  }

  /** Sends a request; the answer comes while the clock runs. */
  ask<N extends LiveFrame>(
    name: N,
    header: RequestInit<N> | readonly RequestInit<N>[],
    payload: readonly Uint8Array[] = [],
  ): Asked<N> {
    const asked: Asked<N> = { answer: undefined };
    this.call((nowMs) => {
      this.engine.context.enter(nowMs);
      const options = { timeoutMs: 60_000, payload, codec: codecOfRequest(name) };
      this.engine.session.request(name, header, options, (error, response) => {
        asked.answer = { error, response };
      });
    });
    return asked;
  }

  /** Sends a request and runs the clock until it is answered. */
  request<N extends LiveFrame>(
    name: N,
    header: RequestInit<N> | readonly RequestInit<N>[],
    payload: readonly Uint8Array[] = [],
  ): Answer<N> {
    const asked = this.ask(name, header, payload);
    this.#clock.runUntil(() => asked.answer !== undefined, this.#clock.nowMs() + 61_000);
    if (asked.answer === undefined) throw new Error(`${name} was never answered`);
    return asked.answer;
  }
}
