import { createHash, randomBytes } from 'node:crypto';
import { type ClientRequest, type IncomingMessage, request } from 'node:http';
import type { Socket } from 'node:net';
import { formatHostPort, type HostPort, QanatError, type QanatErrorOptions } from '@qanat/core';
import { SUBPROTOCOL } from './message-socket.ts';

/** Of RFC 6455, section 1.3. */
const GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';
const VERSION = '13';
const KEY_BYTES = 16;
/** More answer than any server of this protocol gives. */
const ANSWER_HEADER_BYTES_MAX = 8_192;

/** What a failure of the socket means, where that is known better than by the request. */
export type Explain = (error: NodeJS.ErrnoException) => QanatError | undefined;

/** What proves that a server has understood the key. */
export const acceptanceOf = (key: string): string =>
  createHash('sha1')
    .update(key + GUID)
    .digest('base64');

/**
 * Asks for a WebSocket with the subprotocol of this version (RFC 6455, section 4.1).
 * @param socket may still be connecting.
 * @param done called once, but not when the socket is destroyed before: with why not, or with what came behind the answer.
 */
export function requestUpgrade(
  socket: Socket,
  target: HostPort,
  done: (error: QanatError | undefined, head: Uint8Array) => void,
  explain?: Explain,
): void {
  const key = randomBytes(KEY_BYTES).toString('base64');
  const asked = request({
    ...target,
    path: '/',
    createConnection: () => socket,
    maxHeaderSize: ANSWER_HEADER_BYTES_MAX,
    headers: {
      Connection: 'Upgrade',
      Upgrade: 'websocket',
      'Sec-WebSocket-Version': VERSION,
      'Sec-WebSocket-Key': key,
      'Sec-WebSocket-Protocol': SUBPROTOCOL,
    },
  });
  const remote = formatHostPort(target);
  const fail = (error: QanatError): void => done(error, new Uint8Array(0));
  asked.on('upgrade', (answer, _socket, head) => done(errorOfUpgrade(remote, answer, acceptanceOf(key)), head));
  asked.on('response', (answer) => fail(errorOfAnswer(remote, answer)));
  asked.on('error', (error: NodeJS.ErrnoException) => fail(explain?.(error) ?? errorOfRequest(remote, asked, error)));
  asked.end();
}

const failed = (remote: string, why: string, options: QanatErrorOptions = {}): QanatError =>
  new QanatError('CONNECTION_FAILED', `cannot connect to ${remote}: ${why}`, options);

function errorOfUpgrade(remote: string, { headers }: IncomingMessage, acceptance: string): QanatError | undefined {
  if (headers.upgrade?.toLowerCase() !== 'websocket' || headers['sec-websocket-accept'] !== acceptance)
    return failed(remote, 'the server answers as no WebSocket server does');
  if (headers['sec-websocket-extensions'] !== undefined)
    return failed(remote, 'the server wants an extension that nobody asked for');
  if (headers['sec-websocket-protocol'] === SUBPROTOCOL) return undefined;
  return new QanatError('UNSUPPORTED_VERSION', `${remote} did not agree to the subprotocol ${SUBPROTOCOL}`);
}

const NO_SERVER_HINT = `no WebSocket with the subprotocol ${SUBPROTOCOL} is served there: check host, port and version`;
const HINTS: Readonly<Record<number, string>> = {
  400: NO_SERVER_HINT,
  403: 'this origin is not allowed: start the server with --ws-origin and the origin',
  404: NO_SERVER_HINT,
  426: NO_SERVER_HINT,
};

function errorOfAnswer(remote: string, answer: IncomingMessage): QanatError {
  const status = answer.statusCode ?? 0;
  const hint = HINTS[status] ?? 'something else than a server of Qanat answers there: check host and port';
  return failed(remote, `the server answers ${status} ${answer.statusMessage}`, { hint });
}

const TCP_HINT = 'no HTTP is spoken there: is this a TCP listener? use qanat:// for it; one with TLS? use wss://';

function errorOfRequest(remote: string, asked: ClientRequest, error: NodeJS.ErrnoException): QanatError {
  const reason = error.code ?? error.message;
  // What was sent was not understood, or what came was not: a listener of TCP does the former.
  const noHttp = reason.startsWith('HPE_') || (reason === 'ECONNRESET' && asked.socket?.connecting === false);
  return failed(remote, reason, { cause: error, ...(noHttp ? { hint: TCP_HINT } : {}) });
}
