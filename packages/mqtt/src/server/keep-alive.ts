import type { Timers } from '@qanat/core';
import { type Connection, HOLD } from './connection.ts';

/** Deadlines are kept to this: a connection ends so much later at most. */
export const SLOT_MS = 250;

/**
 * The deadlines of all connections, for CONNECT and for the Keep Alive, in slots of a quarter of a second with one timer each. A
 * packet moves nothing: when its slot comes, a connection that was heard since goes into a later one.
 */
export class KeepAlive {
  readonly #timers: Timers;
  readonly #connectDeadlineMs: number;
  readonly #nowMs: () => number;
  readonly #expired: (connection: Connection) => void;
  readonly #slots = new Map<number, Connection[]>();

  constructor(timers: Timers, connectDeadlineMs: number, nowMs: () => number, expired: (connection: Connection) => void) {
    this.#timers = timers;
    this.#connectDeadlineMs = connectDeadlineMs;
    this.#nowMs = nowMs;
    this.#expired = expired;
  }

  /** Begins to watch a connection, or watches it by its deadline of now. */
  watch(connection: Connection): void {
    const deadlineMs = this.#deadlineMs(connection);
    if (deadlineMs === undefined) {
      connection.slot = -1;
      return;
    }
    const slot = Math.ceil(deadlineMs / SLOT_MS);
    connection.slot = slot;
    const there = this.#slots.get(slot);
    if (there !== undefined) return void there.push(connection);
    this.#slots.set(slot, [connection]);
    // For peers: when this process was away, what they sent meanwhile has not been read yet.
    this.#timers.at(slot * SLOT_MS, () => this.#due(slot), { forPeer: true });
  }

  #deadlineMs({ phase, heardMs, silenceMaxMs }: Connection): number | undefined {
    if (phase === 'closed') return undefined;
    if (phase !== 'online') return heardMs + this.#connectDeadlineMs;
    return silenceMaxMs === 0 ? undefined : heardMs + silenceMaxMs;
  }

  #due(slot: number): void {
    const connections = this.#slots.get(slot) ?? [];
    this.#slots.delete(slot);
    for (const connection of connections) {
      // Else a newer slot has it.
      if (connection.slot === slot) this.#look(connection);
    }
  }

  #look(connection: Connection): void {
    const nowMs = this.#nowMs();
    const deadlineMs = this.#deadlineMs(connection);
    if (deadlineMs === undefined) return;
    // A socket that we do not read cannot be heard; but one that does not read its answers either is silent.
    const unread = connection.phase === 'online' && (connection.holds & ~HOLD.UNREAD) !== 0;
    if (unread) connection.heardMs = nowMs;
    if (unread || deadlineMs > nowMs) return this.watch(connection);
    this.#expired(connection);
  }
}
