import type { EngineHost } from '../context.ts';
import { QanatError } from '../errors.ts';
import type { Door } from '../security/door.ts';
import type { Principal } from '../security/principal.ts';
import { LoginRefused, mechanismsFor, type ServerAuthentication } from '../security/server-authentication.ts';
import type { Timer } from '../timers.ts';
import { encodeFrame, Flag, type Frame } from '../wire/frame.ts';
import { Auth, AuthOk, Hello, HelloOk, type HelloOkInit } from '../wire/gen/messages.ts';
import { Feature, FrameType, LIMITS } from '../wire/gen/registry.ts';
import type { ServerSessionOptions } from './server-session-options.ts';

/** How long a refused login waits for its answer: one connection guesses once, and not often. */
export const AUTH_FAILURE_DELAY_MS = 1_000;

/** The connection that shakes hands. */
export interface HandshakeOwner {
  readonly remote: string;
  readonly certificateNames: readonly string[] | undefined;
  identity(): HelloOkInit;
  /** Features that the server has switched on, beside AUTH. */
  readonly served: readonly number[];
  send(frame: readonly Uint8Array[]): void;
  /** Answers a request with an error. */
  refuse(frame: Frame, error: QanatError): void;
  /** Says why, and closes. */
  end(error: QanatError): void;
  /** HELLO was taken; its answer leaves next. */
  greeted(hello: Hello, idleMs: number, features: readonly number[]): void;
  /** From here on every frame is served. */
  opened(principal: Principal | undefined): void;
}

/** The first frames of a connection at the server: HELLO, and AUTH where the server asks who its clients are. */
export class ServerHandshake {
  readonly #host: EngineHost;
  readonly #owner: HandshakeOwner;
  readonly #options: ServerSessionOptions;
  readonly #door: Door | undefined;
  #timer: Timer;
  #authentication: ServerAuthentication | undefined;
  /** The login was refused, and is answered soon: nothing more is heard. */
  #refused = false;

  constructor(host: EngineHost, owner: HandshakeOwner, options: ServerSessionOptions, door: Door | undefined) {
    this.#host = host;
    this.#owner = owner;
    this.#options = options;
    this.#door = door;
    this.#timer = this.#deadline(options.helloDeadlineMs, 'HELLO_TIMEOUT', 'HELLO');
  }

  /** The connection is over, whatever came of it. */
  cancel(): void {
    this.#timer.cancel();
  }

  handle(frame: Frame): void {
    if (this.#refused) return;
    try {
      if (this.#authentication === undefined) this.#hello(frame);
      else this.#auth(this.#authentication, frame);
    } catch (error) {
      if (!QanatError.is(error)) throw error;
      if (error instanceof LoginRefused) return this.#loginRefused(frame, error);
      if (error.code === 'UNAUTHENTICATED') this.#door?.refused('login missing', this.#owner.remote, error.message);
      this.#owner.refuse(frame, error);
      this.#owner.end(error);
    }
  }

  // ---- HELLO ----

  #hello(frame: Frame): void {
    if (frame.type !== FrameType.HELLO || (frame.flags & (Flag.ONEWAY | Flag.MORE)) !== 0)
      throw new QanatError('HELLO_EXPECTED', 'the first frame of a connection is HELLO');
    const hello = Hello.decode(frame.control);
    const features = this.#negotiate(hello);
    const idleMs = hello.idleMs === 0 ? this.#options.idleMs : Math.min(hello.idleMs, this.#options.idleMs);
    const identity = this.#owner.identity();
    const answer: HelloOkInit = {
      ...identity,
      minor: Math.min(hello.minor, this.#options.minor),
      features,
      frameBytesMax: this.#options.frameBytesMax,
      batchBytesMax: identity.batchBytesMax ?? LIMITS.BATCH_BYTES_MAX,
      inFlightMax: this.#options.inFlightMax,
      idleMs,
      mechanisms: this.#door === undefined ? [] : mechanismsFor(this.#door.users, this.#owner.certificateNames),
    };
    this.#owner.greeted(hello, idleMs, features);
    this.#owner.send(encodeFrame(FrameType.HELLO, Flag.RESPONSE, frame.correlation, HelloOk.encode(answer)));
    if (this.#door === undefined) this.#opened(undefined);
    else this.#awaitAuth(this.#door);
  }

  /** @returns the active features. @throws QanatError. */
  #negotiate(hello: Hello): readonly number[] {
    const { served } = this.#owner;
    const known: readonly number[] = this.#door === undefined ? served : [Feature.FEATURE_AUTH, ...served];
    const missing = hello.requiredFeatures.find((feature) => !known.includes(feature));
    if (missing === Feature.FEATURE_AUTH)
      throw new QanatError('UNSUPPORTED_FEATURE', 'this server does not ask who its clients are (no authentication)');
    if (missing !== undefined) throw new QanatError('UNSUPPORTED_FEATURE', `feature ${missing} is not known here`);
    if (hello.frameBytesMax !== 0 && hello.frameBytesMax < LIMITS.FRAME_BEFORE_HELLO_BYTES_MAX) {
      const least = `${LIMITS.FRAME_BEFORE_HELLO_BYTES_MAX} bytes (FRAME_BEFORE_HELLO_BYTES_MAX)`;
      throw new QanatError(
        'INVALID_ARGUMENT',
        `frame_bytes_max is ${hello.frameBytesMax}: a client takes frames of at least ${least}`,
      );
    }
    const asked = new Set([...hello.features, ...hello.requiredFeatures]);
    if (this.#door !== undefined && !asked.has(Feature.FEATURE_AUTH))
      throw new QanatError('UNAUTHENTICATED', 'this server asks who its clients are, and this client does not say it');
    return known.filter((feature) => asked.has(feature));
  }

  // ---- AUTH ----

  #awaitAuth(door: Door): void {
    this.#authentication = door.authentication(this.#owner.certificateNames);
    this.#timer.cancel();
    this.#timer = this.#deadline(this.#options.authDeadlineMs, 'AUTH_TIMEOUT', 'AUTH that succeeds');
  }

  #auth(authentication: ServerAuthentication, frame: Frame): void {
    if (frame.type === FrameType.GOAWAY) return;
    if (frame.type === FrameType.PING && (frame.flags & Flag.ONEWAY) === 0)
      return this.#owner.send(encodeFrame(FrameType.PING, Flag.RESPONSE, frame.correlation, new Uint8Array(0)));
    if (frame.type !== FrameType.AUTH || (frame.flags & (Flag.ONEWAY | Flag.MORE)) !== 0)
      throw new QanatError('UNAUTHENTICATED', 'AUTH comes before everything else');
    const { answer, principal } = authentication.step(Auth.decode(frame.control));
    this.#owner.send(encodeFrame(FrameType.AUTH, Flag.RESPONSE, frame.correlation, AuthOk.encode(answer)));
    if (principal !== undefined) this.#opened(principal);
  }

  #loginRefused(frame: Frame, error: LoginRefused): void {
    this.#refused = true;
    this.#timer.cancel();
    this.#door?.refused('login refused', this.#owner.remote, error.reason);
    this.#timer = this.#host.timers.at(this.#host.nowMs() + AUTH_FAILURE_DELAY_MS, () => {
      this.#owner.refuse(frame, error);
      this.#owner.end(error);
    });
  }

  #opened(principal: Principal | undefined): void {
    this.#timer.cancel();
    this.#owner.opened(principal);
  }

  #deadline(ms: number, code: 'HELLO_TIMEOUT' | 'AUTH_TIMEOUT', what: string): Timer {
    const late = (): void => this.#owner.end(new QanatError(code, `no ${what} within ${ms} ms`));
    return this.#host.timers.at(this.#host.nowMs() + ms, late, { forPeer: true });
  }
}
