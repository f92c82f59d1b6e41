import type { LogFields } from '@qanat/core';
import { connackReturnCode, REASON } from '../codec/reason-codes.ts';
import { backlogOf, NOTHING_LEFT } from './backlog.ts';
import type { Connection } from './connection.ts';
import { RETAINED_PLACES_LEFT_MAX } from './limits.ts';
import type { ServerContext } from './server-context.ts';
import { type Session, sessionOf } from './session.ts';
import type { Shares } from './shares.ts';

/** How a connection is ended. */
interface Manner {
  /** DISCONNECT with reason 0 [MQTT-3.14.4-3]. */
  readonly discardWill: boolean;
  /** The socket is gone already. */
  readonly gone?: boolean;
}

/** Ends connections, and gives their sessions back to the cluster. */
export class Endings {
  readonly #context: ServerContext;
  readonly #shares: Shares;
  readonly #ended: (connection: Connection) => void;

  constructor(context: ServerContext, shares: Shares, ended: (connection: Connection) => void) {
    this.#context = context;
    this.#shares = shares;
    this.#ended = ended;
  }

  /**
   * Refuses a CONNECT [MQTT-3.2.2-7] [MQTT-3.2.2-8]. 3.1.1 has no word for most reasons: then nothing is said.
   * @param more what else the operator is told of it.
   */
  refuse(connection: Connection, reason: number, more: LogFields = {}): void {
    if (!connection.open) return;
    this.#context.figures.connectsRefused++;
    this.#context.tellRefusal('connect-refused', connection.peer, { client: connection.clientId, ...more, reason });
    const reasonCode = connection.version === 4 ? connackReturnCode(reason) : reason;
    if (reasonCode !== undefined) this.#context.output.packet(connection, { type: 'CONNACK', sessionPresent: false, reasonCode });
    this.end(connection, { discardWill: false });
  }

  /** Ends a connection for a reason of ours, which a client of 5.0 is told once its CONNECT was accepted [MQTT-3.14.0-1]. */
  disconnect(connection: Connection, reason: number): void {
    if (!connection.open) return;
    if (connection.phase === 'connecting') return this.refuse(connection, reason);
    if (connection.phase === 'online' && connection.version === 5 && !connection.blocked)
      this.#context.output.packet(connection, { type: 'DISCONNECT', reasonCode: reason });
    this.end(connection, { discardWill: false });
  }

  /** The client did what MQTT forbids. */
  protocolError(connection: Connection, reason: number, message: string): void {
    this.#context.figures.protocolErrors++;
    this.#context.tellRefusal('protocol-error', connection.peer, { client: connection.clientId, reason, message });
    this.disconnect(connection, reason);
  }

  /** Ends a connection without a word. */
  end(connection: Connection, { discardWill, gone = false }: Manner): void {
    if (!connection.open) return;
    const { output, connections, sockets } = this.#context;
    output.send(connection);
    connection.phase = 'closed';
    connection.rest = undefined;
    connections.delete(connection.id);
    this.#ended(connection);
    // What a blocked socket holds would never leave.
    if (!gone && connection.blocked) sockets.abort(connection.id);
    else if (!gone) sockets.close(connection.id);
    const session = sessionOf(connection);
    if (session !== undefined) this.#suspend(session, discardWill);
  }

  #suspend(session: Session, discardWill: boolean): void {
    const { sessions, receivers, cluster } = this.#context;
    const { clientId, epoch, expiryInterval, connection } = session;
    sessions.delete(clientId);
    connection.session = undefined;
    for (const filter of session.subscriptions.keys()) receivers.delete(session, filter);
    this.#shares.leaveAll(session);
    const backlog =
      expiryInterval === 0 ? NOTHING_LEFT : backlogOf(this.#context, session, { costMax: RETAINED_PLACES_LEFT_MAX });
    cluster.suspend(clientId, epoch, { expiryInterval, discardWill, backlog });
  }

  /** CONNECT was not answered in time, or the client was silent for one and a half times its Keep Alive. */
  expired(connection: Connection): void {
    if (connection.phase === 'new') return this.end(connection, { discardWill: false });
    if (connection.phase === 'connecting') return this.refuse(connection, REASON.SERVER_UNAVAILABLE);
    this.#context.figures.keepAliveTimeouts++;
    this.disconnect(connection, REASON.KEEP_ALIVE_TIMEOUT);
  }
}
