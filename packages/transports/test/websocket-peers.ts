// Peers of the WebSocket binding that are not ours: bytes on a socket, and what came back.
import { createServer, connect as netConnect, type Server, type Socket } from 'node:net';
import type { Listener, QanatError, Transport } from '@qanat/core';
import { Recorder } from '@qanat/core/testing';
import { type WebSocketTransportOptions, webSocketTransport } from '@qanat/transports/websocket';
import { afterEach, expect, vi } from 'vitest';
import { applyMask } from '../src/websocket/masking.ts';
import { HEADER_BYTES_MAX, writeHeader } from '../src/websocket/wire-format.ts';

const ends: (() => void)[] = [];
afterEach(() => {
  for (const end of ends.splice(0)) end();
});

/** Runs after the test. */
export const atEnd = (end: () => void): void => void ends.push(end);

export interface Listening {
  readonly address: string;
  readonly port: number;
  readonly recorders: Recorder[];
}

/** @param greet runs while a connection is being accepted. */
export async function listening(
  options: WebSocketTransportOptions = {},
  greet: (recorder: Recorder) => void = () => {},
): Promise<Listening> {
  const recorders: Recorder[] = [];
  const listener = await new Promise<Listener>((resolve, reject) => {
    webSocketTransport(options).listen(
      '127.0.0.1:0',
      (connection) => {
        const recorder = new Recorder();
        recorder.attach(connection);
        recorders.push(recorder);
        greet(recorder);
        return recorder;
      },
      (error, made) => (made === undefined ? reject(error) : resolve(made)),
    );
  });
  atEnd(() => {
    listener.close(() => undefined);
    for (const recorder of recorders) recorder.connection.abort(new Error('the test has ended') as never);
  });
  return { address: listener.address, port: Number(listener.address.split(':')[1]), recorders };
}

export function dial(address: string, transport: Transport = webSocketTransport()): Recorder {
  const recorder = new Recorder();
  recorder.attach(transport.dial(address, recorder));
  atEnd(() => recorder.connection.abort(new Error('the test has ended') as never));
  return recorder;
}

/** For less than CLOSE_DEADLINE_MS: what comes by that deadline only comes too late. */
export const wait = (check: () => void): Promise<void> => vi.waitFor(check, { interval: 1, timeout: 4_000 });

/** Why the connection ended. */
export async function closed(recorder: () => Recorder | undefined): Promise<QanatError | undefined> {
  await wait(() => expect(recorder()?.closes).toHaveLength(1));
  expect(recorder()?.breaches).toEqual([]);
  return recorder()?.closes[0];
}

const REQUEST: Readonly<Record<string, string>> = {
  Host: 'broker:7681',
  Upgrade: 'websocket',
  Connection: 'Upgrade',
  'Sec-WebSocket-Version': '13',
  'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ==',
  'Sec-WebSocket-Protocol': 'qanat.v1',
};

/** A request for an upgrade, with changes: undefined leaves a header out. */
export function requestText(changes: Readonly<Record<string, string | undefined>> = {}, line = 'GET / HTTP/1.1'): string {
  const headers = Object.entries({ ...REQUEST, ...changes }).filter(([, value]) => value !== undefined);
  return `${[line, ...headers.map(([name, value]) => `${name}: ${value}`)].join('\r\n')}\r\n\r\n`;
}

/** A socket, what it has received, and how it ended. */
export interface RawPeer {
  readonly socket: Socket;
  received(): Buffer;
  readonly ended: Promise<string>;
}

export function raw(port: number, bytes: string | Uint8Array): RawPeer {
  const socket = netConnect(port, '127.0.0.1');
  atEnd(() => socket.destroy());
  const chunks: Buffer[] = [];
  let how = 'end';
  socket.on('data', (chunk) => chunks.push(chunk));
  socket.on('error', (error: NodeJS.ErrnoException) => {
    how = error.code ?? 'error';
  });
  const ended = new Promise<string>((resolve) => void socket.on('close', () => resolve(how)));
  socket.write(bytes);
  return { socket, received: () => Buffer.concat(chunks), ended };
}

/** A raw peer whose upgrade was agreed to. `messages` gives what came behind the answer. */
export async function upgraded(port: number): Promise<RawPeer & { messages(): Buffer }> {
  const peer = raw(port, requestText());
  const headEnd = (): number => peer.received().indexOf('\r\n\r\n');
  await wait(() => expect(headEnd()).toBeGreaterThan(0));
  return { ...peer, messages: () => peer.received().subarray(headEnd() + 4) };
}

export interface PieceOptions {
  readonly final?: boolean;
  readonly mask?: Uint8Array | undefined;
}

/** One piece of a message as it goes over the wire. */
export function piece(opcode: number, payload: Uint8Array, options: PieceOptions = {}): Uint8Array {
  const mask = 'mask' in options ? options.mask : Uint8Array.of(0xa5, 0x5a, 0x0f, 0xf0);
  const bytes = new Uint8Array(HEADER_BYTES_MAX + payload.length);
  bytes.set(payload, HEADER_BYTES_MAX);
  if (mask !== undefined) applyMask(bytes.subarray(HEADER_BYTES_MAX), mask, 0);
  const at = writeHeader(bytes, HEADER_BYTES_MAX, opcode, payload.length, mask);
  if (options.final === false) bytes[at] = opcode;
  return bytes.subarray(at);
}

export const joined = (...parts: readonly Uint8Array[]): Uint8Array => new Uint8Array(Buffer.concat(parts));

/** A server that is not ours. */
export async function rawServer(onSocket: (socket: Socket) => void): Promise<string> {
  const server: Server = createServer((socket) => {
    socket.on('error', () => undefined);
    atEnd(() => socket.destroy());
    onSocket(socket);
  });
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  atEnd(() => server.close());
  const address = server.address();
  return `127.0.0.1:${typeof address === 'object' ? address?.port : 0}`;
}
