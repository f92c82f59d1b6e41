import { type Connection, type ConnectionHandler, formatHostPort, QanatError, type Transport } from '@qanat/core';
import { type ListenDone, tryParse } from '../tcp/listening.ts';
import { tlsDialler } from '../tls/tls-dialler.ts';
import { type OnRefused, type TlsSettings, whyNotServing } from '../tls/tls-settings.ts';
import { dialSocket } from './dial-socket.ts';
import { failedDialling } from './failed-dialling.ts';
import { listenForMessages } from './listen-for-messages.ts';
import { MessageConnection, type MessageConnectionOptions } from './message-connection.ts';
import { CONNECT_TIMEOUT_MS, SUBPROTOCOL } from './message-socket.ts';
import type { Origins } from './upgrade-answer.ts';

export interface WebSocketTransportOptions {
  /** Milliseconds that a connection may take to open. Default CONNECT_TIMEOUT_MS, 3,000. */
  readonly connectTimeoutMs?: number;
  /** Milliseconds from an accepted connection to its whole request for the upgrade. Default UPGRADE_TIMEOUT_MS, 5,000. */
  readonly upgradeTimeoutMs?: number;
  /**
   * Web pages that may connect to a listener, by their origin: `https://app.example`, `http://localhost:*` for every port, or
   * '*' for every one. Whoever sends no origin is no browser and may. Default: no page.
   */
  readonly origins?: Origins | undefined;
  /** Memory of frames that have begun and not ended, over all connections of a listener. Default BEGUN_BYTES_MAX. */
  readonly begunBytesMax?: number;
  /** With it the transport speaks TLS, and its scheme is `wss`. */
  readonly tls?: TlsSettings | undefined;
  /** Told of a peer of a listener that was dropped since TLS failed, or it asked for no upgrade that is served. */
  readonly onRefused?: OnRefused | undefined;
}

const later = (run: () => void): void => void setImmediate(run);

/** Frames over WebSocket, for Node. Addresses: `host:port`, `[v6]:port`, `ws://host:port`, and with `tls` `wss://host:port`. */
export function webSocketTransport(options: WebSocketTransportOptions = {}): Transport {
  const { tls, onRefused } = options;
  const schemes = [tls === undefined ? 'ws' : 'wss'];
  const dialling: MessageConnectionOptions = {
    dials: true,
    openTimeoutMs: options.connectTimeoutMs ?? CONNECT_TIMEOUT_MS,
    openTimeoutError: (remote, ms) =>
      new QanatError('CONNECTION_FAILED', `cannot connect to ${remote}: no answer within ${ms} ms`),
    later,
  };
  const accepting = { upgradeTimeoutMs: options.upgradeTimeoutMs };

  const dial = (address: string, handler: ConnectionHandler): Connection => {
    const target = tryParse(address, schemes);
    if (QanatError.is(target)) {
      const why = new QanatError('CONNECTION_FAILED', target.message, { cause: target, hint: target.hint });
      return failedDialling(address, handler, why, later);
    }
    const remote = formatHostPort(target);
    const dialler = tls && tlsDialler(tls, 'wss', target, remote);
    const connection = new MessageConnection(remote, dialling, (listener) => dialSocket(target, listener, dialler));
    connection.setHandler(handler);
    return connection;
  };

  const listen = (address: string, accept: (connection: Connection) => ConnectionHandler, done: ListenDone): void => {
    const target = tryParse(address, schemes);
    const refusal = QanatError.is(target) ? target : tls && whyNotServing(tls, address);
    if (QanatError.is(target) || refusal !== undefined) return later(() => done(refusal, undefined));
    const rules = { origins: options.origins ?? [], subprotocol: SUBPROTOCOL };
    const { begunBytesMax } = options;
    listenForMessages(target, { ...rules, ...accepting, scheme: 'wss', tls, onRefused, begunBytesMax, accept, done });
  };

  return { schemes, dial, listen };
}
