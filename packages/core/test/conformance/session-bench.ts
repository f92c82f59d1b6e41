// The two ends of one connection without their engines: a test plays the peer, frame by frame.
import {
  ClientSession,
  type ClientSessionEvents,
  codecOfRequest,
  decodeFrame,
  EngineContext,
  ErrorInfo,
  encodeFrame,
  Flag,
  FRAMES,
  type Frame,
  FrameType,
  type GoAway,
  type HelloInit,
  HelloOk,
  type HelloOkInit,
  type LiveFrame,
  type Output,
  type QanatError,
  Random,
  type Request,
  type RequestInit,
  requestCodec,
  ServerRole,
  type ServerSessionOptions,
  ServerSessions,
} from '../../src/index.ts';

const NOTHING = new Uint8Array(0);

export const joined = (parts: readonly Uint8Array[]): Uint8Array => new Uint8Array(Buffer.concat(parts));

abstract class Bench {
  readonly context = new EngineContext(new Random(3));
  readonly frames: Frame[] = [];
  /** Every output but frames. */
  readonly others: Output[] = [];
  abstract readonly connection: number;

  /** Takes what the session asked for. */
  drain(): this {
    for (const output of this.context.drain()) {
      if (output.kind === 'send') this.frames.push(decodeFrame(joined(output.parts)));
      else this.others.push(output);
    }
    return this;
  }

  advance(ms: number): void {
    const endMs = this.context.nowMs() + ms;
    for (let due = this.context.timers.nextDeadlineMs(); due !== undefined && due <= endMs; ) {
      this.context.enter(due);
      this.context.timers.tick(due);
      due = this.context.timers.nextDeadlineMs();
    }
    this.context.enter(endMs);
    this.drain();
  }

  ofType(name: LiveFrame): Frame[] {
    return this.frames.filter((frame) => frame.type === FRAMES[name].type);
  }

  get kinds(): string[] {
    return this.others.map(({ kind }) => kind);
  }
}

/** A client's end. The test is the server. */
export class ClientBench extends Bench implements ClientSessionEvents {
  readonly session: ClientSession;
  readonly goAways: GoAway[] = [];
  readonly errors: (QanatError | undefined)[] = [];
  readonly pushes: { readonly name: LiveFrame; readonly headers: readonly unknown[] }[] = [];
  opened = 0;
  closed: { readonly error: QanatError | undefined } | undefined;

  constructor(greeting: HelloInit = {}) {
    super();
    this.session = new ClientSession(this.context, this, 'peer:1', greeting);
    this.drain();
  }

  get connection(): number {
    return this.session.connection;
  }

  onOpen(): void {
    this.opened++;
  }
  onPush(_session: ClientSession, name: LiveFrame, headers: readonly unknown[]): void {
    this.pushes.push({ name, headers });
  }
  onGoAway(_session: ClientSession, reason: GoAway): void {
    this.goAways.push(reason);
  }
  onClosed(_session: ClientSession, error: QanatError | undefined): void {
    this.closed = { error };
  }

  /** The connection is there, and HELLO is answered. */
  open(hello: HelloOkInit = {}): this {
    this.session.handle({ kind: 'opened', connection: this.connection });
    this.drain();
    const correlation = (this.ofType('HELLO')[0] as Frame).correlation;
    const identity = { role: ServerRole.BROKER, name: 'b1', storeId: new Uint8Array(16), term: 1, ...hello };
    this.receive(FrameType.HELLO, Flag.RESPONSE, correlation, HelloOk.encode(identity));
    return this;
  }

  receive(type: number, flags: number, correlation: number, control: Uint8Array = NOTHING, payload: Uint8Array = NOTHING): void {
    const frame = joined(encodeFrame(type, flags, correlation, control, [payload]));
    this.session.handle({ kind: 'frame', connection: this.connection, frame });
    this.drain();
  }

  /** Answers a request of the client with an error. */
  fail(frame: Frame, code: number, message: string): void {
    this.receive(frame.type, Flag.RESPONSE | Flag.ERROR, frame.correlation, ErrorInfo.encode({ code, message }));
  }

  /** Sends a request; what comes of it is in `errors`. */
  ask(name: LiveFrame = 'TOPIC_LIST', timeoutMs = 30_000): void {
    this.session.request(name, {}, { timeoutMs, codec: codecOfRequest(name) }, (error) => this.errors.push(error));
    this.drain();
  }
}

/** A server's end. The test is the client, and answers the requests by hand. */
export class ServerBench extends Bench {
  readonly connection = 2;
  readonly sessions: ServerSessions;
  readonly requests: Request[] = [];
  #correlation = -1;

  constructor(options: Partial<ServerSessionOptions> = {}) {
    super();
    const handler = {
      identity: () => ({ role: ServerRole.BROKER, name: 'b1', storeId: new Uint8Array(16), term: 1 }),
      serves: (name: LiveFrame) => FRAMES[name].at !== 'client',
      onRequest: (request: Request) => void this.requests.push(request),
      onClosed: () => {},
    };
    this.sessions = new ServerSessions(this.context, handler, 10, options);
    this.sessions.handle({ kind: 'accepted', connection: 2, remote: 'peer', listener: 'default' });
  }

  open(hello: HelloInit = {}): this {
    this.send('HELLO', hello);
    return this;
  }

  /** @returns the correlation number. */
  send<N extends LiveFrame>(name: N, header: RequestInit<N>, flags = 0, payload: Uint8Array = NOTHING, number?: number): number {
    const oneWay = (flags & Flag.ONEWAY) !== 0;
    if (number === undefined && !oneWay) this.#correlation += 2;
    const correlation = number ?? (oneWay ? 0 : this.#correlation);
    this.bytes(joined(encodeFrame(FRAMES[name].type, flags, correlation, requestCodec(name).encode(header), [payload])));
    return correlation;
  }

  bytes(frame: Uint8Array): void {
    this.sessions.handle({ kind: 'frame', connection: 2, frame });
    this.drain();
  }

  input(kind: 'blocked' | 'drained'): void {
    this.sessions.handle({ kind, connection: 2 });
    this.drain();
  }

  /** The codes of the errors that requests were answered with, and of GOAWAY. */
  get codes(): number[] {
    return this.frames
      .filter((frame) => (frame.flags & Flag.ERROR) !== 0 || frame.type === FrameType.GOAWAY)
      .map((frame) => ErrorInfo.decode(frame.control).code);
  }
}
