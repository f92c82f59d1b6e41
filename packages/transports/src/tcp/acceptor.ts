import type { ServerOpts, Socket } from 'node:net';
import { formatHostPort } from '@qanat/core';
import { TlsAcceptor } from '../tls/tls-acceptor.ts';
import type { OnRefused, TlsSettings } from '../tls/tls-settings.ts';
import { AcceptedReads } from './accepted-reads.ts';
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
      const socket = reads.begin(first);
      socket.setNoDelay(true);
      onStream({ socket, remote: remoteOf(socket) });
    },
    close: () => undefined,
  };
}

export function tlsAcceptor(
  settings: TlsSettings,
  onRefused: OnRefused | undefined,
  onStream: (stream: AcceptedStream) => void,
): Acceptor {
  const handshakes = new TlsAcceptor(settings, onRefused, onStream);
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

const MAPPED_V4 = '::ffff:';

function remoteOf(socket: Socket): string {
  const { remoteAddress: host, remotePort: port } = socket;
  if (host === undefined || port === undefined) return 'a peer that is gone';
  return formatHostPort({ host: host.startsWith(MAPPED_V4) ? host.slice(MAPPED_V4.length) : host, port });
}
