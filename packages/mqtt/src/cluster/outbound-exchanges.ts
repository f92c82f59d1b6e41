import type { Clock, QueueId } from '@qanat/core';
import type { OutboundExchange } from '../ports.ts';
import type { HandedQueue, Handing } from './handed-queue.ts';
import { RETRY_MS, STATE_PAGE } from './limits.ts';
import { isFleeting, type LocalSession } from './local-session.ts';
import type { KeyedState, StateWrite } from './log-client.ts';
import type { QueueTable } from './queue-table.ts';
import { encodeExchange, encodeFence, encodeFinished, isConflict, same } from './session-entries.ts';
import { exchangeKey, fenceKey, finishedKey, queueName } from './state-keys.ts';
import { pause } from './waiting.ts';

/** Told once, later, whether it is durable; `false`: the session is not this bridge's any more. */
type Held = (held: boolean) => void;

/** How an exchange changes. */
export interface ExchangeChange {
  readonly packetId: number;
  /** Undefined: it has ended. */
  readonly exchange: OutboundExchange | undefined;
  /** The message becomes the session's with it. */
  readonly handing: Handing | undefined;
}

interface Ask {
  readonly write: StateWrite;
  readonly handing: Handing | undefined;
}

/** What is to be written for one session. */
interface Asked {
  readonly asks: Map<string, Ask>;
  /** Its list of ended exchanges has changed. */
  ended: boolean;
  readonly dones: { readonly ask: Ask; readonly done: Held }[];
}

interface Lane {
  readonly queue: QueueId;
  asked: Map<LocalSession, Asked>;
  busy: boolean;
}

type Page = Map<LocalSession, readonly Ask[]>;

/** What is not written: it is another bridge's. */
interface Refused {
  readonly sessions: Set<LocalSession>;
  readonly asks: Set<Ask>;
}

/** Entries of an exchange that begins with a handing: its own, that of the message, and the fence. */
const HANDING_ENTRIES = 3;

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
 * exchanges: so it knows all of them, and what is written after it is refused. The fences of shared subscriptions (`HandedQueue`)
 * do the same for the messages that they hand to sessions.
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
  set(session: LocalSession, change: ExchangeChange, done: Held): void {
    // Nobody ever resumes it, but what a share has handed to it is not another's.
    if (isFleeting(session) && change.handing === undefined) return queueMicrotask(() => done(true));
    const run = (): void => this.#add(session, change, done);
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

  #add(session: LocalSession, { packetId, exchange, handing }: ExchangeChange, done: Held): void {
    const { clientId, queue, record } = session;
    const lane = this.#lane(queue);
    const asked: Asked = lane.asked.get(session) ?? { asks: new Map(), ended: false, dones: [] };
    lane.asked.set(session, asked);
    const key = exchangeKey(clientId, record.claim, packetId);
    const places = this.#places.get(session) ?? new Map<number, OutboundExchange>();
    this.#places.set(session, places);
    if (exchange === undefined) {
      const before = places.get(packetId);
      places.delete(packetId);
      if (before !== undefined) session.finished.push({ queue: before.queue, offset: before.offset });
      asked.ended = true;
    } else places.set(packetId, exchange);
    const value = exchange && encodeExchange(record.claim, exchange, this.#queues);
    const ask: Ask = { write: { key, value }, handing };
    asked.asks.set(key, ask);
    asked.dones.push({ ask, done });
    if (lane.busy) return;
    lane.busy = true;
    queueMicrotask(() => void this.#flush(lane));
  }

  async #flush(lane: Lane): Promise<void> {
    while (lane.asked.size > 0 && !this.#closed) {
      const { asked } = lane;
      lane.asked = new Map();
      const refused: Refused = { sessions: new Set(), asks: new Set() };
      for (const page of this.#pages(asked)) await this.#write(lane.queue, page, refused);
      if (!this.#closed) this.#tell(asked, refused);
    }
    lane.busy = false;
  }

  #tell(asked: ReadonlyMap<LocalSession, Asked>, { sessions, asks }: Refused): void {
    for (const session of sessions) this.#owner?.fenced(session);
    for (const [session, { dones }] of asked) {
      for (const { ask, done } of dones) done(!sessions.has(session) && !asks.has(ask));
    }
  }

  /** In writes as large as they may be, each with the fences of its sessions and handings. */
  #pages(asked: ReadonlyMap<LocalSession, Asked>): Page[] {
    const pages: Page[] = [];
    let room = 0;
    for (const [session, { asks, ended }] of asked) {
      const all = [...asks.values()];
      if (ended) all.push({ write: this.#finished(session), handing: undefined });
      let part: Ask[] | undefined;
      for (const ask of all) {
        const entries = ask.handing === undefined ? 1 : HANDING_ENTRIES;
        if (part === undefined || entries > room) {
          if (entries >= room) {
            pages.push(new Map());
            room = STATE_PAGE;
          }
          part = [];
          pages.at(-1)?.set(session, part);
          room--;
        }
        part.push(ask);
        room -= entries;
      }
    }
    return pages;
  }

  #finished({ clientId, record, finished }: LocalSession): StateWrite {
    return { key: finishedKey(clientId, record.claim), value: encodeFinished(record.claim, finished, this.#queues) };
  }

  /** @param refused gets what is not this bridge's any more: nothing of it is written. */
  async #write(queue: QueueId, page: Page, refused: Refused): Promise<void> {
    const mark = ++this.#marks;
    for (;;) {
      refuse(page, refused, ({ handing }) => handing !== undefined && handing.queue.fence(queue) === undefined);
      if (page.size === 0 || this.#closed) return;
      const asks = [...page.values()].flat();
      const handings = asks.flatMap(({ handing }) => handing ?? []);
      const fences = this.#fences(queue, page, handings, mark);
      const entries = handings.map((handing) => handing.queue.entry(handing.offset));
      try {
        const version = await this.#state.write(queue, [...fences, ...asks.map(({ write }) => write), ...entries]);
        return written(queue, page, version);
      } catch (error) {
        if (isConflict(error) && (await this.#isWritten(queue, page, mark, refused))) return;
        if (isConflict(error)) continue;
        this.#onTrouble(error);
        await pause(this.#clock, RETRY_MS);
      }
    }
  }

  #fences(queue: QueueId, page: Page, handings: readonly Handing[], mark: number): StateWrite[] {
    const sessions = [...page.keys()].map(({ clientId, record: { claim }, fence }) => ({
      key: fenceKey(clientId, claim),
      value: encodeFence(claim, mark),
      expectedVersion: fence,
    }));
    return [...sessions, ...[...sharesOf(handings)].flatMap((share) => share.fence(queue) ?? [])];
  }

  /** Whether a write that was refused had been done by an earlier try; otherwise takes from it what is another bridge's. */
  async #isWritten(queue: QueueId, page: Page, mark: number, refused: Refused): Promise<boolean> {
    const sessions = [...page.keys()];
    const handings = [...page.values()].flat().flatMap(({ handing }) => handing ?? []);
    const fences = this.#fences(queue, page, handings, mark);
    try {
      const entries = await this.#state.get(
        queue,
        fences.map(({ key }) => key),
      );
      const [first, fence] = [entries[0], fences[0]];
      if (first !== undefined && fence?.value !== undefined && same(first.value, fence.value)) {
        written(queue, page, first.version);
        return true;
      }
      const isLost = fences.map(({ expectedVersion }, i) => entries[i]?.version !== expectedVersion);
      [...sharesOf(handings)].forEach((share, i) => {
        if (isLost[sessions.length + i]) share.end();
      });
      sessions.forEach((session, i) => {
        if (!isLost[i]) return;
        page.delete(session);
        refused.sessions.add(session);
      });
    } catch (error) {
      this.#onTrouble(error);
      await pause(this.#clock, RETRY_MS);
    }
    return false;
  }

  #lane(queue: QueueId): Lane {
    const name = queueName(queue);
    const lane = this.#lanes.get(name) ?? { queue, asked: new Map(), busy: false };
    this.#lanes.set(name, lane);
    return lane;
  }
}

const sharesOf = (handings: readonly Handing[]): Set<HandedQueue> => new Set(handings.map((handing) => handing.queue));

/** Takes from a page what is not to be written after all. */
function refuse(page: Page, { asks }: Refused, isRefused: (ask: Ask) => boolean): void {
  for (const [session, part] of page) {
    for (const ask of part) if (isRefused(ask)) asks.add(ask);
    const rest = part.filter((ask) => !asks.has(ask));
    if (rest.length === 0) page.delete(session);
    else page.set(session, rest);
  }
}

/** The page stands in the state queue, and its keys have this version. */
function written(queue: QueueId, page: Page, version: number): void {
  for (const [session, asks] of page) {
    session.fence = version;
    for (const { handing } of asks) {
      handing?.queue.fenced(queue, version);
      handing?.queue.handed(queue, handing.offset);
    }
  }
}
