import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { Socket } from 'node:net';
import { QanatError } from '@qanat/core';
import { noUpgrade, type Refusal, refusalOf, refusingAnswer, type UpgradeRules } from './upgrade-answer.ts';

/** Longest header of a request for an upgrade: browsers send every cookie of the host with it. */
const REQUEST_HEADER_BYTES_MAX = 16_384;
const CHECK_MS = 1_000;

export interface UpgradeServerOptions extends UpgradeRules {
  /** Milliseconds from the accepted connection to its whole request. */
  readonly deadlineMs: number;
  onConnection(socket: Socket): void;
  /** A request that is in order; it has to be answered. */
  onUpgrade(socket: Socket, request: IncomingMessage, head: Uint8Array): void;
  /** The socket is about to end: it was told why, if it asked for anything. */
  onRefused(socket: Socket, error: QanatError): void;
}

/** An HTTP server that upgrades connections and does nothing else. */
export function upgradeServer(options: UpgradeServerOptions): Server {
  const server = createServer({
    maxHeaderSize: REQUEST_HEADER_BYTES_MAX,
    headersTimeout: options.deadlineMs,
    requestTimeout: options.deadlineMs,
    connectionsCheckingInterval: CHECK_MS,
    keepAlive: false,
  });
  const refuse = (socket: Socket, refusal: Refusal): void => {
    options.onRefused(socket, refusal.error);
    socket.end(refusingAnswer(refusal));
  };
  server.on('connection', options.onConnection);
  server.on('request', (request) => refuse(request.socket, noUpgrade(options.subprotocol)));
  server.on('upgrade', (request, socket: Socket, head) => {
    const refusal = refusalOf(request, options);
    if (refusal === undefined) options.onUpgrade(socket, request, head);
    else refuse(socket, refusal);
  });
  server.on('clientError', (error: ClientError, socket: Socket) => {
    options.onRefused(socket, noRequest(error));
    socket.destroy();
  });
  return server;
}

type ClientError = NodeJS.ErrnoException & { readonly rawPacket?: Uint8Array };

/** The first byte of a TLS record that begins a handshake (RFC 8446, 5.1). */
const TLS_HANDSHAKE = 0x16;

function noRequest(error: ClientError): QanatError {
  if (error.rawPacket?.[0] !== TLS_HANDSHAKE)
    return new QanatError('MALFORMED_FRAME', `the bytes are no HTTP request: ${error.code}`, { cause: error });
  return new QanatError('MALFORMED_FRAME', 'the first bytes are a TLS handshake, and there is no TLS here', {
    cause: error,
    hint: 'use ws:// for this listener, or give it TLS: --listen wss://HOST:PORT',
  });
}
