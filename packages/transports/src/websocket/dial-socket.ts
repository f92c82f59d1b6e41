import { Socket } from 'node:net';
import { formatHostPort, type HostPort, QanatError } from '@qanat/core';
import type { TlsDialler } from '../tls/tls-dialler.ts';
import type { MessageListener } from './message-socket.ts';
import { NodeSocket } from './node-socket.ts';
import { type Explain, requestUpgrade } from './upgrade-request.ts';

/** Dials, and asks for a WebSocket. @param tls asks over TLS, once the server's certificate was verified. */
export function dialSocket(target: HostPort, listener: MessageListener, tls?: TlsDialler): NodeSocket {
  const socket = new Socket({ allowHalfOpen: true });
  const webSocket = new NodeSocket(socket, listener);
  const ask = (stream: Socket, explain?: Explain): void =>
    requestUpgrade(
      stream,
      target,
      (error, head) => {
        if (error === undefined) return webSocket.open(stream, head);
        listener.broke(error);
        webSocket.drop();
      },
      explain,
    );
  socket.connect(target);
  if (tls === undefined) ask(socket);
  else {
    socket.once('error', (error) => listener.broke(notConnected(target, error)));
    socket.once('connect', () => shakeHands(tls, socket, listener, webSocket, ask));
  }
  return webSocket;
}

function shakeHands(
  tls: TlsDialler,
  socket: Socket,
  listener: MessageListener,
  webSocket: NodeSocket,
  done: (secured: Socket, explain: Explain) => void,
): void {
  const secured = tls.secure(socket);
  webSocket.replace(secured);
  const onError = (error: Error): void => {
    const why = tls.explain(error, true);
    if (why !== undefined) listener.broke(why);
  };
  secured.once('error', onError);
  secured.once('secureConnect', () => {
    secured.off('error', onError);
    done(secured, (error) => (error.code === 'ECONNRESET' ? tls.dropped() : tls.explain(error, false)));
  });
}

function notConnected(target: HostPort, error: NodeJS.ErrnoException): QanatError {
  const why = `cannot connect to ${formatHostPort(target)}: ${error.code ?? error.message}`;
  return new QanatError('CONNECTION_FAILED', why, { cause: error });
}
