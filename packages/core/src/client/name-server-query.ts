import type { ClientSession } from '../connection/client-session.ts';
import type { EngineHost } from '../context.ts';
import type { ConnectionId } from '../engine.ts';
import type { QanatError } from '../errors.ts';
import type { RouteQueryInit, Routes } from '../wire/gen/messages.ts';
import type { ClientSessions } from './client-sessions.ts';
import type { ClientEvent, ClientSettings } from './host.ts';

/** What the parts that speak with servers share. */
export interface ConnectionHost {
  readonly engine: EngineHost;
  readonly settings: ClientSettings;
  readonly sessions: ClientSessions;
  event(event: ClientEvent): void;
}

/** All frames of an answer to ROUTE_QUERY, and the address of the NameServer that gave it; empty where none did. */
export type RoutesDone = (error: QanatError | undefined, pages: readonly Routes[], nameServer: string) => void;

const NO_EVENTS = { onOpen(): void {}, onPush(): void {}, onGoAway(): void {}, onClosed(): void {} };

/** Asks one NameServer once, on a connection of its own. `done` is called once, after `attemptMs` at the latest. */
export function queryNameServer(host: ConnectionHost, address: string, query: RouteQueryInit, done: RoutesDone): ConnectionId {
  const session: ClientSession = host.sessions.open(address, NO_EVENTS);
  session.request('ROUTE_QUERY', query, { timeoutMs: host.settings.attemptMs }, (error, { headers }) => {
    done(error, headers, address);
    // One that accepted the connection and then says nothing is not waited for.
    if (error === undefined) session.close();
    else session.abort(error);
  });
  return session.connection;
}
