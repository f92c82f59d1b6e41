import type { EngineHost } from '../context.ts';
import type { ConnectionId, Input } from '../engine.ts';
import { QanatError } from '../errors.ts';
import { type ServerHandler, ServerSession } from './server-session.ts';
import { DEFAULT_SESSION_OPTIONS, type ServerSessionOptions } from './server-session-options.ts';
import { Traffic } from './traffic.ts';

/** All connections that one server has accepted. */
export class ServerSessions {
  readonly traffic: Traffic = new Traffic();
  readonly #host: EngineHost;
  readonly #role: ServerHandler;
  readonly #options: ServerSessionOptions;
  readonly #connectionsMax: number;
  readonly #sessions = new Map<ConnectionId, ServerSession>();
  /** Why no new connection is served any more. */
  #refusal: QanatError | undefined;

  constructor(host: EngineHost, role: ServerHandler, connectionsMax: number, options: Partial<ServerSessionOptions> = {}) {
    this.#host = host;
    this.#role = role;
    this.#connectionsMax = connectionsMax;
    this.#options = { ...DEFAULT_SESSION_OPTIONS, ...options };
  }

  get size(): number {
    return this.#sessions.size;
  }

  all(): IterableIterator<ServerSession> {
    return this.#sessions.values();
  }

  /** @returns whether the input was about one of these connections. */
  handle(input: Input): boolean {
    if (input.kind === 'accepted') {
      this.#accept(input.connection, input.remote, input.listener);
      return true;
    }
    if (!('connection' in input)) return false;
    const session = this.#sessions.get(input.connection);
    if (session === undefined) return false;
    switch (input.kind) {
      case 'frame':
        session.handleFrame(input.frame);
        break;
      case 'badBytes':
        session.handleBadBytes(input.error);
        break;
      case 'blocked':
      case 'drained':
        session.setBlocked(input.kind === 'blocked');
        break;
      case 'closed':
        this.#sessions.delete(input.connection);
        session.handleClosed(input.error);
        break;
      default:
        return false;
    }
    return true;
  }

  /** Says GOAWAY to all. */
  goAway(error: QanatError, graceMs: number): void {
    for (const session of this.#sessions.values()) session.goAway(error, graceMs);
  }

  /** Says GOAWAY to whoever comes from now on: a server that stops has no time for a new connection. */
  refuse(error: QanatError): void {
    this.#refusal = error;
  }

  #accept(connection: ConnectionId, remote: string, listener: string): void {
    const session = new ServerSession(this.#host, this.#role, this.#options, this.traffic, connection, remote, listener);
    this.#sessions.set(connection, session);
    this.traffic.accepted++;
    if (this.#refusal !== undefined) session.end(this.#refusal);
    else if (this.#sessions.size > this.#connectionsMax) {
      session.end(new QanatError('TOO_MANY_CONNECTIONS', `${this.#connectionsMax} connections are open`));
    }
  }
}
