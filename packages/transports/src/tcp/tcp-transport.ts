import { createServer, type Socket, Socket as TcpSocket } from 'node:net';
import { BegunFrames, type Connection, type ConnectionHandler, formatHostPort, QanatError, type Transport } from '@qanat/core';
import { AcceptedReads } from './accepted-reads.ts';
import { type ListenDone, listenWith, remoteOf, tryParse } from './listening.ts';
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
/** Frames over TCP, for Node. Addresses: `host:port`, `[v6]:port`, `qanat://host:port`. */
export function tcpTransport(options: TcpTransportOptions = {}): Transport {
  const connectTimeoutMs = options.connectTimeoutMs ?? CONNECT_TIMEOUT_MS;
  const prefaceTimeoutMs = options.prefaceTimeoutMs ?? PREFACE_TIMEOUT_MS;
  const connection = (socket: Socket, dialled: boolean, remote: string, begun?: BegunFrames): TcpConnection =>
    new TcpConnection({ socket, dialled, remote, connectTimeoutMs, prefaceTimeoutMs, begun });

  const dial = (address: string, handler: ConnectionHandler): Connection => {
    const socket = new TcpSocket({ allowHalfOpen: true });
    const target = tryParse(address, SCHEMES);
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
    const target = tryParse(address, SCHEMES);
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
    listenWith(createServer({ allowHalfOpen: true, pauseOnConnect: true }, onSocket), target, done);
  };

  return { schemes: SCHEMES, dial, listen };
}
