import { asksForUpgrade, type Head, headOf, namesIn, SUBPROTOCOL } from '../../ground/websocket/upgrade.ts';
import { once } from '../../history/once.ts';
import type { ConnectionSeen, View } from '../../history/view.ts';

interface Place {
  readonly index: number;
  readonly atMs: number;
}

/** One stream of the kit to a subject, on which it asks for a WebSocket, or does not. */
export interface Attempt extends Place {
  readonly connection: number;
  /** What the kit has said, and where its last piece stands. */
  readonly said: string;
  readonly asked: Place | undefined;
  /** Undefined while the request is not whole. */
  readonly request: Head | undefined;
  readonly answer: (Place & { readonly head: Head }) | undefined;
  /** The connection, once both sides have agreed. */
  readonly opened: ConnectionSeen | undefined;
  /** Where it ended. */
  readonly end: (Place & { readonly by: 'kit' | 'subject' }) | undefined;
}

type Building = { -readonly [K in keyof Attempt]: Attempt[K] };

const HEAD_END = '\r\n\r\n';

/** All streams of the kit to a subject over WebSocket. */
export const attemptsOf: (view: View) => readonly Attempt[] = once((view) => {
  const attempts = new Map<number, Building>();
  view.events.forEach((event, index) => {
    const place = { index, atMs: event.atMs };
    if (event.kind === 'connected') {
      const { connection } = event;
      const opened = view.connections.find(({ number }) => number === connection);
      const none = { asked: undefined, request: undefined, answer: undefined, end: undefined };
      attempts.set(connection, { ...place, connection, said: '', opened, ...none });
    }
    const attempt = 'connection' in event ? attempts.get(event.connection) : undefined;
    if (attempt === undefined) return;
    if (event.kind === 'upgrade' && event.from === 'kit') {
      attempt.said += event.text;
      attempt.asked = place;
      if (attempt.said.includes(HEAD_END)) attempt.request ??= headOf(attempt.said);
    } else if (event.kind === 'upgrade') attempt.answer ??= { ...place, head: headOf(event.text) };
    else if (event.kind === 'closed') attempt.end ??= { ...place, by: event.by };
    // What the kit could not open the subject has ended, or has answered otherwise than with the upgrade.
    else if (event.kind === 'refused') attempt.end ??= { ...place, by: 'subject' };
  });
  return [...attempts.values()];
});

/** What is to be refused about a request, in the terms of the chapter of WebSocket. */
export type RequestFault = 'no upgrade' | 'version' | 'path' | 'origin' | 'subprotocol' | 'key';

const KEY = /^[A-Za-z0-9+/]{22}==$/;

/** All of a request that a server has to refuse, or may by RFC 6455 (`key`); undefined for what is no request of HTTP. */
export function faultsOfRequest(request: Head): readonly RequestFault[] | undefined {
  const [, method, path] = /^([A-Z]+) (\S+) HTTP\/1\.1$/.exec(request.line) ?? [];
  if (method === undefined || !request.headers.has('host')) return undefined;
  const { headers } = request;
  const usual = new Map(headers).set('sec-websocket-version', '13');
  const isUpgrade = asksForUpgrade({ line: request.line, headers: usual });
  const faults: readonly [RequestFault, boolean][] = [
    ['no upgrade', !isUpgrade],
    ['version', isUpgrade && headers.get('sec-websocket-version') !== '13'],
    ['path', path !== '/'],
    ['origin', headers.has('origin')],
    ['subprotocol', !namesIn(headers.get('sec-websocket-protocol')).includes(SUBPROTOCOL)],
    ['key', !KEY.test(headers.get('sec-websocket-key') ?? '')],
  ];
  return faults.flatMap(([fault, has]) => (has ? [fault] : []));
}
