import { ClientSession, type ClientSessionEvents } from '../connection/client-session.ts';
import type { EngineHost } from '../context.ts';
import type { ConnectionId, Input } from '../engine.ts';
import type { QanatError } from '../errors.ts';
import type { Login } from '../security/login.ts';
import type { HelloInit } from '../wire/gen/messages.ts';

/** All connections of one client, whatever they are for. */
export class ClientSessions {
  readonly #host: EngineHost;
  readonly #greeting: HelloInit;
  readonly #login: Login | undefined;
  readonly #sessions = new Map<ConnectionId, ClientSession>();
  readonly #onDrained: (session: ClientSession) => void;

  /** @param onDrained is told when a server reads again after it was blocked. */
  constructor(host: EngineHost, greeting: HelloInit, login: Login | undefined, onDrained: (session: ClientSession) => void) {
    this.#host = host;
    this.#greeting = greeting;
    this.#login = login;
    this.#onDrained = onDrained;
  }

  /** Connections that the driver has not reported closed. */
  get size(): number {
    return this.#sessions.size;
  }

  /** Begins to connect. */
  open(address: string, events: ClientSessionEvents): ClientSession {
    const session = new ClientSession(this.#host, events, address, this.#greeting, this.#login);
    this.#sessions.set(session.connection, session);
    return session;
  }

  handle(input: Input): void {
    if (!('connection' in input)) return;
    const session = this.#sessions.get(input.connection);
    if (session === undefined) return;
    if (input.kind === 'closed') this.#sessions.delete(input.connection);
    session.handle(input);
    if (input.kind === 'drained' && !session.closed) this.#onDrained(session);
  }

  closeAll(error: QanatError): void {
    for (const session of [...this.#sessions.values()]) session.close(error);
  }
}
