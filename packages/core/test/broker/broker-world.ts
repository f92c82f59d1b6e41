// A broker engine, driven directly: a disk whose requests end when the test says so, connections that are lists of frames, and a
// clock that the test moves.
import {
  Broker,
  type BrokerOptions,
  type ConnectionId,
  codeOfWireNumber,
  decodeFrame,
  ErrorInfo,
  encodeFrame,
  Flag,
  FRAMES,
  type Frame,
  type Input,
  type LiveFrame,
  type Output,
  portablePlatform,
  type QanatError,
  Random,
  type RequestInit,
  type ResponseHeader,
  requestCodec,
  responseCodec,
} from '../../src/index.ts';
import { FakeDisk } from '../log/fake-disk.ts';

export const WALL_MS = 1_700_000_000_000;

export interface Answer<N extends LiveFrame> {
  /** The code of an error; undefined for none. */
  readonly code: string | undefined;
  readonly info: ErrorInfo | undefined;
  readonly header: ResponseHeader<N>;
  readonly headers: readonly ResponseHeader<N>[];
  readonly payload: Uint8Array;
}

const joined = (parts: readonly Uint8Array[]): Uint8Array => {
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
};

export class TestClient {
  readonly world: BrokerWorld;
  readonly connection: ConnectionId;
  readonly frames: Frame[] = [];
  closed = false;
  #correlation = -1;

  constructor(world: BrokerWorld, connection: ConnectionId) {
    this.world = world;
    this.connection = connection;
  }

  /** Sends a request and nothing else; the answer may come later. */
  send<N extends LiveFrame>(name: N, header: RequestInit<N>, payload: readonly Uint8Array[] = [], flags = 0): number {
    if ((flags & Flag.ONEWAY) === 0) this.#correlation += 2;
    const correlation = flags & Flag.ONEWAY ? 0 : this.#correlation;
    this.sendBytes(encodeFrame(FRAMES[name].type, flags, correlation, requestCodec(name).encode(header), payload));
    return correlation;
  }

  sendBytes(parts: readonly Uint8Array[]): void {
    this.world.input({ kind: 'frame', connection: this.connection, frame: joined(parts) });
  }

  /** The answer, when it has come whole. */
  answer<N extends LiveFrame>(name: N, correlation: number): Answer<N> | undefined {
    const frames = this.frames.filter((frame) => frame.correlation === correlation && frame.flags & Flag.RESPONSE);
    const last = frames.at(-1);
    if (last === undefined || last.flags & Flag.MORE) return undefined;
    if (last.flags & Flag.ERROR) {
      const info = ErrorInfo.decode(last.control);
      return { code: codeOfWireNumber(info.code), info, header: undefined as never, headers: [], payload: last.payload };
    }
    const headers = frames.map((frame) => responseCodec(name).decode(frame.control)) as ResponseHeader<N>[];
    return { code: undefined, info: undefined, header: headers[0] as ResponseHeader<N>, headers, payload: last.payload };
  }

  /** Sends a request, lets the disk do all it is asked for, and gives the answer. */
  call<N extends LiveFrame>(name: N, header: RequestInit<N>, payload: readonly Uint8Array[] = []): Answer<N> {
    const correlation = this.send(name, header, payload);
    this.world.pump();
    const answer = this.answer(name, correlation);
    if (answer === undefined) throw new Error(`${name} was not answered`);
    return answer;
  }

  pushes<N extends LiveFrame>(name: N): unknown[] {
    const pushed = this.frames.filter((frame) => frame.type === FRAMES[name].type && frame.flags & Flag.ONEWAY);
    return pushed.map((frame) => requestCodec(name).decode(frame.control));
  }

  close(): void {
    this.world.input({ kind: 'closed', connection: this.connection, error: undefined });
  }
}

export class BrokerWorld {
  readonly disk: FakeDisk;
  nowMs: number;
  broker: Broker;
  ready = 0;
  stopped = 0;
  fatal: QanatError | undefined;
  readonly others: Output[] = [];
  readonly clients = new Map<ConnectionId, TestClient>();
  #nextConnection = 2;
  #performing = false;

  constructor(options: Partial<BrokerOptions> = {}, disk = new FakeDisk(), seed = 1) {
    this.disk = disk;
    this.nowMs = 1_000;
    this.broker = new Broker({ name: 'b1', platform: portablePlatform, random: new Random(seed), ...options });
    this.input({ kind: 'wallClock', offsetMs: WALL_MS });
  }

  input(input: Input): void {
    this.broker.handle(input, this.nowMs);
    this.perform();
  }

  /** Performs what the broker asks for; the disk does nothing yet. */
  perform(): void {
    if (this.#performing) return;
    this.#performing = true;
    for (let outputs = this.broker.drain(); outputs.length > 0; outputs = this.broker.drain())
      for (const output of outputs) this.#start(output);
    this.#performing = false;
  }

  /** The disk ends all that it is asked for. */
  pump(): void {
    while (this.disk.step());
  }

  advance(ms: number): void {
    const toMs = this.nowMs + ms;
    for (;;) {
      const nextMs = this.broker.nextDeadlineMs();
      if (nextMs === undefined || nextMs > toMs) break;
      this.nowMs = Math.max(this.nowMs, nextMs);
      this.broker.tick(this.nowMs);
      this.perform();
      this.pump();
    }
    this.nowMs = toMs;
    this.pump();
  }

  accept(certificateNames?: readonly string[], remote = 'test'): TestClient {
    const client = new TestClient(this, this.#nextConnection);
    this.#nextConnection += 2;
    this.clients.set(client.connection, client);
    const { connection } = client;
    this.input({ kind: 'accepted', connection, remote, listener: 'default', certificateNames });
    return client;
  }

  /** A connection that has said HELLO. */
  client(frameBytesMax = 0): TestClient {
    const client = this.accept();
    client.call('HELLO', { software: 'test', frameBytesMax });
    return client;
  }

  #start(output: Output): void {
    switch (output.kind) {
      case 'send': {
        const client = this.clients.get(output.connection);
        if (client === undefined) this.others.push(output);
        else client.frames.push(decodeFrame(joined(output.parts)));
        return;
      }
      case 'close':
      case 'abort': {
        const client = this.clients.get(output.connection);
        if (client === undefined || client.closed) return;
        client.closed = true;
        this.broker.handle({ kind: 'closed', connection: output.connection, error: undefined }, this.nowMs);
        return;
      }
      case 'storage':
        this.disk.storage(output.request, (error, result) =>
          this.input({ kind: 'stored', operation: output.operation, error, result }),
        );
        return;
      case 'ready':
        this.ready++;
        return;
      case 'stopped':
        this.stopped++;
        return;
      case 'fatal':
        this.fatal = output.error;
        return;
      default:
        this.others.push(output);
    }
  }
}

/** A broker that has recovered. */
export function runningBroker(options: Partial<BrokerOptions> = {}, disk = new FakeDisk(), seed = 1): BrokerWorld {
  const world = new BrokerWorld(options, disk, seed);
  world.pump();
  return world;
}
