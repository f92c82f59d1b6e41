import type { Clock, QueueId } from '@qanat/core';
import type { OutboundExchange } from '../ports.ts';
import { RETRY_MS, STATE_PAGE } from './limits.ts';
import type { LocalSession } from './local-session.ts';
import type { KeyedState, StateWrite } from './log-client.ts';
import type { QueueTable } from './queue-table.ts';
import { encodeExchange, encodeFinished } from './session-entries.ts';
import { exchangeKey, finishedKey, queueName } from './state-keys.ts';
import { pause } from './waiting.ts';

interface Lane {
  readonly queue: QueueId;
  readonly writes: Map<string, StateWrite>;
  dones: (() => void)[];
  /** Sessions whose list of ended exchanges is to be written. */
  readonly ended: Set<LocalSession>;
  busy: boolean;
}

/**
 * Keeps the outbound exchanges of QoS 2: what is asked for while a write is under way leaves with the next one, so that their
 * number costs little. An exchange that ends leaves its place in a list until the session is saved: whoever resumes the session
 * must not send it again.
 */
export class OutboundExchanges {
  readonly #state: KeyedState;
  readonly #clock: Clock;
  readonly #queues: QueueTable;
  readonly #onTrouble: (error: unknown) => void;
  readonly #lanes = new Map<string, Lane>();
  /** What is under way, to know the place when it ends. */
  readonly #places = new Map<LocalSession, Map<number, OutboundExchange>>();
  #closed = false;

  constructor(state: KeyedState, clock: Clock, queues: QueueTable, onTrouble: (error: unknown) => void) {
    this.#state = state;
    this.#clock = clock;
    this.#queues = queues;
    this.#onTrouble = onTrouble;
  }

  close(): void {
    this.#closed = true;
  }

  /** The session has these already. */
  resumed(session: LocalSession, exchanges: readonly OutboundExchange[]): void {
    if (exchanges.length > 0) this.#places.set(session, new Map(exchanges.map((exchange) => [exchange.packetId, exchange])));
  }

  left(session: LocalSession): void {
    this.#places.delete(session);
  }

  /** @param done called once it is durable, later; never after `close`. */
  set(session: LocalSession, packetId: number, exchange: OutboundExchange | undefined, done: () => void): void {
    const { clientId, queue, record } = session;
    const lane = this.#lane(queue);
    const key = exchangeKey(clientId, record.claim, packetId);
    const places = this.#places.get(session) ?? new Map<number, OutboundExchange>();
    this.#places.set(session, places);
    if (exchange === undefined) {
      const before = places.get(packetId);
      places.delete(packetId);
      if (before !== undefined) session.finished.push({ queue: before.queue, offset: before.offset });
      lane.ended.add(session);
      lane.writes.set(key, { key, value: undefined });
    } else {
      places.set(packetId, exchange);
      lane.writes.set(key, { key, value: encodeExchange(record.claim, exchange, this.#queues) });
    }
    lane.dones.push(done);
    if (lane.busy) return;
    lane.busy = true;
    queueMicrotask(() => void this.#flush(lane));
  }

  async #flush(lane: Lane): Promise<void> {
    while (lane.dones.length > 0 && !this.#closed) {
      const writes = [...lane.writes.values()];
      for (const session of lane.ended) {
        const value = encodeFinished(session.record.claim, session.finished, this.#queues);
        writes.push({ key: finishedKey(session.clientId, session.record.claim), value });
      }
      const { dones } = lane;
      lane.dones = [];
      lane.writes.clear();
      lane.ended.clear();
      for (let at = 0; at < writes.length; at += STATE_PAGE) await this.#write(lane.queue, writes.slice(at, at + STATE_PAGE));
      if (!this.#closed) for (const done of dones) done();
    }
    lane.busy = false;
  }

  async #write(queue: QueueId, writes: readonly StateWrite[]): Promise<void> {
    while (!this.#closed) {
      try {
        await this.#state.write(queue, writes);
        return;
      } catch (error) {
        this.#onTrouble(error);
        await pause(this.#clock, RETRY_MS);
      }
    }
  }

  #lane(queue: QueueId): Lane {
    const name = queueName(queue);
    const lane = this.#lanes.get(name) ?? { queue, writes: new Map(), dones: [], ended: new Set(), busy: false };
    this.#lanes.set(name, lane);
    return lane;
  }
}
