import type { EngineHost } from '../../context.ts';
import type { Timer } from '../../timers.ts';
import { LIMITS } from '../../wire/gen/registry.ts';
import type { GroupRecord, Replica } from '../../wire/gen/replication-messages.ts';
import { Follower } from './follower.ts';
import type { GroupRegister } from './group-register.ts';
import type { ReplicaLog } from './replica-log.ts';

/** Back-off between two attempts to put the same record. */
const PUT_AGAIN_MIN_MS = 100;
const PUT_AGAIN_MAX_MS = 2_000;

export interface InSyncSetParts {
  readonly host: EngineHost;
  readonly log: ReplicaLog;
  readonly register: Pick<GroupRegister, 'put'>;
  /** The record of this master's term, as it stands in the register: this replica is its master and one of its set. */
  readonly record: GroupRecord;
  readonly incarnation: number;
  /** With fewer members nothing is committed; the master counts. */
  readonly minInSync: number;
  /** Time that a member may lag behind. */
  readonly lagMs: number;
  /** Another master's record is in the register. */
  readonly fenced: () => void;
  /** The set on record, or the one that holds, has changed. */
  readonly changed: () => void;
}

const isIn = (set: readonly Replica[], { replica, incarnation }: Replica): boolean =>
  set.some((member) => member.replica === replica && member.incarnation === incarnation);

/**
 * Who has everything that is committed. The set is on record, so that a master to come is one of it; it changes by proposals to
 * the register. While one is under way nobody knows which of the two sets stands there: what is committed is then stored by the
 * members of both (spec, chapter of replication).
 */
export class InSyncSet {
  readonly #parts: InSyncSetParts;
  readonly #followers = new Map<number, Follower>();
  /** Where the log of this master ended when its term began: who lacks any of it may lack what was committed before. */
  readonly #termStart: number;
  #onRecord: GroupRecord;
  #proposed: GroupRecord | undefined;
  #failures = 0;
  #again: Timer | undefined;
  #watch: Timer | undefined;
  #stopped = false;

  constructor(parts: InSyncSetParts) {
    this.#parts = parts;
    this.#onRecord = parts.record;
    this.#termStart = parts.log.written.position;
    for (const { replica, incarnation } of this.#slavesOf(parts.record)) {
      const follower = new Follower(replica, incarnation);
      follower.grantTime(parts.host);
      this.#followers.set(replica, follower);
    }
    this.#arm();
  }

  get onRecord(): GroupRecord {
    return this.#onRecord;
  }

  get followers(): Iterable<Follower> {
    return this.#followers.values();
  }

  /** Whether the replica counts: it is of the set on record, or of the one that is proposed. */
  holds(replica: Replica): boolean {
    return isIn(this.#onRecord.inSync, replica) || isIn(this.#proposed?.inSync ?? [], replica);
  }

  /** Members that the record has for certain, whichever of the two it is. */
  get size(): number {
    return Math.min(this.#onRecord.inSync.length, this.#proposed?.inSync.length ?? Number.POSITIVE_INFINITY);
  }

  get enough(): boolean {
    return this.size >= this.#parts.minInSync;
  }

  /** Whether the replica is known, or may become so. */
  hasRoom(replica: number): boolean {
    return this.#followers.has(replica) || this.#followers.size + 1 < LIMITS.REPLICAS_MAX;
  }

  /** A slave for which there is room has stored everything below `stored`, and its log is the master's up to there. */
  heard(replica: number, incarnation: number, stored: number): void {
    const { host, log } = this.#parts;
    let follower = this.#followers.get(replica);
    if (follower?.incarnation !== incarnation) {
      follower = new Follower(replica, incarnation);
      this.#followers.set(replica, follower);
    }
    follower.heard(stored, log.written.position, host);
    this.#consider();
  }

  /** Below it everything is committed; 0 where nothing can be said now. */
  committedPosition(ownStored: number): number {
    if (!this.enough) return 0;
    let position = ownStored;
    for (const member of [...this.#slavesOf(this.#onRecord), ...this.#slavesOf(this.#proposed)]) {
      const follower = this.#followers.get(member.replica);
      position = Math.min(position, follower?.incarnation === member.incarnation ? follower.stored : 0);
    }
    return position;
  }

  /** Asks nothing more of the register, and believes no answer. */
  stop(): void {
    this.#stopped = true;
    this.#again?.cancel();
    this.#watch?.cancel();
  }

  #slavesOf(record: GroupRecord | undefined): readonly Replica[] {
    return record === undefined ? [] : record.inSync.filter(({ replica }) => replica !== record.master);
  }

  /** Proposes another set where the one on record is not what it should be; one proposal at a time. */
  #consider(): void {
    if (this.#proposed !== undefined || this.#stopped) return;
    const { incarnation } = this.#parts;
    const { storeId, term, master, version, inSync } = this.#onRecord;
    const slaves = [...this.#followers.values()]
      .filter((follower) => (isIn(inSync, follower) ? !this.#lags(follower) : this.#joins(follower)))
      .map(({ replica, incarnation }) => ({ replica, incarnation }));
    const wanted = [{ replica: master, incarnation }, ...slaves].sort((a, b) => a.replica - b.replica);
    if (wanted.length === inSync.length && wanted.every((member) => isIn(inSync, member))) return;
    this.#proposed = { storeId, term, master, version: version + 1, inSync: wanted };
    this.#put(this.#proposed);
  }

  #lags(follower: Follower): boolean {
    const { host, lagMs } = this.#parts;
    return host.nowMs() >= (follower.lagsAtMs(lagMs) ?? 0);
  }

  #joins(follower: Follower): boolean {
    return follower.stored >= Math.max(this.#parts.log.committedPosition, this.#termStart) && !this.#lags(follower);
  }

  #put(record: GroupRecord): void {
    const { host, register, changed, fenced } = this.#parts;
    register.put(record, (error) => {
      if (this.#stopped || record !== this.#proposed) return;
      if (error === undefined) this.#confirmed(record);
      else if (error.code === 'TERM_FENCED') fenced();
      else if (error.code === 'REPLICA_BEHIND') this.#withdraw(record);
      else {
        // It may be there, or come there later: until the register says which, nothing else can be proposed.
        const longest = Math.min(PUT_AGAIN_MAX_MS, PUT_AGAIN_MIN_MS * 2 ** Math.min(this.#failures++, 10));
        const delayMs = longest * (0.5 + host.random.fraction() / 2);
        this.#again = host.timers.at(host.nowMs() + delayMs, () => this.#put(record));
      }
    });
    // A register that answers at once has said more by now.
    if (record === this.#proposed) changed();
  }

  /** It is never on record: who was to join has begun another life, and is heard of in it. */
  #withdraw({ inSync }: GroupRecord): void {
    this.#proposed = undefined;
    this.#failures = 0;
    for (const member of inSync) {
      const isNew = !isIn(this.#onRecord.inSync, member);
      if (isNew && this.#followers.get(member.replica)?.incarnation === member.incarnation)
        this.#followers.delete(member.replica);
    }
    this.#arm();
    this.#parts.changed();
  }

  #confirmed(record: GroupRecord): void {
    const { host, changed } = this.#parts;
    this.#onRecord = record;
    this.#proposed = undefined;
    this.#failures = 0;
    const members = record.inSync.map(({ replica }) => replica).join(' ');
    host.log('info', 'replication.in-sync-set', { term: record.term, version: record.version, members });
    this.#consider();
    this.#arm();
    changed();
  }

  /** Looks again when the next member will have lagged for too long. */
  #arm(): void {
    this.#watch?.cancel();
    if (this.#stopped) return;
    const { host, lagMs } = this.#parts;
    const ends = [...this.#followers.values()].filter((follower) => isIn(this.#onRecord.inSync, follower));
    const dueMs = Math.min(...ends.map((follower) => follower.lagsAtMs(lagMs) ?? 0));
    if (dueMs === Number.POSITIVE_INFINITY) return;
    // While a proposal is under way a member may lag already: there is nothing to do before the answer.
    const atMs = Math.max(dueMs, host.nowMs() + (this.#proposed === undefined ? 0 : lagMs));
    this.#watch = host.timers.at(
      atMs,
      () => {
        this.#consider();
        this.#arm();
      },
      { forPeer: true },
    );
  }
}
