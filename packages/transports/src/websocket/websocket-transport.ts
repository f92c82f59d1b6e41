import { Socket } from 'node:net';
import {
  BegunFrames,
  type Connection,
  type ConnectionHandler,
  formatHostPort,
  type HostPort,
  QanatError,
  type Transport,
} from '@qanat/core';
import { AcceptedReads } from '../tcp/accepted-reads.ts';
import { type ListenDone, listenWith, remoteOf, tryParse } from '../tcp/listening.ts';
import { failedDialling } from './failed-dialling.ts';
import { MessageConnection, type MessageConnectionOptions } from './message-connection.ts';
import { CONNECT_TIMEOUT_MS, type MessageListener } from './message-socket.ts';
import { NodeSocket } from './node-socket.ts';
import { acceptingAnswer, type Origins } from './upgrade-answer.ts';
import { requestUpgrade } from './upgrade-request.ts';
import { upgradeServer } from './upgrade-server.ts';

export interface WebSocketTransportOptions {
  /** Milliseconds that a connection may take to open. Default CONNECT_TIMEOUT_MS, 3,000. */
  readonly connectTimeoutMs?: number;
  /** Milliseconds from an accepted connection to its whole request for the upgrade. Default UPGRADE_TIMEOUT_MS, 5,000. */
  readonly upgradeTimeoutMs?: number;
  /**
   * Web pages that may connect to a listener, by their origin: `https://app.example`, `http://localhost:5173`, or '*' for every
   * one. Whoever sends no origin is no browser and may. Default: no page.
   */
  readonly origins?: Origins;
  /** Memory of frames that have begun and not ended, over all connections of a listener. Default BEGUN_BYTES_MAX. */
  readonly begunBytesMax?: number;
}

const SCHEMES = ['ws'] as const;
const UPGRADE_TIMEOUT_MS = 5_000;

const later = (run: () => void): void => void setImmediate(run);

/** Frames over WebSocket, for Node. Addresses: `host:port`, `[v6]:port`, `ws://host:port`. */
export function webSocketTransport(options: WebSocketTransportOptions = {}): Transport {
  const dialling: MessageConnectionOptions = {
    dials: true,
    openTimeoutMs: options.connectTimeoutMs ?? CONNECT_TIMEOUT_MS,
    openTimeoutError: (remote, ms) =>
      new QanatError('CONNECTION_FAILED', `cannot connect to ${remote}: no answer within ${ms} ms`),
    later,
  };
  const accepting: MessageConnectionOptions = {
    dials: false,
    openTimeoutMs: options.upgradeTimeoutMs ?? UPGRADE_TIMEOUT_MS,
    openTimeoutError: (remote, ms) => new QanatError('HELLO_TIMEOUT', `${remote} asked for no upgrade within ${ms} ms`),
    later,
  };

  const dial = (address: string, handler: ConnectionHandler): Connection => {
    const target = tryParse(address, SCHEMES);
    if (QanatError.is(target)) {
      const why = new QanatError('CONNECTION_FAILED', target.message, { cause: target, hint: target.hint });
      return failedDialling(address, handler, why, later);
    }
    const connection = new MessageConnection(formatHostPort(target), dialling, (listener) => dialSocket(target, listener));
    connection.setHandler(handler);
    return connection;
  };

  const listen = (address: string, accept: (connection: Connection) => ConnectionHandler, done: ListenDone): void => {
    const target = tryParse(address, SCHEMES);
    if (QanatError.is(target)) return later(() => done(target, undefined));
    const begun = new BegunFrames(options.begunBytesMax);
    const reads = new AcceptedReads();
    /** Those that have not asked for the upgrade yet. */
    const waiting = new WeakMap<Socket, { readonly listener: MessageListener; readonly webSocket: NodeSocket }>();
    const server = upgradeServer({
      origins: options.origins ?? [],
      deadlineMs: accepting.openTimeoutMs,
      onConnection: (socket) => {
        const connection = new MessageConnection(remoteOf(socket), accepting, (listener) => {
          const webSocket = new NodeSocket(socket, listener, begun);
          waiting.set(socket, { listener, webSocket });
          return webSocket;
        });
        connection.setHandler(accept(connection));
      },
      onUpgrade: (first, request, head) => {
        // Closed before it has asked.
        if (first.destroyed || first.writableEnded) return;
        const socket = reads.begin(first);
        socket.write(acceptingAnswer(request));
        waiting.get(first)?.webSocket.open(socket, head);
      },
      onRefused: (socket, error) => waiting.get(socket)?.listener.broke(error),
    });
    listenWith(server, target, done);
  };

  return { schemes: SCHEMES, dial, listen };
}

function dialSocket(target: HostPort, listener: MessageListener): NodeSocket {
  const socket = new Socket({ allowHalfOpen: true });
  socket.connect(target);
  const webSocket = new NodeSocket(socket, listener);
  requestUpgrade(socket, target, (error, head) => {
    if (error === undefined) return webSocket.open(socket, head);
    listener.broke(error);
    webSocket.drop();
  });
  return webSocket;
}
