import { type Clock, QanatError, type QueueId } from '@qanat/core';
import type { Backlog, Claimed, ClaimRefusal, ClaimRequest, ClusterEvents, Standing, Suspension } from '../ports.ts';
import { backlogEntries } from './backlog.ts';
import { ClaimSlots } from './claim-slots.ts';
import { type ClaimResult, type ClaimScope, claimSession } from './claims.ts';
import { CLAIM_MS, FINISHED_EXCHANGES_MAX, RETRY_MS, STUCK_SESSION_MS } from './limits.ts';
import { isFleeting, type LocalSession, type Saving, sameEntries } from './local-session.ts';
import type { StateWrite } from './log-client.ts';
import type { OutboundExchanges } from './outbound-exchanges.ts';
import { outcomeOf } from './outbox.ts';
import { isKept } from './selector.ts';
import { encodeFence, isConflict } from './session-entries.ts';
import type { KnownSession } from './session-mirror.ts';
import type { SessionRecord } from './session-record.ts';
import { fenceKey, sessionKey } from './state-keys.ts';
import { StraySessions } from './stray-sessions.ts';
import { pause, Sequences } from './waiting.ts';
import { willDueMs } from './wills.ts';

export interface SessionsScope extends ClaimScope {
  readonly clock: Clock;
  readonly outbound: OutboundExchanges;
  readonly events: () => ClusterEvents;
  readonly onTrouble: (error: unknown) => void;
}

const NO_POINTERS: ReadonlyMap<string, Uint8Array> = new Map();

/**
 * The sessions of this bridge: claimed, saved while they are online, suspended. Calls for one client take effect in their
 * order.
 */
export class Sessions {
  readonly #scope: SessionsScope;
  readonly #local = new Map<string, LocalSession>();
  readonly #sequences = new Sequences();
  readonly #claims: ClaimSlots;
  /** To be swept now and then. */
  readonly strays: StraySessions;
  /** Sessions that are going offline, and are not saved yet. */
  readonly #leaving = new Set<Promise<void>>();
  #epochs = 0;
  #checkpoints = 0;
  #closed = false;

  constructor(scope: SessionsScope) {
    this.#scope = scope;
    this.#claims = new ClaimSlots(scope.clock);
    this.strays = new StraySessions({
      ...scope,
      slots: this.#claims,
      sequences: this.#sequences,
      has: (key) => this.#local.has(key),
    });
    scope.outbound.ownedBy({ fence: (session) => this.#fence(session), fenced: (session) => this.#lost(session) });
    scope.inbound.ownedBy({
      has: (session) => this.#has(session),
      name: (session, name) => this.#name(session, name),
      confirm: (session) => this.#confirm(session),
    });
    scope.mirror.listen((key, now, version) => this.#changed(key, now, version));
  }

  /** Sessions that this bridge has. */
  get size(): number {
    return this.#local.size;
  }

  /** The session, where it is still that of this epoch. */
  get(clientId: string, epoch: number): LocalSession | undefined {
    const session = this.#local.get(sessionKey(clientId));
    return session?.epoch === epoch ? session : undefined;
  }

  /** The session of a client, where this bridge has it. */
  of(clientId: string): LocalSession | undefined {
    return this.#local.get(sessionKey(clientId));
  }

  claim(request: ClaimRequest, done: (claimed: Claimed | ClaimRefusal) => void): void {
    const { clock, onTrouble } = this.#scope;
    // A fleet that connects needs none: most claims wait for nothing that may take for ever.
    let controller: AbortController | undefined;
    let waiting = true;
    const end = (result: Claimed | ClaimRefusal): void => {
      waiting = false;
      cancel();
      if (typeof result === 'string') controller?.abort();
      if (!this.#closed) done(result);
    };
    const cancel = clock.at(clock.nowMs() + CLAIM_MS, () => end('unavailable'));
    const wanted = (): boolean => waiting && request.wanted();
    const ended = (): AbortSignal => {
      controller ??= new AbortController();
      if (!waiting) controller.abort();
      return controller.signal;
    };
    const epoch = ++this.#epochs;
    const work = async (queue: QueueId): Promise<void> => {
      if (!wanted()) throw new QanatError('TIMEOUT', `${request.clientId} does not wait any more`);
      const result = await claimSession(this.#scope, { ...request, queue, wanted, ended }, epoch);
      if (result === undefined) {
        if (waiting) end('not-authorized');
      } else if (waiting) this.#begin(result, end);
      else await this.#release(result);
    };
    this.#sequences
      .run(request.clientId, async () => {
        const queue = await this.#scope.store.queueOf(request.clientId);
        await this.#claims.run(queue, () => work(queue));
      })
      .catch((error: unknown) => {
        // Of a broker that is away others tell: not each device that has left, or was told so already.
        if (!this.#closed && wanted()) onTrouble(error);
        const outcome = outcomeOf(error);
        if (waiting) end(outcome === 'not-authorized' || outcome === 'quota-exceeded' ? outcome : 'unavailable');
      });
  }

  subscribed(clientId: string, epoch: number, { subscriptions, backlog }: Standing, done: (ok: boolean) => void): void {
    const asked = this.get(clientId, epoch);
    // What the subscriptions before have selected up to here.
    const saving = asked && !isFleeting(asked) ? this.#savingOf(asked, backlog, this.#scope.tails.cursor()) : undefined;
    const work = async (): Promise<boolean> => {
      const session = this.get(clientId, epoch);
      if (session === undefined) return false;
      const record = { ...session.record, subscriptions };
      if (saving === undefined) session.record = record;
      else await this.#write(session, { ...record, checkpointsFrom: 0 }, saving);
      return true;
    };
    this.#sequences.run(clientId, work).then(
      (ok) => {
        if (!this.#closed) done(ok);
      },
      (error: unknown) => {
        if (this.#closed) return;
        if (!isConflict(error)) this.#scope.onTrouble(error);
        done(false);
      },
    );
  }

  suspend(clientId: string, epoch: number, suspension: Suspension): void {
    const session = this.get(clientId, epoch);
    if (session === undefined) return;
    this.#leave(session);
    const cursor = this.#scope.tails.cursor();
    const wallMs = this.#scope.wallMs();
    const leaving = this.#sequences
      .run(clientId, () => this.#persist(() => this.#suspend(session, suspension, cursor, wallMs)))
      .finally(() => this.#leaving.delete(leaving));
    this.#leaving.add(leaving);
  }

  /**
   * Saves what a crash of this bridge would lose: of the sessions that have something unsettled where it lies. With the others
   * it is enough to know how far the tails are. Complete once every session is safe. @throws QanatError.
   */
  async checkpoint(): Promise<void> {
    const number = ++this.#checkpoints;
    const cursor = this.#scope.tails.cursor();
    const unsettled = new Map<LocalSession, Backlog>();
    for (const { clientId, epoch, backlog } of this.#scope.events().unsettled()) {
      const session = this.get(clientId, epoch);
      if (session !== undefined) unsettled.set(session, backlog);
    }
    const saves: Promise<void>[] = [];
    for (const session of this.#local.values()) {
      if (isFleeting(session) || !session.live) continue;
      const backlog = unsettled.get(session);
      const save = this.#savingOf(session, backlog, cursor);
      if (this.#isDue(session, save, backlog === undefined))
        saves.push(this.#save(session, save, backlog === undefined ? number : 0));
    }
    // Those that are on their way offline are nobody's in the end, but until then this checkpoint would count for them.
    await Promise.all(saves);
    await Promise.all(this.#leaving);
    this.#scope.liveness.completed({ number, positions: cursor });
  }

  /**
   * Resolves when what was asked for is done; after CLAIM_MS without: a broker is away. @returns whether every session has left
   * and is saved; otherwise others will find them as those of a bridge that died.
   */
  async close(): Promise<boolean> {
    const { clock } = this.#scope;
    const untilMs = clock.nowMs() + CLAIM_MS;
    while (this.#sequences.size > 0 && clock.nowMs() < untilMs)
      await Promise.race([this.#sequences.settled(), pause(clock, untilMs - clock.nowMs())]);
    this.#closed = true;
    return this.#local.size === 0 && this.#sequences.size === 0;
  }

  #begin({ session, end }: ClaimResult, tell: (claimed: Claimed) => void): void {
    const key = sessionKey(session.clientId);
    const before = this.#local.get(key);
    if (before !== undefined) this.#leave(before);
    const claimed = end();
    this.#local.set(key, session);
    this.#scope.outbound.resumed(session, claimed.backlog.exchanges);
    session.live = true;
    tell(claimed);
    // What the watch told while the backlog was gathered.
    const known = this.#scope.mirror.sessions.get(key);
    if (known !== undefined) this.#changed(key, known, known.version);
  }

  /** The claim took too long: nobody waits for it any more. */
  async #release({ session, end }: ClaimResult): Promise<void> {
    const { backlog } = end();
    const { expiryInterval } = session.record;
    const suspension = { expiryInterval, discardWill: true, backlog };
    await this.#suspend(session, suspension, this.#scope.tails.cursor(), this.#scope.wallMs());
  }

  async #suspend(
    session: LocalSession,
    { expiryInterval, discardWill, backlog }: Suspension,
    cursor: ReadonlyMap<string, number>,
    wallMs: number,
  ): Promise<void> {
    const { record: former } = session;
    const will = discardWill ? undefined : former.will;
    const record: SessionRecord = {
      ...former,
      owner: undefined,
      offlineSinceMs: wallMs,
      expiryInterval,
      subscriptions: expiryInterval === 0 ? [] : former.subscriptions,
      will,
      checkpointsFrom: 0,
    };
    const dueMs = willDueMs(record, wallMs);
    const forgetWill = will !== undefined && dueMs <= wallMs ? await this.#scope.wills.publish(record) : undefined;
    const willWaits = will !== undefined && forgetWill === undefined;
    if (expiryInterval === 0 && !willWaits) await this.#end(session);
    else {
      // The steward publishes it when it is due, or tries again.
      const rest = willWaits ? { will, willDueMs: dueMs } : { will: undefined, willDueMs: 0 };
      const saving = { ...this.#savingOf(session, backlog, cursor), exchanges: backlog.exchanges };
      await this.#write(session, { ...record, ...rest }, saving);
    }
    await forgetWill?.();
  }

  async #end(session: LocalSession): Promise<void> {
    const { clientId, queue, version, record, pointers, fence } = session;
    const { store, inbound } = this.#scope;
    const keys = fence > 0 ? (await store.entriesOf(queue, record)).keys : [...pointers.keys()];
    await store.end(queue, clientId, version, keys);
    inbound.ended(session);
  }

  #has(session: LocalSession): boolean {
    return !this.#closed && this.#local.get(sessionKey(session.clientId)) === session;
  }

  /** Before a session's first message of QoS 2: its record names its exchanges from now on. */
  #name(session: LocalSession, name: string): Promise<boolean> {
    const work = async (): Promise<boolean> => {
      if (!this.#has(session)) return false;
      if (session.record.inbound === undefined) await this.#replace(session, { ...session.record, inbound: name }, []);
      return true;
    };
    return this.#sequences.run(session.clientId, work);
  }

  /** Whether the session is still this bridge's, by its record as it is now. @throws QanatError. */
  async #confirm(session: LocalSession): Promise<boolean> {
    if (!this.#has(session)) return false;
    const found = await this.#scope.store.read(session.queue, session.clientId);
    const { owner, claim } = session.record;
    if (found?.record.owner !== owner || found?.record.claim !== claim) this.#lost(session);
    return this.#has(session);
  }

  /** Before the first exchange: its fence stands beside the record. */
  #fence(session: LocalSession): Promise<boolean> {
    const { clientId } = session;
    const work = async (): Promise<boolean> => {
      if (this.#local.get(sessionKey(clientId)) !== session) return false;
      const { record } = session;
      const value = encodeFence(record.claim, 0);
      await this.#replace(session, record, [{ key: fenceKey(clientId, record.claim), value }]);
      session.fence = session.version;
      return true;
    };
    return this.#sequences.run(clientId, work).catch(() => false);
  }

  /** A session as it is now. Exchanges that are under way are stored as they happen. */
  #savingOf(session: LocalSession, backlog: Backlog | undefined, cursor: ReadonlyMap<string, number>): Saving {
    const { record, clientId, finished } = session;
    const pointers = backlog === undefined ? NO_POINTERS : backlogEntries(clientId, record.claim, backlog, this.#scope.queues);
    return { cursor, pointers, exchanges: [], finished: [...finished] };
  }

  /** Whether it is to be saved at a checkpoint: what is saved will not do. */
  #isDue({ record, savedAtMs, pointers: saved }: LocalSession, { pointers, finished }: Saving, isSettled: boolean): boolean {
    if (finished.length > FINISHED_EXCHANGES_MAX) return true;
    if (isSettled) return record.checkpointsFrom === 0 && record.subscriptions.some(isKept);
    const fresh = this.#scope.clock.nowMs() - savedAtMs < STUCK_SESSION_MS;
    return !fresh || record.checkpointsFrom !== 0 || !sameEntries(pointers, saved);
  }

  /** What a session has left must be saved, however long that takes; unless it is another bridge's. */
  async #persist(save: () => Promise<void>): Promise<void> {
    while (!this.#closed) {
      try {
        return await save();
      } catch (error) {
        if (this.#closed || isConflict(error)) return;
        this.#scope.onTrouble(error);
        await pause(this.#scope.clock, RETRY_MS);
      }
    }
  }

  /** Whose session it is not any more has nothing to save. @throws QanatError. */
  #save(session: LocalSession, saving: Saving, checkpointsFrom: number): Promise<void> {
    return this.#sequences.run(session.clientId, async () => {
      if (this.get(session.clientId, session.epoch) !== session) return;
      try {
        await this.#write(session, { ...session.record, checkpointsFrom }, saving);
      } catch (error) {
        if (!isConflict(error)) throw error;
      }
    });
  }

  async #write(session: LocalSession, record: SessionRecord, { cursor, pointers, exchanges, finished }: Saving): Promise<void> {
    const { clientId } = session;
    const others: StateWrite[] = [...pointers].map(([key, value]) => ({ key, value }));
    others.push(...this.#scope.store.exchangeWrites(clientId, record.claim, exchanges));
    for (const key of session.pointers.keys()) if (!pointers.has(key)) others.push({ key, value: undefined });
    // A queue that the tails do not know (yet) keeps its position.
    const merged = new Map([...record.cursor, ...cursor]);
    await this.#replace(session, { ...record, cursor: merged, pointersFrom: record.claim }, others);
    session.pointers = pointers;
    session.savedAtMs = this.#scope.clock.nowMs();
    const saved = new Set(finished);
    session.finished = session.finished.filter((place) => !saved.has(place));
  }

  /** @throws QanatError VERSION_CONFLICT: the session is another bridge's. */
  async #replace(session: LocalSession, record: SessionRecord, others: readonly StateWrite[]): Promise<void> {
    try {
      session.version = await this.#scope.store.replace(session.queue, record, session.version, others);
      session.record = record;
      this.#share(sessionKey(session.clientId), session);
    } catch (error) {
      if (isConflict(error)) this.#lost(session);
      throw error;
    }
  }

  /** The subscriptions of a fleeting session stand in no entry. */
  #share(key: string, session: LocalSession): void {
    const { version, record } = session;
    if (!isFleeting(session) || record.subscriptions.length === 0) this.#scope.mirror.share(key, version, record);
  }

  #changed(key: string, now: KnownSession | undefined, version: number): void {
    const session = this.#local.get(key);
    if (session?.version === version) this.#share(key, session);
    if (session !== undefined && version > session.version) {
      const ours = now?.record.owner === this.#scope.liveness.instance && now.record.claim === session.record.claim;
      if (!ours) this.#lost(session);
    }
    if (now !== undefined) this.strays.changed(key, now);
  }

  /** The session is not this bridge's any more. */
  #lost(session: LocalSession): void {
    const { clientId, epoch } = session;
    if (this.#local.get(sessionKey(clientId)) !== session) return;
    this.#leave(session);
    if (this.#closed) return;
    const nowMs = this.#scope.clock.nowMs();
    if (this.#isTaken(session)) this.#scope.events().takenOver(clientId, epoch, nowMs);
    else this.#scope.events().setOffline(clientId, epoch, nowMs);
  }

  /** Whether a device came for it. Where its record is not known yet, or gone, what this bridge knows of itself decides. */
  #isTaken({ clientId, version }: LocalSession): boolean {
    const known = this.#scope.mirror.sessions.get(sessionKey(clientId));
    if (known !== undefined && known.version > version) return known.record.owner !== undefined;
    return !this.#scope.liveness.wasLate;
  }

  #leave(session: LocalSession): void {
    this.#local.delete(sessionKey(session.clientId));
    this.#scope.outbound.left(session);
  }
}
