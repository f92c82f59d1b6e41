import type { EngineHost } from '../context.ts';
import type { ConnectionId, Input } from '../engine.ts';
import { QanatError } from '../errors.ts';
import { hostOf } from '../host-port.ts';
import type { Door } from '../security/door.ts';
import type { UserTable } from '../security/user-table.ts';
import { type ServerHandler, ServerSession, type SessionGround } from './server-session.ts';
import { DEFAULT_SESSION_OPTIONS, type ServerSessionOptions } from './server-session-options.ts';
import { SessionBudget } from './session-budget.ts';
import { Traffic } from './traffic.ts';

/** Connections beyond the limit that are told why; further ones are dropped without a word. */
export const REFUSED_MAX = 1_024;
const REFUSED_LEAST = 16;

/** All connections that one server has accepted. */
export class ServerSessions {
  readonly traffic: Traffic = new Traffic();
  readonly #ground: SessionGround;
  readonly #connectionsMax: number;
  readonly #budget: SessionBudget;
  readonly #sessions = new Map<ConnectionId, ServerSession>();
  /** How many connections each address has. */
  readonly #byHost = new Map<string, number>();
  /** Why no new connection is served any more. */
  #refusal: QanatError | undefined;

  /** @param door asks who the clients are; undefined: nobody is asked. */
  constructor(
    host: EngineHost,
    role: ServerHandler,
    connectionsMax: number,
    options: Partial<ServerSessionOptions> = {},
    door?: Door,
  ) {
    this.#connectionsMax = connectionsMax;
    const session = { ...DEFAULT_SESSION_OPTIONS, ...options };
    this.#budget = new SessionBudget(session.unreadBytesTotalMax);
    this.#ground = { host, role, options: session, traffic: this.traffic, budget: this.#budget, door };
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
      this.#accept(input);
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
        this.#count(session.remote, -1);
        session.handleClosed(input.error);
        break;
      default:
        return false;
    }
    return true;
  }

  /** What came together is answered. */
  burstEnded(): void {
    this.#budget.burst++;
  }

  /** Says GOAWAY to all. */
  goAway(error: QanatError, graceMs: number): void {
    for (const session of this.#sessions.values()) session.goAway(error, graceMs);
  }

  /** Says GOAWAY to whoever comes from now on: a server that stops has no time for a new connection. */
  refuse(error: QanatError): void {
    this.#refusal = error;
  }

  /** The users have changed. Connections of those that are no longer what they were are ended. */
  setUsers(users: UserTable): void {
    const { door } = this.#ground;
    if (door === undefined) return;
    door.users = users;
    for (const session of this.#sessions.values()) session.usersChanged();
  }

  #accept(accepted: Extract<Input, { kind: 'accepted' }>): void {
    const session = new ServerSession(this.#ground, accepted);
    this.#sessions.set(accepted.connection, session);
    this.traffic.accepted++;
    const ofHost = this.#count(accepted.remote, 1);
    const { connectionsPerAddressMax } = this.#ground.options;
    if (this.#refusal !== undefined) session.end(this.#refusal);
    else if (this.#sessions.size > this.#connectionsMax) this.#refuseCrowd(session);
    else if (ofHost > connectionsPerAddressMax) {
      const limit = `${connectionsPerAddressMax} connections of one address are open (CONNECTIONS_PER_ADDRESS_MAX)`;
      session.end(new QanatError('TOO_MANY_CONNECTIONS', limit));
    } else this.#budget.began(session);
  }

  #refuseCrowd(session: ServerSession): void {
    const error = new QanatError('TOO_MANY_CONNECTIONS', `${this.#connectionsMax} connections are open`);
    // A small server has few files to open: those that it refuses must leave it some.
    const refusedMax = Math.min(REFUSED_MAX, Math.max(REFUSED_LEAST, this.#connectionsMax >> 2));
    if (this.#sessions.size > this.#connectionsMax + refusedMax) session.drop(error);
    else session.end(error);
  }

  /** @returns how many connections its address has now. */
  #count(remote: string, by: 1 | -1): number {
    const host = hostOf(remote);
    const count = (this.#byHost.get(host) ?? 0) + by;
    if (count === 0) this.#byHost.delete(host);
    else this.#byHost.set(host, count);
    return count;
  }
}
