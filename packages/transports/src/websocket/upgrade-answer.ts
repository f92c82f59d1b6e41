import type { IncomingMessage } from 'node:http';
import { type ErrorCode, QanatError } from '@qanat/core';
import { acceptanceOf } from './upgrade-request.ts';

/** Origins that may connect: `https://app.example`, every port of a host as in `http://localhost:*`, or every one. */
export type Origins = readonly string[] | '*';

/** What a listener upgrades to. */
export interface UpgradeRules {
  readonly origins: Origins;
  readonly subprotocol: string;
  /** Whether clients may ask for any path, instead of `/` alone. */
  readonly anyPath?: boolean | undefined;
}

const ANY_PORT = ':*';

function allows(origins: Origins, origin: string): boolean {
  if (origins === '*') return true;
  const withoutPort = origin.replace(/:\d+$/, '');
  return origins.some((one) => one === origin || (one.endsWith(ANY_PORT) && one.slice(0, -ANY_PORT.length) === withoutPort));
}

const KEY = /^[A-Za-z0-9+/]{22}==$/;
const VERSION = '13';

/** An answer that is no upgrade, and the error that it is here. */
export interface Refusal {
  readonly status: string;
  readonly headers?: readonly string[];
  readonly error: QanatError;
}

const refusal = (status: string, code: ErrorCode, why: string, ...headers: string[]): Refusal => ({
  status,
  headers,
  error: new QanatError(code, why),
});

/** A request that asks for no upgrade. */
export const noUpgrade = (subprotocol: string): Refusal =>
  refusal(
    '426 Upgrade Required',
    'MALFORMED_FRAME',
    `this port serves the WebSocket subprotocol ${subprotocol} only`,
    'Upgrade: websocket',
  );

const foreignOrigin = (origin: string): Refusal => ({
  status: '403 Forbidden',
  error: new QanatError('FORBIDDEN', `the origin ${origin} is not allowed`, { hint: 'to allow its pages: --ws-origin ORIGIN' }),
});

/** Judges a request for an upgrade (RFC 6455, section 4.2; spec, chapter of WebSocket). */
export function refusalOf(request: IncomingMessage, rules: UpgradeRules): Refusal | undefined {
  const { method, url, headers } = request;
  const { origin } = headers;
  const { origins, subprotocol } = rules;
  if (method !== 'GET' || headers.upgrade?.toLowerCase() !== 'websocket') return noUpgrade(subprotocol);
  if (headers['sec-websocket-version'] !== VERSION)
    return refusal(
      '426 Upgrade Required',
      'MALFORMED_FRAME',
      'another version of WebSocket',
      `Sec-WebSocket-Version: ${VERSION}`,
    );
  if (!KEY.test(headers['sec-websocket-key'] ?? ''))
    return refusal('400 Bad Request', 'MALFORMED_FRAME', 'Sec-WebSocket-Key is no key');
  if (url !== '/' && rules.anyPath !== true)
    return refusal('404 Not Found', 'MALFORMED_FRAME', 'there is nothing but the path /');
  if (origin !== undefined && !allows(origins, origin)) return foreignOrigin(origin);
  const offered = (headers['sec-websocket-protocol'] ?? '').split(',').map((name) => name.trim());
  if (!offered.includes(subprotocol))
    return refusal('400 Bad Request', 'UNSUPPORTED_VERSION', `the subprotocol ${subprotocol} is not offered`);
  return undefined;
}

/** The answer that agrees to the upgrade. */
export function acceptingAnswer({ headers }: IncomingMessage, subprotocol: string): string {
  return lines(
    '101 Switching Protocols',
    'Upgrade: websocket',
    'Connection: Upgrade',
    `Sec-WebSocket-Accept: ${acceptanceOf(headers['sec-websocket-key'] ?? '')}`,
    `Sec-WebSocket-Protocol: ${subprotocol}`,
  );
}

/** The answer that refuses, with words for people. */
export function refusingAnswer({ status, headers = [], error }: Refusal): string {
  const body = `${error.message}\n`;
  const length = `Content-Length: ${Buffer.byteLength(body)}`;
  return lines(status, 'Connection: close', 'Content-Type: text/plain; charset=utf-8', length, ...headers) + body;
}

const lines = (status: string, ...headers: readonly string[]): string => `HTTP/1.1 ${[status, ...headers, '', ''].join('\r\n')}`;
