import type { Clock } from '../clock.ts';
import { QanatError } from '../errors.ts';
import type { Connection, ConnectionHandler } from '../transport.ts';
import { joinParts } from '../wire/frame.ts';
import { FrameSplitter } from '../wire/frame-splitter.ts';
import { Lane, type LanePolicy } from './lane.ts';

/** Bytes that wait to be sent on one connection when `send` begins to give false. */
export const HIGH_WATER_BYTES = 1_048_576;
/** Bytes that wait when `onDrain` comes. */
export const LOW_WATER_BYTES = 262_144;
/** A peer that does not end the connection after our `close` is dropped after this time. */
export const CLOSE_DEADLINE_MS = 5_000;
/** Frames of one connection that are handled before others have their turn. */
export const FRAMES_PER_TURN_MAX = 256;

/** What the bytes of a frame become that no longer hold. */
const GONE = 0xdd;

type Message =
  | { readonly kind: 'dial'; readonly arrive: () => void }
  | { readonly kind: 'open' }
  | { readonly kind: 'frames'; readonly frames: readonly (readonly Uint8Array[])[]; readonly bytes: number }
  | { readonly kind: 'end' }
  | { readonly kind: 'reset'; readonly error: QanatError };

export interface LinkEndOptions {
  /** Of the network. */
  readonly clock: Pick<Clock, 'at' | 'nowMs'>;
  /** Of the process that has this end: its timers wait while it is stopped. */
  readonly ownerClock: Pick<Clock, 'at' | 'nowMs'>;
  readonly remote: string;
  /** Of the direction from this end to its peer. */
  readonly policy: LanePolicy;
  /** Called once, when this end is gone. */
  readonly onGone: () => void;
}

/**
 * One end of a connection inside this process. Behaves as a TCP connection does: frames are copied on their way, a reader that
 * stops holds its sender back, `close` ends after everything has arrived, `abort` overtakes.
 */
export class LinkEnd implements Connection {
  readonly remote: string;
  readonly #clock: Pick<Clock, 'at' | 'nowMs'>;
  readonly #policy: LanePolicy;
  readonly #onGone: () => void;
  readonly #lane: Lane<Message>;
  readonly #splitter = new FrameSplitter();
  #peer: LinkEnd | undefined;
  #handler: ConnectionHandler | undefined;
  #outgoing: (readonly Uint8Array[])[] = [];
  #outgoingBytes = 0;
  /** Bytes sent that the peer's handler has not taken yet. */
  #bufferedBytes = 0;
  #blocked = false;
  #inbox: Message[] = [];
  #reading = true;
  /** Others have their turn before the next frames are read. */
  #yielding = false;
  #ending = false;
  #gone = false;
  #opened = true;
  #accepted = false;
  /** The process does not run: what arrives waits, as in the buffers of its system. */
  #suspended = false;
  #afterSuspension: (() => void)[] = [];
  /** The host went down without a word: it answers nothing, until it is up again. */
  #silent = false;
  /** It came up again, and knows nothing of this connection. */
  #forgotten = false;
  /** Something came for a host that was down. */
  #missed = false;
  #frames = 0;
  #cancelDeadline: (() => void) | undefined;

  constructor(options: LinkEndOptions) {
    this.remote = options.remote;
    this.#clock = options.ownerClock;
    this.#policy = options.policy;
    this.#onGone = options.onGone;
    this.#lane = new Lane(options.clock, options.policy, (message) => {
      if (message.kind === 'dial') message.arrive();
      else if (this.#peer !== undefined) this.#peer.#arrive(message);
    });
  }

  static join(dialled: LinkEnd, accepted: LinkEnd): void {
    dialled.#peer = accepted;
    accepted.#peer = dialled;
  }

  /** Makes this the dialling end. `arrive` runs where the peer is, once the wish to connect has arrived there. */
  dial(handler: ConnectionHandler, timeoutMs: number, arrive: () => void): void {
    this.#handler = handler;
    this.#opened = false;
    if (this.#policy.losesDial?.() !== true) this.#lane.push({ kind: 'dial', arrive });
    const failed = new QanatError('CONNECTION_FAILED', `cannot connect to ${this.remote}: no answer within ${timeoutMs} ms`);
    this.#cancelDeadline = this.#clock.at(this.#clock.nowMs() + timeoutMs, () => this.abort(failed));
  }

  /** Makes this the accepted end. */
  accept(accept: (connection: Connection) => ConnectionHandler): void {
    this.#accepted = true;
    // Goes first, so that whatever the handler sends at once comes after it.
    this.#lane.push({ kind: 'open' });
    this.#whenRunning(() => {
      if (!this.#gone) this.#handler = accept(this);
    });
  }

  refuse(error: QanatError): void {
    this.#reset(error);
    this.#leave();
  }

  /** What was sent sets out again after a cut. */
  resumeLane(): void {
    this.#lane.resume();
  }

  /** The process of this end is dead: its handler hears nothing more, the peer hears of a lost connection. */
  vanish(): void {
    this.#handler = undefined;
    if (this.#gone) return;
    this.#reset(new QanatError('CONNECTION_LOST', 'the process of the peer is gone'));
    this.#leave();
  }

  /** The host of this end is gone without a word: its handler hears nothing more, and the peer hears nothing at all. */
  fallSilent(): void {
    this.#handler = undefined;
    if (this.#gone) return;
    this.#silent = true;
    this.#leave();
  }

  /** The host that fell silent is up again, and does not know this connection: it says so to whoever still sends. */
  wakeUp(): void {
    if (!this.#silent) return;
    this.#silent = false;
    this.#forgotten = true;
    if (this.#missed) this.#denyConnection();
  }

  /** Nothing that either end sends arrives any more; neither is told. */
  mute(): void {
    this.#lane.mute();
  }

  /**
   * The network drops the connection: of what this end has on the way, a part still arrives, maybe up to the middle of a
   * frame, then the loss of the connection.
   *
   * @param share how much of so many still arrives; at least 0, less than `of` + 1.
   */
  breakOff(share: (of: number) => number): void {
    this.#lane.shorten((waiting) => shortened(waiting, share));
    this.#lane.push({ kind: 'reset', error: new QanatError('CONNECTION_LOST', 'the network dropped the connection') });
  }

  /** Stops and resumes the process: what arrives meanwhile waits. Its timers wait by its own clock. */
  setSuspended(on: boolean): void {
    if (this.#suspended === on) return;
    this.#suspended = on;
    if (on) return;
    const waiting = this.#afterSuspension;
    this.#afterSuspension = [];
    for (const run of waiting) run();
    this.#readInbox();
  }

  send(parts: readonly Uint8Array[], lent = false): boolean {
    if (this.#gone || this.#ending) return true;
    let bytes = 0;
    for (const part of parts) bytes += part.length;
    this.#outgoing.push(lent ? [joinParts(parts)] : parts);
    this.#outgoingBytes += bytes;
    this.#bufferedBytes += bytes;
    if (this.#bufferedBytes < HIGH_WATER_BYTES) return true;
    this.#blocked = true;
    this.flush();
    return false;
  }

  flush(): void {
    if (this.#outgoing.length === 0) return;
    this.#lane.push({ kind: 'frames', frames: this.#outgoing, bytes: this.#outgoingBytes }, this.#outgoingBytes);
    this.#outgoing = [];
    this.#outgoingBytes = 0;
  }

  setFrameBytesMax(bytes: number): void {
    this.#splitter.frameBytesMax = bytes;
  }

  setReading(on: boolean): void {
    if (this.#reading === on) return;
    this.#reading = on;
    if (on && this.#inbox.length > 0) this.#clock.at(this.#clock.nowMs(), () => this.#readInbox());
  }

  close(): void {
    if (this.#gone || this.#ending) return;
    this.#splitter.stop();
    this.#end();
    // The peer's end has to be seen even when its frames were not wanted.
    this.setReading(true);
  }

  abort(error: QanatError): void {
    if (this.#gone) return;
    this.#reset(new QanatError('CONNECTION_LOST', 'the peer dropped the connection'));
    this.#leave();
    this.#clock.at(this.#clock.nowMs(), () => this.#handler?.onClose(error));
  }

  #reset(error: QanatError): void {
    if (this.#policy.resetOvertakes?.() !== false) this.#lane.clear();
    this.#lane.push({ kind: 'reset', error });
  }

  #end(): void {
    this.#ending = true;
    this.#blocked = false;
    this.flush();
    this.#lane.push({ kind: 'end' });
    this.#cancelDeadline?.();
    this.#cancelDeadline = this.#clock.at(this.#clock.nowMs() + CLOSE_DEADLINE_MS, () => this.#giveUp());
  }

  #giveUp(): void {
    // The end that was sent stays on its way to a peer that has taken everything before it.
    if (this.#bufferedBytes === 0) return this.#finish(undefined);
    this.#reset(new QanatError('CONNECTION_LOST', 'the peer gave up after its close'));
    const what = `${this.remote} did not take the last ${this.#bufferedBytes} bytes within ${CLOSE_DEADLINE_MS} ms after the close`;
    this.#finish(new QanatError('CONNECTION_LOST', what));
  }

  #arrive(message: Message): void {
    if (this.#silent) this.#missed = true;
    else if (this.#forgotten && message.kind !== 'reset') this.#denyConnection();
    if (this.#gone) return;
    if (message.kind === 'reset' && !this.#suspended) {
      this.#finish(this.#errorOfReset(message.error));
      return;
    }
    this.#inbox.push(message);
    this.#readInbox();
  }

  #whenRunning(run: () => void): void {
    if (this.#suspended) this.#afterSuspension.push(run);
    else run();
  }

  /** What a system answers to bytes of a connection that it does not know. */
  #denyConnection(): void {
    this.#lane.push({ kind: 'reset', error: new QanatError('CONNECTION_LOST', 'the peer does not know the connection') });
  }

  #errorOfReset(error: QanatError): QanatError | undefined {
    if (this.#ending && this.#bufferedBytes === 0) return undefined;
    if (this.#opened || error.code === 'CONNECTION_FAILED') return error;
    return new QanatError('CONNECTION_FAILED', `cannot connect to ${this.remote}: ${error.message}`);
  }

  #readInbox(): void {
    while (this.#reading && !this.#yielding && !this.#gone && !this.#suspended) {
      const message = this.#inbox.shift();
      if (message === undefined) return;
      this.#read(message);
    }
  }

  #read(message: Message): void {
    if (message.kind === 'frames') {
      const rest = message.frames.length > FRAMES_PER_TURN_MAX ? message.frames.slice(FRAMES_PER_TURN_MAX) : [];
      this.#readFrames(rest.length > 0 ? message.frames.slice(0, FRAMES_PER_TURN_MAX) : message.frames);
      if (rest.length > 0) this.#yield({ ...message, frames: rest });
      else if (this.#peer !== undefined) this.#peer.#taken(message.bytes);
    } else if (message.kind === 'open') {
      this.#opened = true;
      if (this.#ending) return;
      this.#cancelDeadline?.();
      this.#handler?.onOpen();
    } else if (message.kind === 'end') {
      if (!this.#ending) this.#end();
      this.#finish(undefined);
    } else if (message.kind === 'reset') this.#finish(this.#errorOfReset(message.error));
  }

  #yield(rest: Message): void {
    if (this.#gone) return;
    this.#inbox.unshift(rest);
    this.#yielding = true;
    this.#clock.at(this.#clock.nowMs(), () => {
      this.#yielding = false;
      this.#readInbox();
    });
  }

  #readFrames(frames: readonly (readonly Uint8Array[])[]): void {
    this.#frames = 0;
    let error: QanatError | undefined;
    for (let i = 0; i < frames.length && error === undefined; i++)
      error = this.#splitter.push(joinParts(frames[i] ?? []), this.#onFrame);
    if (this.#frames > 0 && !this.#gone && !this.#ending) this.#handler?.onFramesEnd();
    if (error !== undefined && !this.#gone && !this.#ending) this.#handler?.onBadBytes(error);
  }

  readonly #onFrame = (frame: Uint8Array): void => {
    this.#frames++;
    this.#handler?.onFrame(frame);
    // A server that keeps what it should have copied is found out here, not in production.
    if (this.#accepted) frame.fill(GONE);
  };

  #taken(bytes: number): void {
    this.#bufferedBytes -= bytes;
    if (this.#gone || !this.#blocked || this.#bufferedBytes > LOW_WATER_BYTES) return;
    this.#blocked = false;
    this.#whenRunning(() => {
      if (!this.#gone && !this.#ending) this.#handler?.onDrain();
    });
  }

  #finish(error: QanatError | undefined): void {
    this.#leave();
    this.#handler?.onClose(error);
  }

  #leave(): void {
    this.#gone = true;
    this.#splitter.stop();
    this.#inbox = [];
    this.#outgoing = [];
    this.#cancelDeadline?.();
    this.#onGone();
  }
}

/** The first messages, and of the frames of the last one only a part of the bytes. */
function shortened(waiting: readonly Message[], share: (of: number) => number): readonly Message[] {
  const whole = Math.min(waiting.length, Math.floor(share(waiting.length)));
  const next = waiting[whole];
  if (next?.kind !== 'frames') return waiting.slice(0, whole);
  const frames = next.frames.slice(0, Math.floor(share(next.frames.length)));
  const torn = next.frames[frames.length];
  if (torn !== undefined) {
    const bytes = joinParts(torn);
    frames.push([bytes.subarray(0, Math.floor(share(bytes.length)))]);
  }
  return [...waiting.slice(0, whole), { kind: 'frames', frames, bytes: next.bytes }];
}
