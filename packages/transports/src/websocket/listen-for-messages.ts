import { createServer, type Socket } from 'node:net';
import { BegunFrames, type Connection, type ConnectionHandler, type HostPort, QanatError } from '@qanat/core';
import { AcceptedReads } from '../tcp/accepted-reads.ts';
import { tlsAcceptor } from '../tcp/acceptor.ts';
import { type ListenDone, listenWith, remoteOf } from '../tcp/listening.ts';
import type { SecureScheme } from '../tls/tls-errors.ts';
import type { OnRefused, TlsSettings } from '../tls/tls-settings.ts';
import { MessageConnection, type MessageConnectionOptions } from './message-connection.ts';
import type { MessageListener } from './message-socket.ts';
import { NodeSocket } from './node-socket.ts';
import { acceptingAnswer, type UpgradeRules } from './upgrade-answer.ts';
import { upgradeServer } from './upgrade-server.ts';

const UPGRADE_TIMEOUT_MS = 5_000;

export interface MessageListenerOptions extends UpgradeRules {
  /** With it the listener speaks TLS, under this scheme. */
  readonly tls: TlsSettings | undefined;
  readonly scheme: SecureScheme;
  /** Milliseconds from an accepted connection to its whole request for the upgrade. Default UPGRADE_TIMEOUT_MS, 5,000. */
  readonly upgradeTimeoutMs?: number | undefined;
  /** Memory of frames that have begun and not ended, over all connections. Default BEGUN_BYTES_MAX. */
  readonly begunBytesMax?: number | undefined;
  /** What messages carry is a stream of bytes, given by `onFrame` as it comes. Default: frames. */
  readonly uncut?: boolean;
  readonly onRefused: OnRefused | undefined;
  accept(connection: Connection): ConnectionHandler;
  readonly done: ListenDone;
}

/** Listens for WebSockets: connections are accepted before they have asked for the upgrade, so that they count. */
export function listenForMessages(target: HostPort, options: MessageListenerOptions): void {
  const { tls, onRefused } = options;
  const accepting: MessageConnectionOptions = {
    dials: false,
    openTimeoutMs: options.upgradeTimeoutMs ?? UPGRADE_TIMEOUT_MS,
    openTimeoutError: (remote, ms) => new QanatError('HELLO_TIMEOUT', `${remote} asked for no upgrade within ${ms} ms`),
    later: (run) => void setImmediate(run),
  };
  const begun = new BegunFrames(options.begunBytesMax);
  const reads = new AcceptedReads();
  /** Those that have not asked for the upgrade yet. */
  const waiting = new WeakMap<Socket, { readonly listener: MessageListener; readonly webSocket: NodeSocket }>();
  const names = new WeakMap<Socket, readonly string[]>();
  const server = upgradeServer({
    ...options,
    deadlineMs: accepting.openTimeoutMs,
    onConnection: (socket) => {
      const make = (listener: MessageListener): NodeSocket => {
        const webSocket = new NodeSocket(socket, listener, begun, options.uncut);
        waiting.set(socket, { listener, webSocket });
        return webSocket;
      };
      const connection = new MessageConnection(remoteOf(socket), accepting, make, names.get(socket));
      connection.setHandler(options.accept(connection));
    },
    onUpgrade: (first, request, head) => {
      // Closed before it has asked.
      if (first.destroyed || first.writableEnded) return;
      const socket = tls === undefined ? reads.begin(first) : first;
      socket.write(acceptingAnswer(request, options.subprotocol));
      waiting.get(first)?.webSocket.open(socket, head);
    },
    onRefused: (socket, error) => {
      onRefused?.(remoteOf(socket), error);
      waiting.get(socket)?.listener.broke(error);
    },
  });
  if (tls === undefined) return listenWith(server, target, options.done);
  const acceptor = tlsAcceptor(tls, options.scheme, onRefused, ({ socket, certificateNames }) => {
    if (certificateNames !== undefined) names.set(socket, certificateNames);
    server.emit('connection', socket);
  });
  const below = createServer(acceptor.options, (socket) => acceptor.accept(socket));
  listenWith(below, target, options.done, () => acceptor.close());
}
