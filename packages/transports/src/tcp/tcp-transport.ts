import { createServer, type Socket, Socket as TcpSocket } from 'node:net';
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
import { AcceptedReads } from './accepted-reads.ts';
import { TcpConnection } from './tcp-connection.ts';

export interface TcpTransportOptions {
  /** Time that a connection may take to open. Default 3,000. */
  readonly connectTimeoutMs?: number;
  /** Time from the open connection to the peer's whole preface. Default 5,000. */
  readonly prefaceTimeoutMs?: number;
  /** Memory of frames that have begun and not ended, over all connections of a listener. Default BEGUN_BYTES_MAX. */
  readonly begunBytesMax?: number;
}

const SCHEMES = ['qanat'] as const;
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

/** Frames over TCP, for Node. Addresses: `host:port`, `[v6]:port`, `qanat://host:port`. */
export function tcpTransport(options: TcpTransportOptions = {}): Transport {
  const connectTimeoutMs = options.connectTimeoutMs ?? CONNECT_TIMEOUT_MS;
  const prefaceTimeoutMs = options.prefaceTimeoutMs ?? PREFACE_TIMEOUT_MS;
  const connection = (socket: Socket, dialled: boolean, remote: string, begun?: BegunFrames): TcpConnection =>
    new TcpConnection({ socket, dialled, remote, connectTimeoutMs, prefaceTimeoutMs, begun });

  const dial = (address: string, handler: ConnectionHandler): Connection => {
    const socket = new TcpSocket({ allowHalfOpen: true });
    const target = tryParse(address);
    // The option of `connect` by that name is for sockets that it makes itself.
    socket.setNoDelay(true);
    if (!QanatError.is(target)) socket.connect(target);
    const dialled = connection(socket, true, QanatError.is(target) ? address : formatHostPort(target));
    dialled.setHandler(handler);
    // A socket that never connected reports its close in a later turn, as the port promises.
    if (QanatError.is(target))
      dialled.abort(new QanatError('CONNECTION_FAILED', target.message, { cause: target, hint: target.hint }));
    return dialled;
  };

  const listen = (address: string, accept: (connection: Connection) => ConnectionHandler, done: ListenDone): void => {
    const target = tryParse(address);
    if (QanatError.is(target)) {
      setImmediate(() => done(target, undefined));
      return;
    }
    const begun = new BegunFrames(options.begunBytesMax);
    const reads = new AcceptedReads();
    const onSocket = (first: Socket): void => {
      const socket = reads.begin(first);
      socket.setNoDelay(true);
      const accepted = connection(socket, false, remoteOf(socket), begun);
      accepted.setHandler(accept(accepted));
    };
    serve(target, onSocket, done);
  };

  return { schemes: SCHEMES, dial, listen };
}

function serve(target: HostPort, onSocket: (socket: Socket) => void, done: ListenDone): void {
  const server = createServer({ allowHalfOpen: true, pauseOnConnect: true }, onSocket);
  const failed = (error: NodeJS.ErrnoException): void => {
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
      setImmediate(closed);
    };
    done(undefined, { address: formatHostPort({ host: target.host, port }), close });
  });
}

function tryParse(address: string): HostPort | QanatError {
  try {
    return parseHostPort(address, SCHEMES);
  } catch (error) {
    return error as QanatError;
  }
}

const MAPPED_V4 = '::ffff:';

function remoteOf(socket: Socket): string {
  const { remoteAddress: host, remotePort: port } = socket;
  if (host === undefined || port === undefined) return 'a peer that is gone';
  return formatHostPort({ host: host.startsWith(MAPPED_V4) ? host.slice(MAPPED_V4.length) : host, port });
}
