import type { EngineHost } from '../context.ts';
import type { ConnectionId, Input } from '../engine.ts';
import { QanatError, withoutStacks } from '../errors.ts';
import type { Door } from '../security/door.ts';
import type { Meter } from '../security/meter.ts';
import type { Principal } from '../security/principal.ts';
import { Silence, type Timer } from '../timers.ts';
import { decodeFrame, encodeFrame, Flag, FRAME_LENGTH_MIN, type Frame } from '../wire/frame.ts';
import type { Hello, HelloOkInit } from '../wire/gen/messages.ts';
import { FRAMES, FrameType, LIMITS } from '../wire/gen/registry.ts';
import { checkFeature, NO_FEATURES, notServed, servedFeatures } from './frame-features.ts';
import { halvesOf } from './halves.ts';
import { closes, encodeError, errorInfo, type LiveFrame, type RequestInit } from './request.ts';
import { FRAME_NAMES, requestCodec } from './server-codecs.ts';
import { type HandshakeOwner, ServerHandshake } from './server-handshake.ts';
import { RequestOn } from './server-request.ts';
import type { ServerSessionOptions } from './server-session-options.ts';
import { BURST_ANSWER_BYTES_MAX, type SessionBudget } from './session-budget.ts';
import type { Traffic } from './traffic.ts';

/** A request on a connection of a server. */
export class Request<N extends LiveFrame = LiveFrame> extends RequestOn<ServerSession, N> {}

/** What a server gives its sessions: who it is, and what it does with requests. */
export interface ServerHandler {
  /** What HELLO is answered with; version, features and the idle time are the session's part. */
  identity(): HelloOkInit;
  /** Features that this role has, beside AUTH; default none. */
  readonly features?: readonly number[];
  /** Frame types that this role serves. */
  serves(name: LiveFrame): boolean;
  /** For every request that its principal may make, but HELLO, AUTH, PING and GOAWAY. A QanatError thrown is the answer. */
  onRequest(request: Request): void;
  /** HELLO was answered, and the client has authenticated where it has to. */
  onOpen?(session: ServerSession): void;
  /** The connection is gone; its requests need no answer. */
  onClosed(session: ServerSession, error: QanatError | undefined): void;
  /** The peer reads again after it was blocked. */
  onDrained?(session: ServerSession): void;
}

/** States of a connection at the server (spec, chapter of connections); *greeting* is HELLO and AUTH. */
type State = 'greeting' | 'open' | 'leaving' | 'closing';

/** What the connections of one server share. */
export interface SessionGround {
  readonly host: EngineHost;
  readonly role: ServerHandler;
  readonly options: ServerSessionOptions;
  readonly traffic: Traffic;
  readonly budget: SessionBudget;
  /** Asks who its clients are; undefined: nobody is asked. */
  readonly door: Door | undefined;
}

/** The server's side of one connection: correlation, unknown frames, idleness, GOAWAY. Its beginning is a ServerHandshake. */
export class ServerSession implements HandshakeOwner {
  readonly connection: ConnectionId;
  readonly remote: string;
  readonly listener: string;
  readonly certificateNames: readonly string[] | undefined;
  /** Counters of all connections of this server. */
  readonly traffic: Traffic;
  /** What the client said of itself. */
  hello: Hello | undefined;
  /** Who the client is; undefined where nobody is asked, and before. */
  principal: Principal | undefined;
  /** Features that are active. */
  features: ReadonlySet<number> = NO_FEATURES;
  /** The peer does not read fast enough: hold back what can wait. */
  blocked = false;
  readonly served: readonly number[];
  readonly #host: EngineHost;
  readonly #role: ServerHandler;
  readonly #options: ServerSessionOptions;
  readonly #budget: SessionBudget;
  readonly #door: Door | undefined;
  readonly #handshake: ServerHandshake;
  #meter: Meter | undefined;
  #state: State = 'greeting';
  #inFlight = new Set<number>();
  #joined: { correlation: number; name: LiveFrame; headers: unknown[]; bytes: number } | undefined;
  /** A joined request that was refused before its last frame came: the rest of it is dropped. */
  #refused: number | undefined;
  /** Heads of the frames that were sent in this burst: payloads have a bound of their own. */
  #burst = 0;
  #burstBytes = 0;
  #idleMs: number;
  readonly #silence: Silence;
  #timer: Timer | undefined;

  constructor({ host, role, options, traffic, budget, door }: SessionGround, accepted: Extract<Input, { kind: 'accepted' }>) {
    this.#host = host;
    this.#role = role;
    this.#options = options;
    this.served = servedFeatures(role.features, options.minor);
    this.traffic = traffic;
    this.#budget = budget;
    this.#door = door;
    this.connection = accepted.connection;
    this.remote = accepted.remote;
    this.listener = accepted.listener;
    this.certificateNames = accepted.certificateNames;
    this.#idleMs = options.idleMs;
    this.#silence = new Silence(host.timers, host.nowMs());
    this.#handshake = new ServerHandshake(host, this, options, door);
  }

  /** False once the session ends: answers are dropped. */
  get alive(): boolean {
    return this.#state !== 'closing';
  }

  /** Longest frame that the client takes. */
  get frameBytesMax(): number {
    const said = this.hello?.frameBytesMax ?? 0;
    return said === 0 ? LIMITS.FRAME_BYTES_MAX : said;
  }

  /** Longest control header that the client takes in a frame without a payload. */
  get controlBytesMax(): number {
    return this.frameBytesMax - FRAME_LENGTH_MIN;
  }

  handleFrame(bytes: Uint8Array): void {
    if (!this.alive) return;
    this.#silence.heard(this.#host.nowMs());
    this.traffic.receivedBytes += bytes.length;
    const before = withoutStacks(true);
    try {
      this.#dispatch(decodeFrame(bytes));
    } catch (error) {
      if (!QanatError.is(error)) throw error;
      this.end(error);
    } finally {
      withoutStacks(before);
      this.#meter?.bytes(bytes.length, this.#host.nowMs());
    }
  }

  handleBadBytes(error: QanatError): void {
    if (this.alive) this.end(error);
  }

  handleClosed(error: QanatError | undefined): void {
    const known = this.#state !== 'greeting' || this.hello !== undefined;
    this.#leave();
    if (known) this.#role.onClosed(this, error);
  }

  /** A blocked connection says so again for each frame that is sent: what waits goes on being counted (QNT-LIM-010). */
  setBlocked(blocked: boolean): void {
    if (blocked === this.blocked) return;
    // While it is blocked nothing is read: the silence before and behind it is counted anew (QNT-KAL-006).
    this.#silence.heard(this.#host.nowMs());
    this.blocked = blocked;
    this.#budget.unread.forget(this);
    if (!this.alive) return;
    this.#host.emit({ kind: 'reading', connection: this.connection, on: !blocked });
    if (!blocked) this.#role.onDrained?.(this);
  }

  /** @param lent the parts hold only until the engine is drained again. */
  send(frame: readonly Uint8Array[], lent = false): void {
    if (!this.alive) return;
    if (this.blocked) {
      const bytes = frame.reduce((sum, part) => sum + part.length, 0);
      if (this.#budget.unread.add(this, bytes) > this.#options.pendingBytesMax) return this.#endSlow();
      if (!this.alive) return;
    }
    if (this.#burst !== this.#budget.burst) {
      this.#burst = this.#budget.burst;
      this.#burstBytes = 0;
    }
    this.#burstBytes += frame[0]?.length ?? 0;
    this.#emit(frame, lent);
  }

  /** Sends a one-way frame that was not asked for, as several where the client takes shorter ones. With `more` it goes on. */
  push<N extends LiveFrame>(name: N, header: RequestInit<N>, more = false): void {
    const control = requestCodec(name).encode(header);
    const halves = control.length > this.controlBytesMax ? halvesOf(header as object) : undefined;
    if (halves !== undefined) {
      this.push(name, halves[0] as RequestInit<N>, true);
      return this.push(name, halves[1] as RequestInit<N>, more);
    }
    this.send(encodeFrame(FRAMES[name].type, Flag.ONEWAY | (more ? Flag.MORE : 0), 0, control));
  }

  requestEnded(correlation: number): void {
    this.#inFlight.delete(correlation);
    if (this.#state === 'leaving' && this.#inFlight.size === 0) this.#close();
  }

  /** Says GOAWAY, answers what is pending within `graceMs`, then closes. */
  goAway(error: QanatError, graceMs: number): void {
    if (this.#state === 'closing' || this.#state === 'leaving') return;
    this.#sayGoAway(error, graceMs);
    if (this.#state === 'greeting' || this.#inFlight.size === 0) return this.#close();
    this.#state = 'leaving';
    this.#timer?.cancel();
    this.#timer = this.#host.timers.at(this.#host.nowMs() + graceMs, () => this.#close());
  }

  /** Tells the peer why, and closes. */
  end(error: QanatError): void {
    if (!this.alive) return;
    this.traffic.end(error.code);
    this.#sayGoAway(error, 0);
    this.#close();
  }

  #emit(parts: readonly Uint8Array[], lent = false): void {
    let bytes = 0;
    for (const part of parts) bytes += part.length;
    this.traffic.sentBytes += bytes;
    this.#meter?.bytes(bytes, this.#host.nowMs());
    const { connection } = this;
    this.#host.emit(lent ? { kind: 'send', connection, parts, lent } : { kind: 'send', connection, parts });
  }

  /** The peer does not read, and what waits for it is at its limit: this answer is not kept, and no other. */
  #endSlow(): void {
    const limit = `${this.#options.pendingBytesMax} bytes wait to be read (PENDING_RESPONSE_BYTES_MAX)`;
    this.end(new QanatError('SLOW_READER', limit));
  }

  #sayGoAway(error: QanatError, graceMs: number): void {
    const { code, message } = errorInfo(error);
    this.#emit(encodeFrame(FrameType.GOAWAY, Flag.ONEWAY, 0, requestCodec('GOAWAY').encode({ code, message, graceMs })));
  }

  /** Drops the connection: there are too many to tell each of them why. */
  drop(error: QanatError): void {
    if (!this.alive) return;
    this.#leave();
    this.#host.emit({ kind: 'abort', connection: this.connection, error });
  }

  #close(): void {
    this.#leave();
    this.#host.emit({ kind: 'close', connection: this.connection });
  }

  #leave(): void {
    this.#timer?.cancel();
    this.#handshake.cancel();
    this.#state = 'closing';
    this.#budget.greeted(this);
    this.#budget.unread.forget(this);
    this.#dropJoined();
  }

  // ---- frames, in the decode order of the spec ----

  #dispatch(frame: Frame): void {
    if (frame.flags & Flag.RESPONSE) return; // this server asks nothing: an answer to nothing is ignored
    const oneWay = (frame.flags & Flag.ONEWAY) !== 0;
    if (!oneWay && frame.correlation % 2 === 0)
      throw new QanatError('MALFORMED_FRAME', `a client's correlation number is odd, not ${frame.correlation}`);
    if (!oneWay && this.#inFlight.has(frame.correlation))
      throw new QanatError('UNEXPECTED_FRAME', `correlation number ${frame.correlation} is in use`);
    if (this.#state === 'greeting') return this.#handshake.handle(frame);
    if (!oneWay && frame.correlation === this.#refused) {
      if ((frame.flags & Flag.MORE) === 0) this.#refused = undefined;
      return;
    }
    const name = FRAME_NAMES.get(frame.type);
    if (name === undefined || (name === 'AUTH' && this.#door === undefined)) return this.#unknown(frame);
    if (name === 'AUTH' || name === 'HELLO') throw new QanatError('UNEXPECTED_FRAME', `${name} comes once`);
    if (name === 'GOAWAY') return;
    if (name === 'PING')
      return oneWay ? undefined : this.send(encodeFrame(FrameType.PING, Flag.RESPONSE, frame.correlation, new Uint8Array(0)));
    this.#request(name, frame);
  }

  /** Answers a request with an error; what is one-way is dropped. */
  refuse(frame: Frame, error: QanatError): void {
    if (this.#joined?.correlation === frame.correlation) this.#dropJoined();
    this.traffic.error(error.code);
    if ((frame.flags & Flag.MORE) !== 0) this.#refused = frame.correlation;
    if ((frame.flags & Flag.ONEWAY) === 0) this.send(encodeError(frame.type, frame.correlation, error));
  }

  #unknown(frame: Frame): void {
    const error = new QanatError('UNSUPPORTED_FRAME', `frame type 0x${frame.type.toString(16).padStart(4, '0')} is not served`);
    if ((frame.flags & Flag.ONEWAY) === 0) return this.refuse(frame, error);
    if ((frame.flags & Flag.IGNORABLE) === 0) this.end(error);
  }

  #request(name: LiveFrame, frame: Frame): void {
    let headers: unknown[];
    try {
      this.#checkRoom(name, frame);
      headers = this.#join(name, frame);
      if (this.principal !== undefined) this.#door?.checkRights(this.principal, name, headers[0]);
    } catch (error) {
      if (!QanatError.is(error) || closes(error)) throw error;
      if (error.code === 'FORBIDDEN') this.tellForbidden(error.message);
      return this.refuse(frame, error);
    }
    if (frame.flags & Flag.MORE) return;
    this.traffic.request(name);
    const request = new Request(this, name, headers as never, frame);
    if (!request.oneWay) this.#inFlight.add(frame.correlation);
    try {
      this.#role.onRequest(request);
    } catch (error) {
      if (!QanatError.is(error)) throw error;
      request.fail(error);
      if (closes(error)) this.end(error);
    }
  }

  /** What can be said of a request without a look into it. @throws QanatError. */
  #checkRoom(name: LiveFrame, frame: Frame): void {
    if (!this.#role.serves(name)) throw notServed(this.#role.identity(), name);
    if (this.#state === 'leaving') throw new QanatError('SHUTTING_DOWN', 'the server is about to stop');
    checkFeature(name, this.features);
    if (this.principal !== undefined) this.#door?.checkBegin(this.principal, name);
    if (this.#inFlight.size >= this.#options.inFlightMax)
      throw new QanatError('TOO_MANY_REQUESTS', `${this.#options.inFlightMax} requests are in flight on this connection`);
    if (this.#burst === this.#budget.burst && this.#burstBytes >= BURST_ANSWER_BYTES_MAX)
      throw new QanatError('TOO_MANY_REQUESTS', `answers of ${this.#burstBytes} bytes are on their way`);
    if (frame.correlation !== this.#joined?.correlation) this.#meter?.request(this.#host.nowMs());
  }

  /** Tells the operator what this client was refused. */
  tellForbidden(why: string): void {
    this.#door?.refused('request refused', this.remote, why);
  }

  /** Collects the frames of one request that MORE joins. */
  #join(name: LiveFrame, frame: Frame): unknown[] {
    const joined = this.#joined;
    if (joined !== undefined && (joined.correlation !== frame.correlation || joined.name !== name)) {
      throw new QanatError('UNEXPECTED_FRAME', `a frame came between the frames that MORE joins`);
    }
    const more = (frame.flags & Flag.MORE) !== 0;
    if (more && FRAMES[name].more !== 'request') throw new QanatError('MALFORMED_FRAME', `${name} does not take MORE`);
    const header = requestCodec(name).decode(frame.control);
    if (joined === undefined && !more) return [header];
    const headers = joined?.headers ?? [];
    headers.push(header);
    if (headers.length > LIMITS.MORE_FRAMES_MAX)
      throw new QanatError('MALFORMED_FRAME', `more than ${LIMITS.MORE_FRAMES_MAX} frames joined by MORE`);
    if (!more) this.#dropJoined();
    else {
      this.#budget.keep(frame.control.length);
      const bytes = (joined?.bytes ?? 0) + frame.control.length;
      this.#joined = { correlation: frame.correlation, name, headers, bytes };
    }
    return headers;
  }

  #dropJoined(): void {
    this.#budget.release(this.#joined?.bytes ?? 0);
    this.#joined = undefined;
  }

  // ---- HandshakeOwner ----

  identity(): HelloOkInit {
    return this.#role.identity();
  }

  greeted(hello: Hello, idleMs: number, features: readonly number[]): void {
    this.hello = hello;
    this.features = new Set(features);
    this.#idleMs = idleMs;
  }

  opened(principal: Principal | undefined): void {
    this.principal = principal;
    this.#meter = principal === undefined ? undefined : this.#door?.meterOf(principal);
    this.#state = 'open';
    this.#budget.greeted(this);
    this.#host.emit({ kind: 'frameLimit', connection: this.connection, bytes: this.#options.frameBytesMax });
    this.#watchIdle();
    this.#role.onOpen?.(this);
  }

  /** The users have changed: a principal that is no longer what it was has to come again (QNT-AUT-015). */
  usersChanged(): void {
    if (this.principal === undefined || this.#door === undefined || this.#door.isCurrent(this.principal)) return;
    this.end(new QanatError('UNAUTHENTICATED', `what is known of "${this.principal.name}" has changed: authenticate again`));
  }

  #watchIdle(): void {
    this.#timer = this.#host.timers.at(this.#silence.endsMs(this.#idleMs), () => this.#idle(), { forPeer: true });
  }

  #idle(): void {
    if (this.#host.nowMs() < this.#silence.endsMs(this.#idleMs)) return this.#watchIdle();
    const code = this.blocked ? 'SLOW_READER' : 'IDLE_TIMEOUT';
    this.end(new QanatError(code, `nothing was heard for ${this.#idleMs} ms`));
  }
}
