import type { ServerOpts, Socket } from 'node:net';
import { TlsAcceptor } from '../tls/tls-acceptor.ts';
import type { SecureScheme } from '../tls/tls-errors.ts';
import type { OnRefused, TlsSettings } from '../tls/tls-settings.ts';
import { AcceptedReads } from './accepted-reads.ts';
import { remoteOf } from './listening.ts';
import type { TcpConnectionOptions } from './tcp-connection.ts';

/** A byte stream from a client: of TCP, or of TLS over it. */
export type AcceptedStream = Pick<TcpConnectionOptions, 'socket' | 'carrier' | 'remote' | 'certificateNames'>;

/** Makes byte streams of the sockets that a listener accepts. */
export interface Acceptor {
  /** How the listener accepts them. */
  readonly options: ServerOpts;
  accept(socket: Socket): void;
  close(): void;
}

export function plainAcceptor(onStream: (stream: AcceptedStream) => void): Acceptor {
  const reads = new AcceptedReads();
  return {
    options: { allowHalfOpen: true, pauseOnConnect: true },
    accept: (first) => {
      // Of the first socket, which is gone then: each keeps what it was asked.
      const remote = remoteOf(first);
      const socket = reads.begin(first);
      socket.setNoDelay(true);
      onStream({ socket, remote });
    },
    close: () => undefined,
  };
}

export function tlsAcceptor(
  settings: TlsSettings,
  scheme: SecureScheme,
  onRefused: OnRefused | undefined,
  onStream: (stream: AcceptedStream) => void,
): Acceptor {
  const handshakes = new TlsAcceptor(settings, scheme, onRefused, onStream);
  return {
    // A client that leaves in its handshake is gone.
    options: { allowHalfOpen: false },
    accept: (socket) => {
      socket.setNoDelay(true);
      handshakes.accept(socket, remoteOf(socket));
    },
    close: () => handshakes.close(),
  };
}
