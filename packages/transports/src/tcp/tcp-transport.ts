import { createServer, Socket } from 'node:net';
import { BegunFrames, type Connection, type ConnectionHandler, formatHostPort, QanatError, type Transport } from '@qanat/core';
import { tlsDialler } from '../tls/tls-dialler.ts';
import { type OnRefused, type TlsSettings, whyNotServing } from '../tls/tls-settings.ts';
import { type AcceptedStream, plainAcceptor, tlsAcceptor } from './acceptor.ts';
import { type ListenDone, listenWith, tryParse } from './listening.ts';
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

/** Frames over TCP, for Node. Addresses: `host:port`, `[v6]:port`, `qanat://host:port`, and with `tls` `qanats://host:port`. */
export function tcpTransport(options: TcpTransportOptions = {}): Transport {
  const connectTimeoutMs = options.connectTimeoutMs ?? CONNECT_TIMEOUT_MS;
  const prefaceTimeoutMs = options.prefaceTimeoutMs ?? PREFACE_TIMEOUT_MS;
  const { tls, onRefused } = options;
  const schemes = [tls === undefined ? 'qanat' : 'qanats'];
  const times = { connectTimeoutMs, prefaceTimeoutMs };

  const dial = (address: string, handler: ConnectionHandler): Connection => {
    const socket = new Socket({ allowHalfOpen: true });
    const target = tryParse(address, schemes);
    // The option of `connect` by that name is for sockets that it makes itself.
    socket.setNoDelay(true);
    if (!QanatError.is(target)) socket.connect(target);
    const remote = QanatError.is(target) ? address : formatHostPort(target);
    const dialler = tls === undefined || QanatError.is(target) ? undefined : tlsDialler(tls, 'qanats', target, remote);
    const dialled = new TcpConnection({ socket, dialled: true, remote, tls: dialler, ...times });
    dialled.setHandler(handler);
    // A socket that never connected reports its close in a later turn, as the port promises.
    if (QanatError.is(target))
      dialled.abort(new QanatError('CONNECTION_FAILED', target.message, { cause: target, hint: target.hint }));
    return dialled;
  };

  const listen = (address: string, accept: (connection: Connection) => ConnectionHandler, done: ListenDone): void => {
    const target = tryParse(address, schemes);
    const refusal = QanatError.is(target) ? target : tls && whyNotServing(tls, address);
    if (QanatError.is(target) || refusal !== undefined) {
      setImmediate(() => done(refusal, undefined));
      return;
    }
    const begun = new BegunFrames(options.begunBytesMax);
    const onStream = (stream: AcceptedStream): void => {
      const accepted = new TcpConnection({ ...stream, dialled: false, begun, onRefused, ...times });
      accepted.setHandler(accept(accepted));
    };
    const acceptor = tls === undefined ? plainAcceptor(onStream) : tlsAcceptor(tls, 'qanats', onRefused, onStream);
    const server = createServer(acceptor.options, (socket) => acceptor.accept(socket));
    listenWith(server, target, done, () => acceptor.close());
  };

  return { schemes, dial, listen };
}
