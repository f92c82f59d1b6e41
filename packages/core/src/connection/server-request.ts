import { QanatError } from '../errors.ts';
import { encodeFrame, Flag, type Frame } from '../wire/frame.ts';
import { FRAMES, LIMITS } from '../wire/gen/registry.ts';
import { halvesOf } from './halves.ts';
import { encodeError, type LiveFrame, type RequestHeader, type ResponseInit } from './request.ts';
import { responseCodec } from './server-codecs.ts';
import type { Traffic } from './traffic.ts';

/** What a request asks of the connection on which it came. */
export interface AnswerSession {
  readonly traffic: Traffic;
  /** Longest control header that the client takes in a frame without a payload. */
  readonly controlBytesMax: number;
  /** @param lent the parts hold only until the engine is drained again. */
  send(frame: readonly Uint8Array[], lent?: boolean): void;
  requestEnded(correlation: number): void;
}

/** One request of a client, until it is answered. One-way frames are requests whose answers are dropped. */
export class RequestOn<Session extends AnswerSession, N extends LiveFrame> {
  readonly session: Session;
  readonly name: N;
  /** All control headers when the request was several frames joined by MORE; otherwise one. */
  readonly headers: readonly RequestHeader<N>[];
  /** What followed the last control header; holds until the handler returns. */
  readonly payload: Uint8Array;
  readonly correlation: number;
  readonly oneWay: boolean;
  #answered = false;
  /** Frames of the answer so far. */
  #frames = 0;

  constructor(session: Session, name: N, headers: readonly RequestHeader<N>[], frame: Frame) {
    this.session = session;
    this.name = name;
    this.headers = headers;
    this.payload = frame.payload;
    this.correlation = frame.correlation;
    this.oneWay = (frame.flags & Flag.ONEWAY) !== 0;
  }

  get header(): RequestHeader<N> {
    return this.headers[0] as RequestHeader<N>;
  }

  get answered(): boolean {
    return this.#answered;
  }

  /**
   * Answers; once. With `more` the answer goes on. After the connection is gone it does nothing. Where the client takes only
   * shorter frames, the answer is cut into several, or is LIMIT_EXCEEDED where its type takes no MORE. The payload is lent: it
   * holds until the engine is drained again.
   */
  respond(header: ResponseInit<N>, payload: readonly Uint8Array[] = [], more = false): void {
    if (this.oneWay || this.#answered) return;
    const control = responseCodec(this.name).encode(header);
    if (control.length > this.session.controlBytesMax) return this.#respondInHalves(header, more);
    this.#frames++;
    if (more && this.#frames === LIMITS.MORE_FRAMES_MAX) return this.fail(tooLong('MORE_FRAMES_MAX'));
    const flags = Flag.RESPONSE | (more ? Flag.MORE : 0);
    this.session.send(encodeFrame(FRAMES[this.name].type, flags, this.correlation, control, payload), payload.length > 0);
    if (!more) this.#end();
  }

  /** Answers in as many frames as `pages` has; `pages` holds at least one. */
  respondInPages(pages: readonly ResponseInit<N>[]): void {
    pages.forEach((page, i) => this.respond(page, [], i < pages.length - 1));
  }

  fail(error: QanatError): void {
    this.session.traffic.error(error.code);
    if (this.oneWay || this.#answered) return;
    this.session.send(encodeError(FRAMES[this.name].type, this.correlation, error));
    this.#end();
  }

  #respondInHalves(header: ResponseInit<N>, more: boolean): void {
    const halves = FRAMES[this.name].more === 'response' ? halvesOf(header as object) : undefined;
    if (halves === undefined) return this.fail(tooLong('frame_bytes_max of the client'));
    this.respond(halves[0] as ResponseInit<N>, [], true);
    this.respond(halves[1] as ResponseInit<N>, [], more);
  }

  #end(): void {
    this.#answered = true;
    this.session.requestEnded(this.correlation);
  }
}

const tooLong = (limit: string): QanatError =>
  new QanatError('LIMIT_EXCEEDED', `the answer would pass ${limit}: ask for less at once`);
