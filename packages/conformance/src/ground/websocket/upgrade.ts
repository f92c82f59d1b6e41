// What two sides say to agree on WebSocket (RFC 6455, section 4), as text.
import { createHash } from 'node:crypto';

/** Name and major version of the protocol (QNT-WSK-001). */
export const SUBPROTOCOL = 'qanat.v1';
const VERSION = '13';
/** Of RFC 6455, section 1.3. */
const GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';
/** The one of the RFC's own example: nobody has to be surprised by it. */
const KEY = 'dGhlIHNhbXBsZSBub25jZQ==';
const HEAD_END = '\r\n\r\n';

/** A request or an answer: its first line, and its header by names in small letters. */
export interface Head {
  readonly line: string;
  readonly headers: ReadonlyMap<string, string>;
}

/** Header lines that differ from the usual ones; null leaves one out. */
export type HeaderChanges = Readonly<Record<string, string | null>>;

const textOf = (line: string, usual: Readonly<Record<string, string>>, changes: HeaderChanges): string => {
  const lines = Object.entries({ ...usual, ...changes }).filter(([, value]) => value !== null);
  return [line, ...lines.map(([name, value]) => `${name}: ${value}`), '', ''].join('\r\n');
};

/** A request for the upgrade. @param host `host:port` of the server. */
export const requestText = (host: string, changes: HeaderChanges = {}, line = 'GET / HTTP/1.1'): string =>
  textOf(
    line,
    {
      Host: host,
      Upgrade: 'websocket',
      Connection: 'Upgrade',
      'Sec-WebSocket-Version': VERSION,
      'Sec-WebSocket-Key': KEY,
      'Sec-WebSocket-Protocol': SUBPROTOCOL,
    },
    changes,
  );

/** The answer that agrees to a request. */
export const agreeingText = ({ headers }: Head, changes: HeaderChanges = {}): string =>
  textOf(
    'HTTP/1.1 101 Switching Protocols',
    {
      Upgrade: 'websocket',
      Connection: 'Upgrade',
      'Sec-WebSocket-Accept': acceptanceOf(headers.get('sec-websocket-key') ?? ''),
      'Sec-WebSocket-Protocol': SUBPROTOCOL,
    },
    changes,
  );

export const refusingText = (status: string): string =>
  textOf(`HTTP/1.1 ${status}`, { Connection: 'close', 'Content-Length': '0' }, {});

const acceptanceOf = (key: string): string =>
  createHash('sha1')
    .update(key + GUID)
    .digest('base64');

/** Reads a head off the beginning of bytes. @returns undefined while it is not whole. */
export function takeHead(bytes: Uint8Array): { readonly text: string; readonly rest: Uint8Array } | undefined {
  const end = Buffer.from(bytes).indexOf(HEAD_END);
  if (end < 0) return undefined;
  const restAt = end + HEAD_END.length;
  return { text: Buffer.from(bytes.subarray(0, restAt)).toString('latin1'), rest: bytes.subarray(restAt) };
}

export function headOf(text: string): Head {
  const [line = '', ...lines] = text.split('\r\n');
  const headers = new Map<string, string>();
  for (const one of lines) {
    const at = one.indexOf(':');
    const name = one.slice(0, at).trim().toLowerCase();
    if (at > 0) headers.set(name, [...(headers.has(name) ? [headers.get(name)] : []), one.slice(at + 1).trim()].join(', '));
  }
  return { line, headers };
}

/** Names in a list with commas. */
export const namesIn = (list: string | undefined): readonly string[] =>
  (list ?? '').split(',').flatMap((name) => (name.trim() === '' ? [] : [name.trim()]));

/** The status of an answer; 0 for what is none. */
export const statusOf = ({ line }: Head): number => Number(/^HTTP\/1\.1 (\d{3})\b/.exec(line)?.[1] ?? 0);

/** Whether a request asks for a WebSocket in the way of RFC 6455, whatever the path and subprotocol. */
export function asksForUpgrade({ line, headers }: Head): boolean {
  const connection = namesIn(headers.get('connection')?.toLowerCase());
  const isUpgrade = headers.get('upgrade')?.toLowerCase() === 'websocket' && connection.includes('upgrade');
  return /^GET \S+ HTTP\/1\.1$/.test(line) && isUpgrade && headers.get('sec-websocket-version') === VERSION;
}

/** Whether an answer is the upgrade that a request asked for. */
export const isUpgrade = (answer: Head, request: Head): boolean =>
  statusOf(answer) === 101 &&
  answer.headers.get('upgrade')?.toLowerCase() === 'websocket' &&
  answer.headers.get('sec-websocket-accept') === acceptanceOf(request.headers.get('sec-websocket-key') ?? '');
