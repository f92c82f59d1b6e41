import { createServer, Socket } from 'node:net';
import {
  BegunFrames,
  type Connection,
  type ConnectionHandler,
  formatHostPort,
  type HostPort,
  type Listener,
  parseHostPort,
  QanatError,
  type Transport,
} from '@qanat/core';
import { tlsDialler } from '../tls/tls-dialler.ts';
import { checkServing, type OnRefused, type TlsSettings } from '../tls/tls-settings.ts';
import { type AcceptedStream, type Acceptor, plainAcceptor, tlsAcceptor } from './acceptor.ts';
import { TcpConnection } from './tcp-connection.ts';

export interface TcpTransportOptions {
  /** Time that a connection may take to open. Default 3,000. */
  readonly connectTimeoutMs?: number;
  /** Time from the open connection to the peer's whole preface. Default 5,000. */
  readonly prefaceTimeoutMs?: number;
  /** Memory of frames that have begun and not ended, over all connections of a listener. Default BEGUN_BYTES_MAX. */
  readonly begunBytesMax?: number;
  /** With it the transport speaks TLS, and its scheme is `qanats`. */
  readonly tls?: TlsSettings | undefined;
  /** Told of a peer of a listener that was dropped since it does not speak TLS, or this protocol, as the listener does. */
  readonly onRefused?: OnRefused | undefined;
}

const CONNECT_TIMEOUT_MS = 3_000;
const PREFACE_TIMEOUT_MS = 5_000;
/** Connections that the kernel has and Node has not taken: a crowd beyond it makes honest peers wait for seconds. */
const BACKLOG = 4_096;

type ListenDone = (error: QanatError | undefined, listener: Listener | undefined) => void;

const LISTEN_HINTS: Readonly<Record<string, string>> = {
  EADDRINUSE: 'another process listens there: stop it, or choose another port (0 picks a free one)',
  EACCES: 'choose a port of 1024 or above, or give the process the right to lower ones',
  EADDRNOTAVAIL: 'this machine has no such address: try 0.0.0.0 or 127.0.0.1',
  ENOTFOUND: 'the host name has no address',
};

/** Frames over TCP, for Node. Addresses: `host:port`, `[v6]:port`, `qanat://host:port`, and with `tls` `qanats://host:port`. */
export function tcpTransport(options: TcpTransportOptions = {}): Transport {
  const connectTimeoutMs = options.connectTimeoutMs ?? CONNECT_TIMEOUT_MS;
  const prefaceTimeoutMs = options.prefaceTimeoutMs ?? PREFACE_TIMEOUT_MS;
  const { tls, onRefused } = options;
  const schemes = [tls === undefined ? 'qanat' : 'qanats'];
  const times = { connectTimeoutMs, prefaceTimeoutMs };

  const dial = (address: string, handler: ConnectionHandler): Connection => {
    const socket = new Socket({ allowHalfOpen: true });
    const target = attempt(() => parseHostPort(address, schemes));
    // The option of `connect` by that name is for sockets that it makes itself.
    socket.setNoDelay(true);
    if (!QanatError.is(target)) socket.connect(target);
    const remote = QanatError.is(target) ? address : formatHostPort(target);
    const dialler = tls === undefined || QanatError.is(target) ? undefined : tlsDialler(tls, target, remote);
    const dialled = new TcpConnection({ socket, dialled: true, remote, tls: dialler, ...times });
    dialled.setHandler(handler);
    // A socket that never connected reports its close in a later turn, as the port promises.
    if (QanatError.is(target))
      dialled.abort(new QanatError('CONNECTION_FAILED', target.message, { cause: target, hint: target.hint }));
    return dialled;
  };

  const listen = (address: string, accept: (connection: Connection) => ConnectionHandler, done: ListenDone): void => {
    const target = attempt(() => {
      if (tls !== undefined) checkServing(tls, address);
      return parseHostPort(address, schemes);
    });
    if (QanatError.is(target)) {
      setImmediate(() => done(target, undefined));
      return;
    }
    const begun = new BegunFrames(options.begunBytesMax);
    const onStream = (stream: AcceptedStream): void => {
      const accepted = new TcpConnection({ ...stream, dialled: false, begun, onRefused, ...times });
      accepted.setHandler(accept(accepted));
    };
    serve(target, tls === undefined ? plainAcceptor(onStream) : tlsAcceptor(tls, onRefused, onStream), done);
  };

  return { schemes, dial, listen };
}

function serve(target: HostPort, acceptor: Acceptor, done: ListenDone): void {
  const server = createServer(acceptor.options, (socket) => acceptor.accept(socket));
  const failed = (error: NodeJS.ErrnoException): void => {
    acceptor.close();
    const reason = error.code ?? error.message;
    const hint = LISTEN_HINTS[reason];
    done(
      new QanatError('BAD_CONFIG', `cannot listen at ${formatHostPort(target)}: ${reason}`, {
        cause: error,
        ...(hint ? { hint } : {}),
      }),
      undefined,
    );
  };
  server.once('error', failed);
  server.listen({ ...target, backlog: BACKLOG }, () => {
    server.off('error', failed);
    // Out of file descriptors: the kernel keeps the connection waiting, and those that are open go on.
    server.on('error', () => undefined);
    const bound = server.address();
    const port = typeof bound === 'object' && bound !== null ? bound.port : target.port;
    const close = (closed: () => void): void => {
      // Node's own callback would wait for every accepted connection; the port is free at once.
      server.close();
      acceptor.close();
      setImmediate(closed);
    };
    done(undefined, { address: formatHostPort({ host: target.host, port }), close });
  });
}

function attempt<T>(run: () => T): T | QanatError {
  try {
    return run();
  } catch (error) {
    return error as QanatError;
  }
}
