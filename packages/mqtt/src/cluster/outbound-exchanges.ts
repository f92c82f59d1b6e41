import type { Clock, QueueId } from '@qanat/core';
import type { OutboundExchange } from '../ports.ts';
import { RETRY_MS, STATE_PAGE } from './limits.ts';
import { isFleeting, type LocalSession } from './local-session.ts';
import type { KeyedState, StateWrite } from './log-client.ts';
import type { QueueTable } from './queue-table.ts';
import { encodeExchange, encodeFence, encodeFinished, isConflict, same } from './session-entries.ts';
import { exchangeKey, fenceKey, finishedKey, queueName } from './state-keys.ts';
import { pause } from './waiting.ts';

/** Told once, later, whether it is durable; `false`: the session is not this bridge's any more. */
type Held = (held: boolean) => void;

/** What is to be written for one session. */
interface Asked {
  readonly writes: Map<string, StateWrite>;
  /** Its list of ended exchanges has changed. */
  ended: boolean;
  readonly dones: Held[];
}

interface Lane {
  readonly queue: QueueId;
  asked: Map<LocalSession, Asked>;
  busy: boolean;
}

type Page = Map<LocalSession, readonly StateWrite[]>;

/** What has the sessions. */
export interface ExchangesOwner {
  /** Writes the fence of a session beside its record. @returns whether the session is still this bridge's. */
  fence(session: LocalSession): Promise<boolean>;
  /** Another bridge has the session. */
  fenced(session: LocalSession): void;
}

/**
 * Keeps the outbound exchanges of QoS 2: what is asked for while a write is under way leaves with the next one, so that their
 * number costs little. An exchange that ends leaves its place in a list until the session is saved: whoever resumes the session
 * must not send it again.
 *
 * Each write replaces the session's fence, too. Whoever claims the session removes the fence that it has read with the
 * exchanges: so it knows all of them, and what is written after it is refused.
 */
export class OutboundExchanges {
  readonly #state: KeyedState;
  readonly #clock: Clock;
  readonly #queues: QueueTable;
  readonly #onTrouble: (error: unknown) => void;
  readonly #lanes = new Map<string, Lane>();
  /** What is under way, to know the place when it ends. */
  readonly #places = new Map<LocalSession, Map<number, OutboundExchange>>();
  /** Of sessions whose fence is being written. */
  readonly #unfenced = new Map<LocalSession, { readonly run: () => void; readonly done: Held }[]>();
  #owner: ExchangesOwner | undefined;
  #marks = 0;
  #closed = false;

  constructor(state: KeyedState, clock: Clock, queues: QueueTable, onTrouble: (error: unknown) => void) {
    this.#state = state;
    this.#clock = clock;
    this.#queues = queues;
    this.#onTrouble = onTrouble;
  }

  ownedBy(owner: ExchangesOwner): void {
    this.#owner = owner;
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

  /** @param done called later, in the order of the calls for the session; never after `close`. */
  set(session: LocalSession, packetId: number, exchange: OutboundExchange | undefined, done: Held): void {
    // Nobody ever resumes it.
    if (isFleeting(session)) return queueMicrotask(() => done(true));
    const run = (): void => this.#add(session, packetId, exchange, done);
    const waiting = this.#unfenced.get(session);
    if (waiting !== undefined) waiting.push({ run, done });
    else if (session.fence > 0) run();
    else {
      this.#unfenced.set(session, [{ run, done }]);
      void this.#owner?.fence(session).then((held) => this.#begin(session, held));
    }
  }

  #begin(session: LocalSession, held: boolean): void {
    const waiting = this.#unfenced.get(session) ?? [];
    this.#unfenced.delete(session);
    if (this.#closed) return;
    if (!held) this.#owner?.fenced(session);
    for (const { run, done } of waiting) {
      if (held) run();
      else done(false);
    }
  }

  #add(session: LocalSession, packetId: number, exchange: OutboundExchange | undefined, done: Held): void {
    const { clientId, queue, record } = session;
    const lane = this.#lane(queue);
    const asked: Asked = lane.asked.get(session) ?? { writes: new Map(), ended: false, dones: [] };
    lane.asked.set(session, asked);
    const key = exchangeKey(clientId, record.claim, packetId);
    const places = this.#places.get(session) ?? new Map<number, OutboundExchange>();
    this.#places.set(session, places);
    if (exchange === undefined) {
      const before = places.get(packetId);
      places.delete(packetId);
      if (before !== undefined) session.finished.push({ queue: before.queue, offset: before.offset });
      asked.ended = true;
      asked.writes.set(key, { key, value: undefined });
    } else {
      places.set(packetId, exchange);
      asked.writes.set(key, { key, value: encodeExchange(record.claim, exchange, this.#queues) });
    }
    asked.dones.push(done);
    if (lane.busy) return;
    lane.busy = true;
    queueMicrotask(() => void this.#flush(lane));
  }

  async #flush(lane: Lane): Promise<void> {
    while (lane.asked.size > 0 && !this.#closed) {
      const { asked } = lane;
      lane.asked = new Map();
      const fenced = new Set<LocalSession>();
      for (const page of this.#pages(asked)) await this.#write(lane.queue, page, fenced);
      if (!this.#closed) this.#tell(asked, fenced);
    }
    lane.busy = false;
  }

  #tell(asked: ReadonlyMap<LocalSession, Asked>, fenced: ReadonlySet<LocalSession>): void {
    for (const session of fenced) this.#owner?.fenced(session);
    for (const [session, { dones }] of asked) for (const done of dones) done(!fenced.has(session));
  }

  /** In writes as large as they may be, each with the fences of its sessions. */
  #pages(asked: ReadonlyMap<LocalSession, Asked>): Page[] {
    const pages: Page[] = [];
    let room = 0;
    for (const [session, { writes, ended }] of asked) {
      const all = [...writes.values()];
      if (ended) all.push(this.#finished(session));
      for (let at = 0; at < all.length; at += STATE_PAGE - 1) {
        const part = all.slice(at, at + STATE_PAGE - 1);
        if (at > 0 || part.length >= room) {
          pages.push(new Map());
          room = STATE_PAGE;
        }
        pages.at(-1)?.set(session, part);
        room -= part.length + 1;
      }
    }
    return pages;
  }

  #finished({ clientId, record, finished }: LocalSession): StateWrite {
    return { key: finishedKey(clientId, record.claim), value: encodeFinished(record.claim, finished, this.#queues) };
  }

  /** @param fenced gets the sessions that are not this bridge's any more: nothing of them is written. */
  async #write(queue: QueueId, page: Page, fenced: Set<LocalSession>): Promise<void> {
    const mark = ++this.#marks;
    while (page.size > 0 && !this.#closed) {
      const fences = [...page.keys()].map(({ clientId, record: { claim }, fence }) => ({
        key: fenceKey(clientId, claim),
        value: encodeFence(claim, mark),
        expectedVersion: fence,
      }));
      try {
        const version = await this.#state.write(queue, [...fences, ...[...page.values()].flat()]);
        for (const session of page.keys()) session.fence = version;
        return;
      } catch (error) {
        if (isConflict(error) && (await this.#isWritten(queue, page, mark, fenced))) return;
        if (isConflict(error)) continue;
        this.#onTrouble(error);
        await pause(this.#clock, RETRY_MS);
      }
    }
  }

  /** Whether a write that was refused had been done by an earlier try; otherwise takes from it what is another bridge's. */
  async #isWritten(queue: QueueId, page: Page, mark: number, fenced: Set<LocalSession>): Promise<boolean> {
    const sessions = [...page.keys()];
    const keys = sessions.map(({ clientId, record }) => fenceKey(clientId, record.claim));
    try {
      const entries = await this.#state.get(queue, keys);
      const [first, session] = [entries[0], sessions[0]];
      const written = first !== undefined && session !== undefined && same(first.value, encodeFence(session.record.claim, mark));
      sessions.forEach((one, i) => {
        const entry = entries[i];
        if (written && entry !== undefined) one.fence = entry.version;
        else if (entry?.version !== one.fence) {
          page.delete(one);
          fenced.add(one);
        }
      });
      return written;
    } catch (error) {
      this.#onTrouble(error);
      await pause(this.#clock, RETRY_MS);
      return false;
    }
  }

  #lane(queue: QueueId): Lane {
    const name = queueName(queue);
    const lane = this.#lanes.get(name) ?? { queue, asked: new Map(), busy: false };
    this.#lanes.set(name, lane);
    return lane;
  }
}
