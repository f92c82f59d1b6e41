import { createServer } from 'node:net';
import { type Listener, QanatError } from '@qanat/core';
import { type AcceptedStream, plainAcceptor, tlsAcceptor } from '../tcp/acceptor.ts';
import { type ListenDone, listenWith, tryParse } from '../tcp/listening.ts';
import type { SecureScheme } from '../tls/tls-errors.ts';
import { type OnRefused, type TlsSettings, whyNotServing } from '../tls/tls-settings.ts';
import { listenForMessages } from '../websocket/listen-for-messages.ts';
import type { Origins } from '../websocket/upgrade-answer.ts';
import type { StreamOwner } from './byte-stream.ts';
import { Flusher } from './flusher.ts';
import { MessageStream } from './message-stream.ts';
import { SocketStream, type StreamSurroundings } from './socket-stream.ts';

export interface StreamListenerOptions {
  readonly owner: StreamOwner;
  /** With it the listener speaks TLS. */
  readonly tls?: TlsSettings | undefined;
  /** Of the listener with TLS, for what clients that do without are told. */
  readonly scheme?: SecureScheme;
  /** With it the bytes come in binary messages of WebSockets that agree to this subprotocol, at any path (RFC 6455). */
  readonly subprotocol?: string | undefined;
  /** Web pages that may connect over WebSocket, by their origin. Default: none. */
  readonly origins?: Origins | undefined;
  /** Milliseconds from an accepted connection to its whole request for WebSocket. Default UPGRADE_TIMEOUT_MS, 5,000. */
  readonly upgradeTimeoutMs?: number | undefined;
  /** Told of a peer that was dropped because it does not speak as the listener does. */
  readonly onRefused?: OnRefused | undefined;
}

/** Of all listeners of the process. */
const flusher = new Flusher();

/**
 * Listens for protocols that are a stream of bytes, over TCP, TLS, WebSocket or both.
 * @param address `host:port`; port 0 picks a free one.
 * @throws QanatError BAD_CONFIG when it cannot listen there.
 */
export function listenForStreams(address: string, options: StreamListenerOptions): Promise<Listener> {
  return new Promise((resolve, reject) => {
    listen(address, options, (error, listener) => (listener === undefined ? reject(error) : resolve(listener)));
  });
}

function listen(address: string, options: StreamListenerOptions, done: ListenDone): void {
  const { owner, tls, subprotocol, origins = [], onRefused, scheme = 'mqtts' } = options;
  const target = tryParse(address, []);
  const refusal = QanatError.is(target) ? target : tls && whyNotServing(tls, address);
  if (QanatError.is(target) || refusal !== undefined) return done(refusal, undefined);
  const around: StreamSurroundings = { owner, flusher, secure: tls !== undefined };
  if (subprotocol !== undefined) {
    const refused: OnRefused = (remote, error) => onRefused?.(remote, error);
    const rules = { subprotocol, origins, anyPath: true, uncut: true, upgradeTimeoutMs: options.upgradeTimeoutMs };
    return listenForMessages(target, {
      ...rules,
      tls,
      scheme,
      onRefused,
      done,
      accept: (connection) => {
        const stream = new MessageStream(around, connection, refused);
        owner.accepted(stream);
        return stream;
      },
    });
  }
  const onStream = ({ socket, remote, certificateNames }: AcceptedStream): void =>
    owner.accepted(new SocketStream(around, socket, remote, certificateNames));
  const acceptor = tls === undefined ? plainAcceptor(onStream) : tlsAcceptor(tls, scheme, onRefused, onStream);
  const server = createServer(acceptor.options, (socket) => acceptor.accept(socket));
  listenWith(server, target, done, () => acceptor.close());
}
