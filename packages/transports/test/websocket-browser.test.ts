// The side of browsers, with a WebSocket that the tests hold in their hands.
import { HIGH_WATER_BYTES, LIMITS } from '@qanat/core';
import { Recorder, shortFrame, testFrame } from '@qanat/core/testing';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { browserWebSocketTransport } from '../src/websocket/browser-transport.ts';
import { UNREAD_BYTES_MAX } from '../src/websocket/whole-messages.ts';

type Listener = (event: never) => void;

/** A WebSocket that does nothing by itself. */
class FakeWebSocket {
  static made: FakeWebSocket[] = [];
  binaryType = 'blob';
  protocol = 'qanat.v1';
  bufferedAmount = 0;
  readonly sent: Uint8Array[] = [];
  readonly closes: unknown[][] = [];
  readonly #listeners = new Map<string, Listener[]>();
  readonly url: string;
  readonly protocols: string;

  constructor(url: string, protocols: string) {
    this.url = url;
    this.protocols = protocols;
    FakeWebSocket.made.push(this);
  }

  addEventListener(type: string, listener: Listener): void {
    this.#listeners.set(type, [...(this.#listeners.get(type) ?? []), listener]);
  }

  tell(type: string, event: object = {}): void {
    for (const listener of this.#listeners.get(type) ?? []) listener(event as never);
  }

  message(data: Uint8Array | string): void {
    this.tell('message', { data: typeof data === 'string' ? data : data.slice().buffer });
  }

  send(message: Uint8Array): void {
    this.sent.push(message.slice());
    this.bufferedAmount += message.length;
  }

  close(...args: unknown[]): void {
    this.closes.push(args);
  }
}

afterEach(() => {
  FakeWebSocket.made = [];
  vi.unstubAllGlobals();
});

const transport = browserWebSocketTransport({ WebSocket: FakeWebSocket, connectTimeoutMs: 50 });

function dial(address = 'broker.example:7681'): { recorder: Recorder; socket: FakeWebSocket } {
  const recorder = new Recorder();
  recorder.attach(transport.dial(address, recorder));
  return { recorder, socket: FakeWebSocket.made.at(-1) as FakeWebSocket };
}

function opened(): { recorder: Recorder; socket: FakeWebSocket } {
  const pair = dial();
  pair.socket.tell('open');
  expect(pair.recorder.opens).toBe(1);
  pair.recorder.connection.setFrameBytesMax(LIMITS.FRAME_BYTES_MAX);
  return pair;
}

const closed = (recorder: Recorder): Promise<void> =>
  vi.waitFor(() => expect(recorder.closes).toHaveLength(1), { interval: 1, timeout: 5_000 });

describe('a WebSocket of a browser', () => {
  it.each([
    ['broker.example:7681', 'ws://broker.example:7681/'],
    ['ws://broker.example:7681', 'ws://broker.example:7681/'],
    ['wss://[::1]:443/', 'wss://[::1]:443/'],
  ])('dials %s at / with the subprotocol qanat.v1 [QNT-WSK-001]', (address, url) => {
    const { socket } = dial(address);
    expect([socket.url, socket.protocols, socket.binaryType]).toEqual([url, 'qanat.v1', 'arraybuffer']);
  });

  it('is taken from the browser where none is given, and is missed where there is none', async () => {
    const recorder = new Recorder();
    vi.stubGlobal('WebSocket', FakeWebSocket);
    recorder.attach(browserWebSocketTransport().dial('a:1', recorder));
    expect(FakeWebSocket.made).toHaveLength(1);
    vi.stubGlobal('WebSocket', undefined);
    const without = new Recorder();
    without.attach(browserWebSocketTransport().dial('a:1', without));
    await closed(without);
    expect(without.closes[0]).toMatchObject({ code: 'CONNECTION_FAILED', hint: 'give the option WebSocket' });
  });

  it('is refused where the server agrees to no qanat.v1, and sends no frame [QNT-WSK-003]', async () => {
    const { recorder, socket } = dial();
    socket.protocol = '';
    recorder.send(shortFrame());
    socket.tell('open');
    await closed(recorder);
    expect(recorder.closes[0]?.code).toBe('UNSUPPORTED_VERSION');
    expect([socket.sent, socket.closes.length]).toEqual([[], 1]);
  });

  it('tells what may be the reason where it does not open, and ends in time', async () => {
    const refused = dial();
    refused.socket.tell('error');
    refused.socket.tell('close', { code: 1006, reason: '' });
    await closed(refused.recorder);
    expect(refused.recorder.closes[0]).toMatchObject({ code: 'CONNECTION_FAILED', hint: expect.stringContaining('--ws-origin') });
    const hung = dial();
    await closed(hung.recorder);
    expect(hung.recorder.closes[0]).toMatchObject({ code: 'CONNECTION_FAILED', message: expect.stringContaining('50 ms') });
    expect(hung.socket.closes).toEqual([[]]);
    hung.socket.tell('open');
    hung.socket.tell('close', { code: 1006, reason: '' });
    expect(hung.recorder).toMatchObject({ opens: 0, breaches: [] });
  });

  it('that the browser forbids is a connection that failed', async () => {
    class Forbidden extends FakeWebSocket {
      constructor(url: string, protocols: string) {
        super(url, protocols);
        throw new DOMException('an insecure WebSocket from a page of https', 'SecurityError');
      }
    }
    const recorder = new Recorder();
    recorder.attach(browserWebSocketTransport({ WebSocket: Forbidden }).dial('ws://a:1', recorder));
    await closed(recorder);
    expect(recorder.closes[0]).toMatchObject({ code: 'CONNECTION_FAILED', message: expect.stringContaining('page of https') });
  });

  it('keeps what it cannot hold back up to UNREAD_BYTES_MAX, and is dropped beyond [QNT-WSK-016]', async () => {
    const { recorder, socket } = opened();
    recorder.connection.setReading(false);
    const message = testFrame(1_048_572, 1);
    const fitting = UNREAD_BYTES_MAX / message.length;
    for (let i = 0; i < fitting; i++) socket.message(message);
    expect(recorder.frames).toHaveLength(0);
    recorder.connection.setReading(true);
    await vi.waitFor(() => expect(recorder.frames).toHaveLength(fitting), { interval: 1 });
    recorder.connection.setReading(false);
    for (let i = 0; i <= fitting; i++) socket.message(message);
    await closed(recorder);
    expect(recorder.closes[0]).toMatchObject({ code: 'SLOW_READER', message: expect.stringContaining('UNREAD_BYTES_MAX') });
    expect(recorder.frames).toHaveLength(fitting);
    expect(socket.closes).toEqual([[4000]]);
  });

  it('gives nothing but a bad message for text, and says so behind the frames before it [QNT-WSK-011]', () => {
    const { recorder, socket } = opened();
    socket.message(shortFrame(1));
    socket.message('text');
    socket.message(shortFrame(2));
    expect([recorder.frames.length, recorder.badBytes[0]?.code]).toEqual([1, 'MALFORMED_FRAME']);
  });

  it('is handed no more than it sends, so that an abort drops the rest', async () => {
    const { recorder, socket } = opened();
    const frame = testFrame(524_284, 1);
    for (let i = 0; i < 8; i++) recorder.send(frame);
    recorder.flush();
    expect(socket.bufferedAmount).toBe(HIGH_WATER_BYTES);
    socket.bufferedAmount = 0;
    await vi.waitFor(() => expect(socket.sent).toHaveLength(4), { interval: 1 });
    recorder.abort(new Error('enough') as never);
    socket.bufferedAmount = 0;
    await closed(recorder);
    expect(socket.sent).toHaveLength(4);
    expect(socket.closes).toEqual([[4000]]);
  });

  it('is closed with 1000 once everything was handed over, and hears the end of the peer [QNT-WSK-019]', async () => {
    const { recorder, socket } = opened();
    for (let i = 0; i < 3; i++) recorder.send(testFrame(HIGH_WATER_BYTES, i));
    recorder.close();
    expect([socket.sent.length, socket.closes]).toEqual([1, []]);
    for (const handed of [2, 3]) {
      socket.bufferedAmount = 0;
      await vi.waitFor(() => expect(socket.sent).toHaveLength(handed), { interval: 1 });
    }
    expect(socket.closes).toEqual([[1000]]);
    socket.bufferedAmount = 0;
    socket.message(shortFrame(1));
    socket.tell('close', { code: 1000, reason: '' });
    await closed(recorder);
    expect([recorder.closes[0], recorder.frames, recorder.breaches]).toEqual([undefined, [], []]);
  });

  it('that breaks off with bytes unsent says so after a close', async () => {
    const { recorder, socket } = opened();
    recorder.send(testFrame(100, 1));
    recorder.close();
    socket.tell('close', { code: 1006, reason: '' });
    await closed(recorder);
    expect(recorder.closes[0]).toMatchObject({ code: 'CONNECTION_LOST', message: expect.stringContaining('last 104 bytes') });
  });

  it('gives what came before the end of its peer, also when nobody reads [QNT-WSK-021]', async () => {
    const { recorder, socket } = opened();
    recorder.connection.setReading(false);
    socket.message(shortFrame(1));
    socket.tell('close', { code: 1009, reason: 'too long' });
    expect(recorder).toMatchObject({ frames: [], closes: [] });
    recorder.connection.setReading(true);
    await closed(recorder);
    expect(recorder.frames).toHaveLength(1);
    expect(recorder.closes[0]).toMatchObject({ code: 'FRAME_TOO_LARGE', message: expect.stringContaining('too long') });
  });

  it('cannot listen', async () => {
    const error = await new Promise((resolve) => transport.listen('a:1', () => new Recorder(), resolve));
    expect(error).toMatchObject({ code: 'BAD_CONFIG' });
  });
});
