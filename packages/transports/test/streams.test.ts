// Streams of bytes, as the MQTT bridge has them, against sockets of Node and the WebSockets of `ws`.
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { connect as tlsConnect } from 'node:tls';
import { type Listener, parseHostPort } from '@qanat/core';
import {
  type ByteStream,
  listenForStreams,
  STREAM_BUFFER_BYTES_MAX,
  STREAM_HIGH_WATER_BYTES,
  type StreamListenerOptions,
} from '@qanat/transports/streams';
import { TlsMaterial } from '@qanat/transports/tls';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { WebSocket } from 'ws';
import { TestCa } from './certificates.ts';

const ends: (() => void)[] = [];
afterEach(() => {
  for (const end of ends.splice(0).reverse()) end();
});

/** Keeps what streams tell. */
class Owner {
  readonly streams: ByteStream[] = [];
  readonly got: number[] = [];
  readonly closings: ByteStream[] = [];
  /** Those whose peer has ended them. */
  readonly left: ByteStream[] = [];
  drains = 0;
  accepted(stream: ByteStream): void {
    this.streams.push(stream);
  }
  received(_stream: ByteStream, bytes: Uint8Array): void {
    this.got.push(...bytes);
  }
  drained(): void {
    this.drains++;
  }
  ended(stream: ByteStream): void {
    this.left.push(stream);
  }
  closed(stream: ByteStream): void {
    this.closings.push(stream);
  }
  get stream(): ByteStream {
    return this.streams[0] as ByteStream;
  }
}

async function listening(options: Partial<StreamListenerOptions> = {}): Promise<{ owner: Owner; port: number }> {
  const owner = new Owner();
  const listener: Listener = await listenForStreams('127.0.0.1:0', { owner, ...options });
  ends.push(() => {
    listener.close(() => undefined);
    for (const stream of owner.streams) stream.abort();
  });
  return { owner, port: parseHostPort(listener.address, []).port };
}

async function dial(port: number): Promise<Socket> {
  const socket = connect({ port, host: '127.0.0.1' });
  ends.push(() => socket.destroy());
  await once(socket, 'connect');
  return socket;
}

async function dialWebSocket(port: number, protocol = 'mqtt', path = '/mqtt'): Promise<WebSocket> {
  const socket = new WebSocket(`ws://127.0.0.1:${port}${path}`, protocol);
  ends.push(() => socket.terminate());
  await once(socket, 'open');
  return socket;
}

const until = (done: () => boolean): Promise<void> =>
  vi.waitFor(() => expect(done()).toBe(true), { interval: 1, timeout: 20_000 });

describe('a stream over TCP', () => {
  it('gives what comes, sends what one turn brings together, and tells its end once', async () => {
    const { owner, port } = await listening();
    const peer = await dial(port);
    peer.write(Uint8Array.of(1, 2, 3));
    await until(() => owner.got.length === 3);
    expect(owner.got).toEqual([1, 2, 3]);
    expect(owner.stream).toMatchObject({ secure: false, certificateNames: undefined });
    expect(owner.stream.remote).toMatch(/^127\.0\.0\.1:\d+$/);
    owner.stream.send(Uint8Array.of(4));
    owner.stream.send(Uint8Array.of(5));
    expect([...((await once(peer, 'data'))[0] as Uint8Array)]).toEqual([4, 5]);
    peer.end();
    await until(() => owner.closings.length > 0);
    expect(owner.closings).toEqual([owner.stream]);
  });

  it('tells at once that its peer has ended, sends what waits, and closes', async () => {
    const { owner, port } = await listening();
    const peer = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
    ends.push(() => peer.destroy());
    await once(peer, 'connect');
    peer.pause();
    await until(() => owner.streams.length === 1);
    const more = STREAM_BUFFER_BYTES_MAX / 2;
    owner.stream.send(new Uint8Array(more));
    peer.end(Uint8Array.of(1));
    await until(() => owner.left.length === 1);
    expect(owner.got).toEqual([1]);
    expect(owner.closings).toEqual([]);
    owner.stream.send(Uint8Array.of(9));
    let read = 0;
    peer.on('data', (chunk) => {
      read += chunk.length;
    });
    await once(peer.resume(), 'end');
    expect(read).toBe(more);
    await until(() => owner.closings.length === 1);
    expect(owner.left).toEqual([owner.stream]);
  });

  it('tells of a peer that drops it, and of one that it ends itself only that it is closed', async () => {
    const { owner, port } = await listening();
    const [first, second] = [await dial(port), await dial(port)];
    await until(() => owner.streams.length === 2);
    first.resetAndDestroy();
    await until(() => owner.closings.length === 1);
    expect(owner.left).toEqual([owner.stream]);
    owner.streams[1]?.close();
    second.resume();
    await until(() => owner.closings.length === 2);
    expect(owner.left).toHaveLength(1);
  });

  it('sends what waits before it closes, and gives nothing that comes meanwhile', async () => {
    const { owner, port } = await listening();
    const peer = await dial(port);
    await until(() => owner.streams.length === 1);
    peer.write(Uint8Array.of(9));
    owner.stream.send(Uint8Array.of(7));
    owner.stream.close();
    expect([...((await once(peer, 'data'))[0] as Uint8Array)]).toEqual([7]);
    await until(() => owner.closings.length === 1);
    expect(owner.got).toEqual([]);
  });

  it('asks to hold back while its peer does not read, and says when it has', async () => {
    const { owner, port } = await listening();
    const peer = await dial(port);
    peer.pause();
    await until(() => owner.streams.length === 1);
    let sent = 0;
    while (owner.stream.send(new Uint8Array(65_536))) sent += 65_536;
    expect(sent).toBeLessThanOrEqual(STREAM_HIGH_WATER_BYTES);
    peer.resume();
    await until(() => owner.drains === 1);
  });

  it('drops a peer for whom more than STREAM_BUFFER_BYTES_MAX wait', async () => {
    const { owner, port } = await listening();
    const peer = await dial(port);
    peer.pause();
    await until(() => owner.streams.length === 1);
    for (let bytes = 0; bytes <= STREAM_BUFFER_BYTES_MAX; bytes += 1_048_576) owner.stream.send(new Uint8Array(1_048_576));
    owner.stream.send(new Uint8Array(1));
    await until(() => owner.closings.length === 1);
  });

  it('stops and goes on to read', async () => {
    const { owner, port } = await listening();
    const peer = await dial(port);
    await until(() => owner.streams.length === 1);
    owner.stream.setReading(false);
    peer.write(Uint8Array.of(1));
    const other = await dial(port);
    other.write(Uint8Array.of(2));
    await until(() => owner.got.length > 0);
    expect(owner.got).toEqual([2]);
    owner.stream.setReading(true);
    await until(() => owner.got.length === 2);
  });
});

describe('a stream over TLS', () => {
  it('knows the names in the certificate that its peer showed', async () => {
    const ca = await TestCa.make();
    ends.push(() => ca.remove());
    const material = new TlsMaterial({ ca: ca.ca, ...(await ca.files('server')) });
    const { owner, port } = await listening({ tls: { material, clientCertificates: 'required' } });
    const { cert, key } = await ca.issue('device-7');
    const peer = tlsConnect({ port, host: '127.0.0.1', ca: ca.pair.cert, cert, key });
    ends.push(() => peer.destroy());
    await once(peer, 'secureConnect');
    peer.write(Uint8Array.of(1));
    await until(() => owner.got.length === 1);
    expect(owner.stream).toMatchObject({ secure: true, certificateNames: ['device-7', 'localhost'] });
    owner.stream.send(Uint8Array.of(2));
    expect([...((await once(peer, 'data'))[0] as Uint8Array)]).toEqual([2]);
  });
});

describe('a stream over WebSocket', () => {
  const options = { subprotocol: 'mqtt' };

  it('is of the bytes in binary messages, which packets share and span, empty ones too [MQTT-6.0.0-2]', async () => {
    const { owner, port } = await listening(options);
    const peer = await dialWebSocket(port);
    expect(peer.protocol).toBe('mqtt'); // [MQTT-6.0.0-4]
    for (const bytes of [[1], [], [2, 3, 4], [5]]) peer.send(Uint8Array.from(bytes));
    await until(() => owner.got.length === 5);
    expect(owner.got).toEqual([1, 2, 3, 4, 5]);
    owner.stream.send(Uint8Array.of(6));
    owner.stream.send(Uint8Array.of(7));
    const [message, isBinary] = (await once(peer, 'message')) as [Buffer, boolean];
    expect([[...message], isBinary]).toEqual([[6, 7], true]);
    peer.close();
    await until(() => owner.closings.length === 1);
  });

  it('takes a message of any length', async () => {
    const { owner, port } = await listening(options);
    let bytesSeen = 0;
    const received = vi.spyOn(owner, 'received').mockImplementation((_stream, bytes) => {
      bytesSeen += bytes.length;
    });
    (await dialWebSocket(port)).send(new Uint8Array(3_000_000));
    await until(() => bytesSeen === 3_000_000);
    expect(received.mock.calls.length).toBeGreaterThan(1);
  });

  it('ends with 1003 when a text message comes [MQTT-6.0.0-1]', async () => {
    const onRefused = vi.fn();
    const { owner, port } = await listening({ ...options, onRefused });
    const peer = await dialWebSocket(port);
    peer.send('CONNECT');
    const [code] = await once(peer, 'close');
    expect(code).toBe(1003);
    await until(() => owner.closings.length === 1);
    expect(onRefused).toHaveBeenCalledOnce();
  });

  it('needs the subprotocol mqtt to be offered [MQTT-6.0.0-3]', async () => {
    const { port } = await listening(options);
    const peer = new WebSocket(`ws://127.0.0.1:${port}/`, 'amqp');
    const [error] = await once(peer, 'error');
    expect(String(error)).toContain('400');
  });
});
