import type { QueueId } from '@qanat/core';
import { withCheckpoint } from './claims.ts';
import type { InboundExchanges } from './inbound-exchanges.ts';
import type { Liveness } from './liveness.ts';
import type { StateWrite } from './log-client.ts';
import { isConflict, type SessionEntries, type SessionStore, type Versioned } from './session-entries.ts';
import type { KnownSession, SessionMirror } from './session-mirror.ts';
import { expiresAtMs, type SessionRecord } from './session-record.ts';
import { queueName, SESSIONS } from './state-keys.ts';
import { Slots } from './waiting.ts';
import { type Wills, willDueMs } from './wills.ts';

/** Sessions that are worked at, at the same time. */
const WORK_MAX = 64;

export interface StewardScope {
  readonly store: SessionStore;
  readonly mirror: SessionMirror;
  readonly liveness: Liveness;
  readonly wills: Wills;
  readonly inbound: InboundExchanges;
  readonly wallMs: () => number;
  readonly onTrouble: (error: unknown) => void;
}

/**
 * Looks after the sessions that no bridge has: those whose bridge died go offline, wills are published when they are due,
 * sessions end when they expire. Every state queue has one steward; were it two, one of them would be refused.
 */
export class Steward {
  readonly #scope: StewardScope;
  readonly #slots = new Slots(WORK_MAX);

  constructor(scope: StewardScope) {
    this.#scope = scope;
  }

  /** Whether this bridge is the steward of a state queue. */
  isMine = (queue: QueueId): boolean => this.#scope.liveness.isMine(SESSIONS + queueName(queue));

  /** One look at all sessions. */
  async turn(): Promise<void> {
    const { mirror, liveness } = this.#scope;
    const owners = new Set<string>();
    const due: KnownSession[] = [];
    const mine = new Map<string, boolean>();
    for (const session of mirror.sessions.values()) {
      const { owner } = session.record;
      if (owner !== undefined) owners.add(owner);
      if (!this.#isDue(session.record)) continue;
      const name = queueName(session.queue);
      const isMine = mine.get(name) ?? this.isMine(session.queue);
      mine.set(name, isMine);
      if (isMine) due.push(session);
    }
    await Promise.all(due.map((session) => this.#slots.run(() => this.#look(session))));
    await liveness.forget((instance) => owners.has(instance));
  }

  #isDue(record: SessionRecord): boolean {
    const { liveness, wallMs } = this.#scope;
    const { owner, willDueMs } = record;
    if (owner !== undefined) return !liveness.isAlive(owner);
    const now = wallMs();
    return expiresAtMs(record) <= now || (willDueMs > 0 && willDueMs <= now);
  }

  async #look({ queue, record: { clientId } }: KnownSession): Promise<void> {
    const { store, onTrouble } = this.#scope;
    try {
      // The mirror is a little late.
      const found = await store.read(queue, clientId);
      if (found !== undefined && this.#isDue(found.record)) await this.#settle(queue, found);
    } catch (error) {
      if (!isConflict(error)) onTrouble(error);
    }
  }

  async #settle(queue: QueueId, { record, version }: Versioned): Promise<void> {
    const { store, wills, inbound, wallMs } = this.#scope;
    const { clientId } = record;
    const now = wallMs();
    const { record: offline, pointersHold } = this.#offline(record, now);
    const ends = expiresAtMs(offline) <= now;
    const willIsDue = offline.will !== undefined && (ends || offline.willDueMs <= now);
    const forgetWill = willIsDue ? await wills.publish(offline) : undefined;
    // Nothing else is done before: the will has its name by this claim.
    if (willIsDue && forgetWill === undefined) return;
    const entries = await store.entriesOf(queue, record);
    if (ends) {
      await store.end(queue, clientId, version, entries.keys);
      if (record.inbound !== undefined || record.will !== undefined) void inbound.clear(record);
    } else {
      const rest = willIsDue ? { will: undefined, willDueMs: 0 } : {};
      const left = record.owner === undefined ? { record: offline, writes: [] } : this.#left(offline, entries, pointersHold);
      await store.replace(queue, { ...left.record, ...rest }, version, left.writes);
    }
    await forgetWill?.();
  }

  /** Another claim: what the bridge still writes, should it live after all, does not count. */
  #left(offline: SessionRecord, entries: SessionEntries, pointersHold: boolean): { record: SessionRecord; writes: StateWrite[] } {
    const claim = offline.claim + 1;
    const writes = this.#scope.store.restamped(offline.clientId, claim, entries);
    if (pointersHold) return { record: { ...offline, claim }, writes };
    const removals = entries.keys.filter((key) => key.startsWith('p/')).map((key) => ({ key, value: undefined }));
    return { record: { ...offline, claim, pointersFrom: claim }, writes: [...writes, ...removals] };
  }

  /** The record of a session whose bridge has died, as that bridge would have left it. */
  #offline(record: SessionRecord, nowMs: number): { record: SessionRecord; pointersHold: boolean } {
    if (record.owner === undefined) return { record, pointersHold: true };
    const { liveness } = this.#scope;
    const known = withCheckpoint(record, liveness, nowMs);
    // The bridge may have been dead for long when this one began.
    const offlineSinceMs = liveness.servedUntilMs(record.owner, nowMs);
    const offline = { ...known.record, owner: undefined, offlineSinceMs, checkpointsFrom: 0 };
    return { record: { ...offline, willDueMs: willDueMs(offline, offlineSinceMs) }, pointersHold: known.pointersHold };
  }
}
