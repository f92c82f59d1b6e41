import { type Connection, type ConnectionHandler, formatHostPort, parseHostPort, QanatError, type Transport } from '@qanat/core';
import { BrowserSocket, type BrowserWebSocket, browserLater } from './browser-socket.ts';
import { failedDialling } from './failed-dialling.ts';
import { MessageConnection, type MessageConnectionOptions } from './message-connection.ts';
import { CONNECT_TIMEOUT_MS, SUBPROTOCOL } from './message-socket.ts';

export interface BrowserWebSocketTransportOptions {
  /** Milliseconds that a connection may take to open. Default CONNECT_TIMEOUT_MS, 3,000. */
  readonly connectTimeoutMs?: number;
  /** The class to connect with. Default: that of the browser. */
  readonly WebSocket?: new (
    url: string,
    protocols: string,
  ) => BrowserWebSocket;
}

const SCHEMES = ['ws', 'wss'] as const;
const SECURE = /^wss:/;

/**
 * Frames over the WebSocket of a browser, which can only dial. Addresses: `ws://host:port`, `wss://host:port`; without a scheme
 * `ws`.
 */
export function browserWebSocketTransport(options: BrowserWebSocketTransportOptions = {}): Transport {
  const connecting: MessageConnectionOptions = {
    dials: true,
    openTimeoutMs: options.connectTimeoutMs ?? CONNECT_TIMEOUT_MS,
    openTimeoutError: (remote, ms) =>
      new QanatError('CONNECTION_FAILED', `cannot connect to ${remote}: no answer within ${ms} ms`),
    later: browserLater,
  };

  const dial = (address: string, handler: ConnectionHandler): Connection => {
    const failed = (why: string, cause?: unknown, hint?: string): QanatError =>
      new QanatError('CONNECTION_FAILED', `cannot connect to ${address}: ${why}`, { cause, ...(hint ? { hint } : {}) });
    let socket: BrowserWebSocket;
    let remote: string;
    try {
      const target = formatHostPort(parseHostPort(address, SCHEMES));
      remote = target;
      socket = new (options.WebSocket ?? ownClass())(`${SECURE.test(address) ? 'wss' : 'ws'}://${target}/`, SUBPROTOCOL);
    } catch (error) {
      const { message, hint } = error as QanatError;
      return failedDialling(address, handler, failed(message, error, hint), browserLater);
    }
    const whyNot = (): QanatError => failed('the browser does not say why', undefined, WHY);
    const connection = new MessageConnection(remote, connecting, (listener) => new BrowserSocket(socket, listener, whyNot));
    connection.setHandler(handler);
    return connection;
  };

  return {
    schemes: SCHEMES,
    dial,
    listen: (address, _accept, done) =>
      browserLater(() => done(new QanatError('BAD_CONFIG', `a browser cannot listen at ${address}`), undefined)),
  };
}

/** A browser hides the reason from the page: what it may be. */
const WHY =
  'check that a server listens there for WebSocket, that it allows the origin of this page (--ws-origin), ' +
  'and that a page of https dials wss://; the console of the browser may say more';

function ownClass(): new (url: string, protocols: string) => BrowserWebSocket {
  const own = (globalThis as { WebSocket?: unknown }).WebSocket;
  if (typeof own === 'function') return own as new (url: string, protocols: string) => BrowserWebSocket;
  throw new QanatError('BAD_CONFIG', 'there is no WebSocket here', { hint: 'give the option WebSocket' });
}
