import { connect, createServer, type Socket } from 'node:net';
import { parseHostPort } from '@qanat/core';
import { afterEach, describe, expect, it } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';
import { listenByHand } from '../../src/ground/listen-by-hand.ts';
import { closeCodeOf } from '../../src/ground/websocket/close-codes.ts';
import { dialWebSocket, type WebSocketLink } from '../../src/ground/websocket/dial-web-socket.ts';
import { KitWebSocket } from '../../src/ground/websocket/kit-web-socket.ts';
import type { Message } from '../../src/ground/websocket/message-reader.ts';
import { agreeingText, headOf, requestText, SUBPROTOCOL, statusOf } from '../../src/ground/websocket/upgrade.ts';
import { hexOf } from '../../src/json.ts';

const FRAME_HEAD_BYTES = 16;

const ends: (() => void)[] = [];
afterEach(() => {
  for (const end of ends.splice(0)) end();
});

/** A frame whose length field is right. */
function frameOf(payloadBytes: number): Uint8Array {
  const frame = new Uint8Array(FRAME_HEAD_BYTES + payloadBytes).fill(0x5a);
  new DataView(frame.buffer).setUint32(0, frame.length - 4);
  return frame;
}

interface Heard {
  readonly link: WebSocketLink;
  readonly bytes: () => string;
  readonly messages: Message[];
  readonly opened: Promise<void>;
  readonly closed: Promise<string | undefined>;
}

function dialled(address: string): Heard {
  const parts: Uint8Array[] = [];
  const messages: Message[] = [];
  const opened = deferred<void>();
  const closed = deferred<string | undefined>();
  const link = dialWebSocket(
    parseHostPort(address, ['ws']),
    {
      onOpen: opened.resolve,
      onBytes: (part) => parts.push(part),
      onMessage: (message) => messages.push(message),
      onClose: (error) => closed.resolve(error?.message),
    },
    new TextEncoder().encode(requestText(address)),
  );
  ends.push(() => link.destroy());
  return { link, bytes: () => hexOf(Buffer.concat(parts)), messages, opened: opened.promise, closed: closed.promise };
}

function deferred<T>(): { promise: Promise<T>; resolve: (value: T) => void } {
  let resolve: (value: T) => void = () => {};
  const promise = new Promise<T>((settle) => {
    resolve = settle;
  });
  return { promise, resolve };
}

describe('against the library ws', () => {
  async function server(onSocket: (socket: WebSocket) => void): Promise<string> {
    const listening = new WebSocketServer({ host: '127.0.0.1', port: 0, handleProtocols: () => SUBPROTOCOL });
    ends.push(() => listening.close());
    listening.on('connection', onSocket);
    await new Promise((resolve) => listening.once('listening', resolve));
    return `127.0.0.1:${(listening.address() as { port: number }).port}`;
  }

  it('dials, sends pieces and is answered, and closes in good order', async () => {
    const address = await server((socket) => socket.on('message', (data) => socket.send(data)));
    const { link, bytes, messages, opened, closed } = dialled(address);
    await opened;
    const frame = frameOf(10);
    for (const byte of frame) link.write(Uint8Array.of(byte));
    await expect.poll(() => bytes()).toBe(hexOf(frame));
    link.end();
    expect(await closed).toBeUndefined();
    expect(messages.map(({ type, length }) => [type, length])).toEqual([
      ['binary', frame.length],
      ['close', 2],
    ]);
    expect(closeCodeOf(messages[1]?.payload as Uint8Array)).toBe(1000);
  });

  it('listens, answers pings, and is closed with the code of the peer', async () => {
    const connections: KitWebSocket[] = [];
    const frames: string[] = [];
    const address = await new Promise<string>((resolve) =>
      listenByHand(['ws'], (socket) => {
        const connection = new KitWebSocket(socket);
        connections.push(connection);
        return connection;
      })(
        '127.0.0.1:0',
        () => ({
          onOpen: () => {},
          onFrame: (frame) => frames.push(hexOf(frame)),
          onFramesEnd: () => {},
          onBadBytes: () => {},
          onDrain: () => {},
          onClose: () => {},
        }),
        (_, listener) => {
          ends.push(() => listener?.close(() => {}));
          resolve(listener?.address ?? '');
        },
      ),
    );
    const peer = new WebSocket(`ws://${address}`, SUBPROTOCOL);
    ends.push(() => peer.terminate());
    await new Promise((resolve) => peer.once('open', resolve));
    const pong = new Promise((resolve) => peer.once('pong', (data) => resolve(data.toString())));
    peer.ping('there?');
    expect(await pong).toBe('there?');
    peer.send(frameOf(3));
    await expect.poll(() => frames).toEqual([hexOf(frameOf(3))]);
    const back = new Promise((resolve) => peer.once('message', (data) => resolve(hexOf(data as Buffer))));
    connections[0]?.send([frameOf(5).subarray(0, 7)]);
    connections[0]?.send([frameOf(5).subarray(7)]);
    expect(await back).toBe(hexOf(frameOf(5)));
    const code = new Promise((resolve) => peer.once('close', resolve));
    connections[0]?.closeWith(1011);
    expect(await code).toBe(1011);
  });
});

describe('where no WebSocket is', () => {
  async function serverOf(take: (socket: Socket) => void): Promise<string> {
    const listening = createServer((socket) => {
      ends.push(() => socket.destroy());
      take(socket.on('error', () => {}));
    });
    ends.push(() => listening.close());
    await new Promise<void>((resolve) => listening.listen(0, '127.0.0.1', resolve));
    return `127.0.0.1:${(listening.address() as { port: number }).port}`;
  }

  it.each([
    ['another answer', 'HTTP/1.1 404 Not Found\r\n\r\n', 'the upgrade to WebSocket was answered HTTP/1.1 404 Not Found'],
    ['no HTTP', '\xabQNT\x01\0\0\0', 'no HTTP is spoken there: it says ab514e5401000000'],
  ])('%s is told', async (_, answer, why) => {
    const address = await serverOf((socket) => socket.once('data', () => socket.write(answer, 'latin1')));
    expect(await dialled(address).closed).toBe(why);
  });

  it('an end without a close message is no clean one', async () => {
    const address = await serverOf((socket) =>
      socket.once('data', (request) => socket.end(agreeingText(headOf(request.toString('latin1'))))),
    );
    expect(await dialled(address).closed).toBe('the stream ended without a close message');
  });

  it('a request that does not ask for it gets the status that the specification wants', async () => {
    const listen = listenByHand(['ws'], (socket) => new KitWebSocket(socket));
    const nothing = (): void => {};
    const handler = {
      onOpen: nothing,
      onFrame: nothing,
      onFramesEnd: nothing,
      onBadBytes: nothing,
      onDrain: nothing,
      onClose: nothing,
    };
    const address = await new Promise<string>((resolve) =>
      listen(
        '127.0.0.1:0',
        () => handler,
        (_, listener) => {
          ends.push(() => listener?.close(() => {}));
          resolve(listener?.address ?? '');
        },
      ),
    );
    const ask = (text: string): Promise<number> =>
      new Promise((resolve) => {
        const { host, port } = parseHostPort(address, []);
        const socket = connect({ host, port }, () => socket.write(text));
        ends.push(() => socket.destroy());
        socket.once('data', (data) => resolve(statusOf(headOf(data.toString('latin1')))));
      });
    expect(await ask(requestText('a:1', { Upgrade: null }))).toBe(426);
    expect(await ask(requestText('a:1', {}, 'GET /elsewhere HTTP/1.1'))).toBe(404);
    expect(await ask(requestText('a:1', { 'Sec-WebSocket-Protocol': 'qanat.v2' }))).toBe(400);
  });
});
