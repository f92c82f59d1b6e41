// Rules of the binding to WebSocket that raw sockets show (spec, chapter of WebSocket).
import { once } from 'node:events';
import { connect as netConnect, type Socket } from 'node:net';
import { LIMITS } from '@qanat/core';
import { shortFrame, testFrame } from '@qanat/core/testing';
import { describe, expect, it } from 'vitest';
import { applyMask } from '../src/websocket/masking.ts';
import { JOINED_MESSAGE_BYTES_MAX } from '../src/websocket/message-rules.ts';
import { acceptanceOf } from '../src/websocket/upgrade-request.ts';
import { headerLength, MASK_BYTES, Opcode, payloadLength } from '../src/websocket/wire-format.ts';
import { atEnd, closed, dial, joined, listening, piece, raw, rawServer, requestText, upgraded, wait } from './websocket-peers.ts';

const { BINARY, CLOSE, PING, TEXT } = Opcode;
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
const turns = async (count: number): Promise<void> => {
  for (let i = 0; i < count; i++) await turn();
};

interface Piece {
  readonly first: number;
  readonly mask: string;
  readonly payload: Buffer;
}

/** Whole pieces, their masks taken off. */
function piecesOf(bytes: Buffer): Piece[] {
  const pieces: Piece[] = [];
  for (let at = 0; bytes.length - at >= 2; ) {
    const header = headerLength(bytes[at + 1] as number);
    if (bytes.length - at < header) break;
    const length = payloadLength(bytes, at);
    if (bytes.length - at < header + length) break;
    const masked = ((bytes[at + 1] as number) & 0x80) !== 0;
    const mask = masked ? bytes.subarray(at + header - MASK_BYTES, at + header) : Buffer.alloc(0);
    const payload = Buffer.from(bytes.subarray(at + header, at + header + length));
    if (masked) applyMask(payload, mask, 0);
    pieces.push({ first: bytes[at] as number, mask: mask.toString('hex'), payload });
    at += header + length;
  }
  return pieces;
}

/** A server that is not ours, which agrees and keeps what comes behind. */
async function agreeing(): Promise<{ address: string; pieces(): Piece[]; socket(): Socket }> {
  let chunks: Buffer[] = [];
  let peer: Socket | undefined;
  const address = await rawServer((socket) => {
    peer = socket;
    socket.once('data', (request) => {
      const key = /sec-websocket-key: ([^\r]+)/i.exec(request.toString())?.[1] ?? '';
      socket.on('data', (chunk) => chunks.push(chunk));
      const lines = ['HTTP/1.1 101 Switching Protocols', 'Upgrade: websocket', 'Connection: Upgrade'];
      lines.push(`Sec-WebSocket-Accept: ${acceptanceOf(key)}`, 'Sec-WebSocket-Protocol: qanat.v1', '', '');
      socket.write(lines.join('\r\n'));
    });
  });
  const pieces = (): Piece[] => {
    chunks = [Buffer.concat(chunks)];
    return piecesOf(chunks[0] as Buffer);
  };
  return { address, pieces, socket: () => peer as Socket };
}

describe('messages', () => {
  it('hold the frames of one flush, those of a long one its own, and come masked from a client alone [QNT-WSK-008, QNT-WSK-009]', async () => {
    const server = await agreeing();
    const client = dial(server.address);
    await wait(() => expect(client.opens).toBe(1));
    const long = testFrame(70_000, 9);
    const fitting = testFrame(JOINED_MESSAGE_BYTES_MAX - 16 - 4, 8);
    const sent = [shortFrame(1), shortFrame(2), long, shortFrame(3), fitting, shortFrame(4)];
    for (const frame of sent) client.send(frame.slice(0, 5), frame.slice(5));
    client.flush();
    client.send(shortFrame(5));
    client.flush();
    const messages = [joined(shortFrame(1), shortFrame(2)), long, joined(shortFrame(3), fitting), shortFrame(4), shortFrame(5)];
    await wait(() => expect(server.pieces().map(({ payload }) => payload.length)).toEqual(messages.map(({ length }) => length)));
    const pieces = server.pieces();
    pieces.forEach(({ first, payload }, i) => {
      expect(first).toBe(0x82);
      expect(payload).toEqual(Buffer.from(messages[i] as Uint8Array));
    });
    expect(new Set(pieces.map(({ mask }) => mask)).size).toBe(pieces.length);

    const { port, recorders } = await listening();
    const peer = await upgraded(port);
    for (const frame of sent) recorders[0]?.send(frame.slice(0, 5), frame.slice(5));
    recorders[0]?.flush();
    const plain = messages.slice(0, -1);
    await wait(() =>
      expect(piecesOf(peer.messages()).map(({ payload }) => payload.length)).toEqual(plain.map(({ length }) => length)),
    );
    piecesOf(peer.messages()).forEach(({ first, mask, payload }, i) => {
      expect([first, mask]).toEqual([0x82, '']);
      expect(payload).toEqual(Buffer.from(plain[i] as Uint8Array));
    });
  });

  it('that a sender joins pass the limit before HELLO of no receiver [QNT-WSK-009, QNT-WSK-012]', async () => {
    const { address, recorders } = await listening();
    const client = dial(address);
    for (let i = 0; i < 3_000; i++) client.send(shortFrame(i));
    client.flush();
    await wait(() => expect(recorders[0]?.frames).toHaveLength(3_000));
    expect(recorders[0]?.badBytes).toEqual([]);
  });

  it('of text are refused: frames before them count, what is sent after them is dropped, the end is 1003 [QNT-WSK-011]', async () => {
    const { port, recorders } = await listening();
    const peer = await upgraded(port);
    peer.socket.write(joined(piece(BINARY, shortFrame(1)), piece(TEXT, shortFrame(2)), piece(BINARY, shortFrame(3))));
    await wait(() => expect(recorders[0]?.badBytes).toHaveLength(1));
    const [server] = recorders;
    expect(server?.badBytes[0]?.code).toBe('MALFORMED_FRAME');
    expect(server?.frames).toHaveLength(1);
    server?.send(shortFrame(9));
    server?.close();
    const wanted = [Buffer.from(shortFrame(9)), Buffer.of(0x03, 0xeb)];
    await wait(() => expect(piecesOf(peer.messages()).map(({ payload }) => payload)).toEqual(wanted));
    peer.socket.end();
    expect(await closed(() => server)).toBeUndefined();
  });

  it('of text are answered with 1003 by a client too, which drops the connection [QNT-WSK-011]', async () => {
    const server = await agreeing();
    const client = dial(server.address);
    client.onBadBytes = (error) => client.connection.abort(error);
    await wait(() => expect(client.opens).toBe(1));
    server.socket().write(piece(TEXT, shortFrame(2), { mask: undefined }));
    expect((await closed(() => client))?.code).toBe('MALFORMED_FRAME');
    await wait(() => expect(server.pieces().map(({ payload }) => payload)).toEqual([Buffer.of(0x03, 0xeb)]));
  });

  it('that claim 4 MiB on a thousand sockets cost what has come, and beyond the bound those that began first [QNT-WSK-015]', async () => {
    const begunBytesMax = 4 * 1_048_576;
    const { port, recorders } = await listening({ begunBytesMax }, ({ connection }) =>
      connection.setFrameBytesMax(LIMITS.FRAME_BYTES_MAX),
    );
    const head = piece(BINARY, testFrame(LIMITS.FRAME_BYTES_MAX, 1)).subarray(0, 40_000);
    const before = process.memoryUsage();
    const count = 1_000;
    for (let i = 0; i < count; i++) {
      const peer = raw(port, requestText());
      peer.socket.write(head);
    }
    await wait(() => expect(recorders).toHaveLength(count));
    const dropped = (): number => recorders.filter(({ badBytes }) => badBytes.length > 0).length;
    // 40,000 bytes each, of which a part of what was reserved for the same.
    await wait(() => expect(dropped()).toBeGreaterThanOrEqual(count - (2 * begunBytesMax) / 40_000));
    const grown = process.memoryUsage().arrayBuffers - before.arrayBuffers;
    expect(grown).toBeLessThan(count * 100_000);
    const codes = new Set(recorders.flatMap(({ badBytes }) => badBytes.map(({ code }) => code)));
    expect([...codes]).toEqual(['TOO_MANY_CONNECTIONS']);
  }, 20_000);
});

describe('pings', () => {
  it('are answered, and nobody is told that something was heard [QNT-WSK-017]', async () => {
    const { port, recorders } = await listening();
    const peer = await upgraded(port);
    peer.socket.write(piece(PING, Uint8Array.of(1, 2, 3)));
    await wait(() => expect(piecesOf(peer.messages())).toEqual([{ first: 0x8a, mask: '', payload: Buffer.of(1, 2, 3) }]));
    expect(recorders[0]).toMatchObject({ frames: [], framesEnds: 0 });
  });

  it('that come in a crowd are answered by the newest, and keep no other peer waiting [QNT-WSK-018, QNT-SEC-003]', async () => {
    const { port, recorders } = await listening();
    const peer = await upgraded(port);
    const other = await upgraded(port);
    const count = 20_000;
    peer.socket.write(joined(...Array.from({ length: count }, (_, i) => piece(PING, Uint8Array.of(i >> 8, i & 0xff)))));
    other.socket.write(piece(BINARY, shortFrame(1)));
    await wait(() => expect(recorders[1]?.frames).toHaveLength(1));
    const newest = Buffer.of((count - 1) >> 8, (count - 1) & 0xff);
    await wait(() => expect(piecesOf(peer.messages()).at(-1)?.payload).toEqual(newest));
    expect(piecesOf(peer.messages()).length).toBeLessThan(count / 4);
  });

  it('of a peer that reads no answer leave no more than one of them behind [QNT-WSK-018]', async () => {
    const { port, recorders } = await listening();
    const socket = netConnect(port, '127.0.0.1');
    atEnd(() => socket.destroy());
    socket.write(requestText());
    const crowd = Buffer.concat(Array.from({ length: 500 }, () => piece(PING, new Uint8Array(125))));
    socket.pause();
    for (let i = 0; i < 200; i++) {
      if (!socket.write(crowd)) await once(socket, 'drain');
    }
    socket.write(piece(BINARY, shortFrame(1)));
    await wait(() => expect(recorders[0]?.frames).toHaveLength(1));
  });
});

describe('the end of a WebSocket', () => {
  const closeMessage = (code: number | undefined, reason = ''): Uint8Array =>
    piece(
      CLOSE,
      code === undefined ? new Uint8Array(0) : joined(Uint8Array.of(code >> 8, code & 0xff), new TextEncoder().encode(reason)),
    );

  it.each<[number | undefined, string | undefined, string | undefined]>([
    [1000, undefined, '03e8'],
    [1001, undefined, '03e9'],
    [undefined, undefined, ''],
    [1002, 'MALFORMED_FRAME', '03ea'],
    [1003, 'MALFORMED_FRAME', '03eb'],
    [1007, 'MALFORMED_FRAME', '03ef'],
    [1008, 'FORBIDDEN', '03f0'],
    [1009, 'FRAME_TOO_LARGE', '03f1'],
    [1011, 'CONNECTION_LOST', '03f3'],
    [1013, 'TOO_MANY_CONNECTIONS', '03f5'],
    [4000, 'CONNECTION_LOST', '0fa0'],
  ])('with the code %s means %s, and is answered with the same [QNT-WSK-021]', async (code, meaning, answer) => {
    const { port, recorders } = await listening();
    const peer = await upgraded(port);
    peer.socket.write(joined(piece(BINARY, shortFrame(1)), closeMessage(code, 'why')));
    const error = await closed(() => recorders[0]);
    expect(error?.code).toBe(meaning);
    if (error !== undefined)
      expect(error).toMatchObject({ outcome: 'unknown', message: expect.stringContaining(`${code}: why`) });
    expect(recorders[0]).toMatchObject({ frames: [expect.anything()], framesEnds: 1 });
    expect(await peer.ended).toBe('end');
    expect(piecesOf(peer.messages()).map(({ first, payload }) => [first, payload.toString('hex')])).toEqual([[0x88, answer]]);
  });

  it('without a close message is a lost connection [QNT-WSK-020]', async () => {
    const { port, recorders } = await listening();
    const peer = await upgraded(port);
    peer.socket.end(piece(BINARY, shortFrame(1)));
    const error = await closed(() => recorders[0]);
    expect(error).toMatchObject({ code: 'CONNECTION_LOST', message: expect.stringContaining('without a close message') });
    expect(recorders[0]?.frames).toHaveLength(1);
    const reset = await upgraded(port);
    reset.socket.resetAndDestroy();
    expect((await closed(() => recorders[1]))?.code).toBe('CONNECTION_LOST');
  });

  it('comes behind what was sent, with 1000, and the stream ends once the peer has said so too [QNT-WSK-019]', async () => {
    const { port, recorders } = await listening();
    const peer = await upgraded(port);
    const [server] = recorders;
    server?.send(testFrame(200_000, 1));
    server?.close();
    server?.send(shortFrame(2));
    await wait(() => expect(piecesOf(peer.messages()).map(({ payload }) => payload.length)).toEqual([200_004, 2]));
    expect(piecesOf(peer.messages())[1]?.payload).toEqual(Buffer.of(0x03, 0xe8));
    await turns(50);
    expect(server?.closes).toEqual([]);
    peer.socket.write(joined(piece(BINARY, testFrame(100_000, 3)), piece(TEXT, shortFrame(1)), closeMessage(1000)));
    expect(await closed(() => server)).toBeUndefined();
    expect(await peer.ended).toBe('end');
    expect(server?.frames).toEqual([]);
  });

  it('of a client comes masked, and both sides say so', async () => {
    const server = await agreeing();
    const client = dial(server.address);
    client.send(shortFrame(1));
    client.close();
    await wait(() =>
      expect(server.pieces().map(({ first, payload }) => [first, payload.length])).toEqual([
        [0x82, 16],
        [0x88, 2],
      ]),
    );
    expect(server.pieces()[1]?.mask).not.toBe('');
    server.socket().end(piece(CLOSE, Uint8Array.of(3, 0xe8), { mask: undefined }));
    expect(await closed(() => client)).toBeUndefined();
    expect(client.opens).toBe(0);
  });

  it('is no end for frames that wait for their turn', async () => {
    const { port, recorders } = await listening();
    const peer = await upgraded(port);
    const [server] = recorders;
    if (server === undefined) return;
    server.whenFrame = () => {
      if (server.frames.length === 300) server.connection.setReading(false);
    };
    const count = 2_000;
    peer.socket.end(joined(...Array.from({ length: count }, (_, i) => piece(BINARY, shortFrame(i))), closeMessage(1000)));
    await wait(() => expect(server.frames.length).toBeGreaterThanOrEqual(300));
    await turns(50);
    expect(server.frames.length).toBeLessThan(600);
    expect(server.closes).toEqual([]);
    server.connection.setReading(true);
    expect(await closed(() => server)).toBeUndefined();
    expect(server.frames).toHaveLength(count);
  });
});
