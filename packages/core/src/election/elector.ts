import { BackOff } from '../client/back-off.ts';
import { QanatError } from '../errors.ts';
import { GroupRecord, Replica } from '../wire/gen/replication-messages.ts';
import type { Compare, ConsensusPut, ConsensusResults } from './consensus.ts';
import { type ElectorHost, type ElectorOptions, LEASE_TTL_MS, WATCH_MS } from './elector-options.ts';
import { GroupKeys, type GroupView, isSameReplica, readGroup, sameBytes } from './group-view.ts';
import { type GrantedLease, LeaseKeeper } from './lease-keeper.ts';
import { hasAllOf } from './replica-life.ts';

/** So many lives of a lease without a master are told: an election has failed. */
const TOLD_AFTER_TTLS = 2;
/** Waits between two looks at a store that does not answer. */
const AWAY_LEAST_MS = 200;
const AWAY_MOST_MS = 2_000;
/** A race was lost, or a watch failed at once: the wait before the next look. */
const RETRY_MS = 100;

/** Whether this replica leads; `doubtful`: another may have been elected, since the store was not heard for a lease. */
export type Leading = 'no' | 'sure' | 'doubtful';

/**
 * Elects the master of a broker group, for one replica of it, by a consensus store. Safety is in the record alone: it is changed
 * by compare-and-swap, a term has one master, and within its term only that master changes it. The lease says when somebody else
 * may stand, and may end at any instant. While the store is away all stays as it is.
 *
 * It works in rounds, one after the other: read the group, learn from it, do the one step that is due, and otherwise watch. A
 * step whose outcome is unknown needs no care of its own: the next round finds what became of it.
 */
export class Elector {
  readonly #host: ElectorHost;
  readonly #options: ElectorOptions;
  readonly #keys: GroupKeys;
  readonly #me: Replica;
  readonly #ttlMs: number;
  readonly #keeper: LeaseKeeper;
  readonly #backOff: BackOff;
  #view: GroupView | undefined;
  /** The newest that any answer has told. */
  #revision = 0;
  #granted: GrantedLease | undefined;
  /** The term that this replica leads in. */
  #term: number | undefined;
  /** The newest term in which another one leads, as far as it was told of. */
  #followed: number;
  #announced = false;
  #acceptsLoss = false;
  /** Since when nobody leads, and this replica may not; infinite: that was told. */
  #idleSinceMs: number | undefined;
  #halted: QanatError | undefined;
  #away = false;
  #stopped = false;

  constructor(host: ElectorHost, options: ElectorOptions) {
    this.#host = host;
    this.#options = options;
    this.#keys = new GroupKeys(options.cluster, options.group);
    this.#me = { replica: options.replica, incarnation: options.life.incarnation };
    this.#ttlMs = options.leaseTtlMs ?? LEASE_TTL_MS;
    this.#followed = options.ledTerm ?? 0;
    this.#keeper = new LeaseKeeper(host);
    this.#backOff = new BackOff(host.random, AWAY_LEAST_MS, AWAY_MOST_MS);
  }

  start(): void {
    this.#round();
  }

  /** Stands no more, and lets others stand at once where it led. `done` comes when the store knows, or cannot be told. */
  stop(done: () => void): void {
    this.#stopped = true;
    const lease = this.#keeper.lease ?? this.#granted?.lease;
    this.#keeper.drop();
    if (lease === undefined) done();
    else this.#host.consensus({ op: 'revoke', lease }, done);
  }

  get leading(): Leading {
    if (this.#term === undefined) return 'no';
    return this.#host.nowMs() < this.#keeper.deadlineMs ? 'sure' : 'doubtful';
  }

  /** What it does now, for people. */
  describe(): string {
    if (this.#halted !== undefined) return `halted: ${this.#halted.message}`;
    const away = this.#away ? '; the consensus store does not answer' : '';
    if (this.#term !== undefined)
      return `master in term ${this.#term}${this.leading === 'sure' ? '' : ', lease in doubt'}${away}`;
    const record = this.#view?.record?.value;
    if (this.#view?.lease !== undefined && record !== undefined) return `slave of replica ${record.master}${away}`;
    return `no master: ${this.#mayLead() ? 'stands for election' : 'waits for a replica of the in-sync set'}${away}`;
  }

  /** The record lets it be elected: nothing that is committed can be missing here. */
  get stands(): boolean {
    return !this.#acceptsLoss && this.#mayLead();
  }

  /**
   * The operator's word: this replica may be elected whatever the record says, and messages that it lacks are lost. Holds until
   * there is a master. @returns false where there is one: its lease has not ended.
   */
  acceptLoss(): boolean {
    const lease = this.#view?.lease;
    this.#acceptsLoss = this.#term === undefined && (lease === undefined || this.#isFormerLife(lease.holder));
    return this.#acceptsLoss;
  }

  /**
   * Puts a record of the term that this replica leads in; replicas that are new in it have to live still. `done` with undefined:
   * it is on record. TERM_FENCED: a higher term is there. REPLICA_BEHIND: never will it be on record, since one of the new
   * replicas has begun another life. Any other error: unknown; put the identical record again until there is an answer.
   */
  put(record: GroupRecord, done: (error: QanatError | undefined) => void): void {
    const later = (error: QanatError | undefined): void => void this.#host.timers.at(this.#host.nowMs(), () => done(error));
    const bytes = GroupRecord.encode(record);
    if (record.term !== this.#term || this.#view === undefined) return later(fenced(record.term));
    const seen = this.#view.record;
    if (seen !== undefined && sameBytes(seen.bytes, bytes)) return later(undefined);
    const added = record.inSync.filter((one) => !seen?.value.inSync.some((old) => isSameReplica(one, old)));
    const alive = added.map((one) => this.#alive(one));
    const puts = [{ key: this.#keys.record, value: bytes }];
    this.#host.consensus({ op: 'cas', compares: [this.#recordUnchanged(this.#view), ...alive], puts }, (error, result) => {
      const refused = error === undefined && !result.succeeded;
      // A record that was put before and not answered for may be there, so the store is asked in any case.
      this.#read((failed) => done(failed ?? this.#outcome(record, bytes, refused && alive.length > 0, seen?.modRevision)));
    });
  }

  /** What became of a put, after the store was read. */
  #outcome(record: GroupRecord, bytes: Uint8Array, refused: boolean, seenRevision: number | undefined): QanatError | undefined {
    const stored = this.#view?.record;
    if (stored !== undefined && sameBytes(stored.bytes, bytes)) return undefined;
    if (this.#term !== record.term) return fenced(record.term);
    if (refused && stored?.modRevision === seenRevision)
      return new QanatError('REPLICA_BEHIND', 'a replica that was to join the in-sync set has begun another life');
    return new QanatError('OUTCOME_UNKNOWN', 'the record may come into the consensus store yet', { hint: 'put it again' });
  }

  /** One look, and the step that is due. */
  #round(): void {
    if (this.#stopped) return;
    this.#read((error) => {
      if (this.#stopped) return;
      if (error !== undefined) return this.#failed(error);
      this.#answered();
      this.#step(this.#view as GroupView);
    });
  }

  #step(view: GroupView): void {
    if (!this.#announced) return this.#announce(view);
    if (this.#term !== undefined) return view.lease === undefined ? this.#acquire(view, undefined) : this.#watch();
    const free = view.lease === undefined || this.#isFormerLife(view.lease.holder);
    if (free && this.#mayLead()) return this.#acquire(view, this.#candidacy());
    this.#lookIdle(free && view.record !== undefined && this.#halted === undefined);
    this.#watch();
  }

  /** @param idle nobody leads, and this replica may not. When an election has had its time that is told, once. */
  #lookIdle(idle: boolean): void {
    const nowMs = this.#host.nowMs();
    this.#idleSinceMs = idle ? (this.#idleSinceMs ?? nowMs) : undefined;
    if (this.#idleSinceMs === undefined || nowMs - this.#idleSinceMs < TOLD_AFTER_TTLS * this.#ttlMs) return;
    this.#idleSinceMs = Number.POSITIVE_INFINITY;
    this.#host.log('warn', 'election.nobody-stands', {
      why: 'no replica of the in-sync set is there with all that it had stored; this one may lack some of it',
      hint: '"qanat cluster status" tells what can be done',
    });
  }

  /** Reads the group and learns from it. The answer to an earlier question may come behind that to a later one. */
  #read(done: (error: QanatError | undefined) => void): void {
    const revisionBefore = this.#revision;
    this.#host.consensus({ op: 'get', prefix: this.#keys.prefix }, (error, result) => {
      if (this.#stopped) return done(error ?? new QanatError('CLOSED', 'the elector has stopped', { outcome: 'unknown' }));
      done(error ?? this.#take(result, revisionBefore));
    });
  }

  #take(result: ConsensusResults['get'], revisionBefore: number): QanatError | undefined {
    if (result.revision < revisionBefore) return wentBack(`revision ${result.revision} after ${revisionBefore}`);
    if (result.revision < this.#revision) return undefined;
    const view = readGroup(this.#keys, this.#me.replica, result);
    if (QanatError.is(view)) return view;
    if (isOlder(view, this.#view)) return wentBack('a record that was replaced before');
    this.#revision = view.revision;
    this.#learn(view);
    return undefined;
  }

  #learn(view: GroupView): void {
    this.#view = view;
    const { own, record, lease } = view;
    if (lease !== undefined && !this.#isFormerLife(lease.holder)) this.#acceptsLoss = false;
    if (own !== undefined && sameBytes(own.value, Replica.encode(this.#me))) this.#announced = true;
    else if (own === undefined) this.#announced = false;
    else if (this.#announced) return this.#taken();
    if (record !== undefined && this.#announced) this.#learnRecord(record.value);
    if (this.#term !== undefined) this.#adoptLease(view);
  }

  #learnRecord(record: GroupRecord): void {
    const { events } = this.#options;
    const mine = record.master === this.#me.replica;
    const isBroken = this.#isLastAndBroken(record);
    if (this.#term !== undefined) {
      if (record.term <= this.#term) return;
      this.#term = undefined;
      this.#followed = record.term;
      this.#keeper.drop();
      events.onSuperseded(record.term, record);
    } else if (mine && record.term > this.#followed && record.inSync.some((one) => isSameReplica(one, this.#me)))
      this.#lead(record);
    else if ((!mine || !(this.#mayLead() || isBroken)) && record.term > this.#followed) {
      // It may be the master of the record itself, in a life before which it has lost something: as good as a slave.
      this.#followed = record.term;
      this.#acceptsLoss = false;
      this.#halted = undefined;
      events.onFollow(record);
    }
    if (this.#halted === undefined && isBroken) this.#halt(record);
  }

  /** Nobody else writes a record with this life of this replica as master, so it was elected, whatever it heard of that. */
  #lead(record: GroupRecord): void {
    this.#term = record.term;
    this.#acceptsLoss = false;
    this.#halted = undefined;
    this.#options.events.onLead(record.term, record);
  }

  #adoptLease({ lease }: GroupView): void {
    if (lease?.id === undefined || lease.id === this.#keeper.lease || !isSameReplica(lease.holder, this.#me)) return;
    const granted = this.#granted?.lease === lease.id ? this.#granted : undefined;
    // Of a lease that is not the last one granted nothing is known but that it was alive.
    this.#keeper.hold(granted ?? { lease: lease.id, ttlMs: this.#ttlMs, sentMs: this.#host.nowMs() - this.#ttlMs });
  }

  /** Tells the store of this life, so that nobody takes it for a former one any more. */
  #announce({ own }: GroupView): void {
    const key = this.#keys.replica(this.#me.replica);
    const compare: Compare = own === undefined ? { key, is: 'absent' } : { key, is: 'unchanged', modRevision: own.modRevision };
    this.#swap([compare], [{ key, value: Replica.encode(this.#me) }], () => {});
  }

  /** Takes the lease; with a record, takes the lead by it. */
  #acquire(view: GroupView, record: GroupRecord | undefined): void {
    const sentMs = this.#host.nowMs();
    this.#host.consensus({ op: 'grant', ttlMs: this.#ttlMs }, (error, result) => {
      if (error !== undefined) return this.#failed(error);
      const granted: GrantedLease = { ...result, sentMs };
      this.#granted = granted;
      if (this.#stopped) return this.#revoke(granted);
      const compares = [this.#leaseUnchanged(view), this.#recordUnchanged(view), this.#alive(this.#me)];
      const puts: ConsensusPut[] = [{ key: this.#keys.lease, value: Replica.encode(this.#me), lease: granted.lease }];
      if (record !== undefined) puts.push({ key: this.#keys.record, value: GroupRecord.encode(record) });
      this.#swap(compares, puts, () => this.#revoke(granted));
    });
  }

  /** A compare-and-swap, and the next round. `lost`: it is certain that nothing was done. */
  #swap(compares: readonly Compare[], puts: readonly ConsensusPut[], lost: () => void): void {
    this.#host.consensus({ op: 'cas', compares, puts }, (error, result) => {
      if (error === undefined && !result.succeeded) lost();
      if (error !== undefined) this.#failed(error);
      else this.#again(result.succeeded ? 0 : RETRY_MS);
    });
  }

  #revoke({ lease }: GrantedLease): void {
    this.#host.consensus({ op: 'revoke', lease }, () => {});
  }

  #watch(): void {
    const { prefix } = this.#keys;
    this.#host.consensus({ op: 'watch', prefix, revision: this.#revision, waitMs: WATCH_MS }, (error) =>
      this.#again(error === undefined ? 0 : RETRY_MS + this.#backOff.next()),
    );
  }

  #again(inMs: number): void {
    if (!this.#stopped) this.#host.timers.at(this.#host.nowMs() + inMs, () => this.#round());
  }

  /** The record that this replica would lead by. */
  #candidacy(): GroupRecord {
    const record = this.#view?.record?.value;
    const term = Math.max(record?.term ?? 0, this.#options.logTerm()) + 1;
    // Who has less than others cannot vouch for them.
    const kept = this.#acceptsLoss ? [] : (record?.inSync ?? []);
    const others = kept.filter(({ replica }) => replica !== this.#me.replica && replica !== record?.master);
    const storeId = this.#options.storeId();
    const version = (record?.version ?? 0) + 1;
    return { storeId, term, master: this.#me.replica, version, inSync: [this.#me, ...others] };
  }

  #mayLead(): boolean {
    if (this.#acceptsLoss) return true;
    const record = this.#view?.record?.value;
    if (record === undefined) return this.#options.createsRecord;
    return sameBytes(record.storeId, this.#options.storeId()) && record.inSync.some((one) => this.#hasAllOf(one));
  }

  #hasAllOf(member: Replica): boolean {
    const { replica, life } = this.#options;
    return hasAllOf(member, replica, life);
  }

  #isLastAndBroken({ inSync }: GroupRecord): boolean {
    const [only, ...others] = inSync;
    return only?.replica === this.#me.replica && others.length === 0 && !this.#acceptsLoss && !this.#hasAllOf(only);
  }

  /** A process that is gone: it had the store of this replica open, which only one can have. */
  #isFormerLife(holder: Replica): boolean {
    return holder.replica === this.#me.replica && holder.incarnation !== this.#me.incarnation;
  }

  #halt({ term }: GroupRecord): void {
    const why = `this replica alone had everything that was committed in term ${term}, and may have lost some of it`;
    this.#halted = new QanatError('RECOVERY_REQUIRED', why);
    this.#options.events.onHalted(this.#halted, term);
  }

  #taken(): void {
    const { replica } = this.#me;
    this.#halted = new QanatError('REPLICA_TAKEN', `another process has begun a life of replica ${replica} of this group`);
    this.#term = undefined;
    this.stop(() => {});
    this.#options.events.onHalted(this.#halted, this.#view?.record?.value.term ?? 0);
  }

  #failed(error: QanatError): void {
    if (this.#stopped) return;
    if (!this.#away) {
      const { code, message, hint } = error;
      this.#host.log('warn', 'consensus store away', { error: code, message, hint });
    }
    this.#away = true;
    this.#again(this.#backOff.next());
  }

  #answered(): void {
    if (this.#away) this.#host.log('info', 'consensus store back');
    this.#away = false;
    this.#backOff.reset();
  }

  #alive(replica: Replica): Compare {
    return { key: this.#keys.replica(replica.replica), is: 'equal', value: Replica.encode(replica) };
  }

  #recordUnchanged({ record }: GroupView): Compare {
    const key = this.#keys.record;
    return record === undefined ? { key, is: 'absent' } : { key, is: 'unchanged', modRevision: record.modRevision };
  }

  #leaseUnchanged({ lease }: GroupView): Compare {
    const key = this.#keys.lease;
    return lease === undefined ? { key, is: 'absent' } : { key, is: 'unchanged', modRevision: lease.modRevision };
  }
}

const fenced = (term: number): QanatError => new QanatError('TERM_FENCED', `this replica does not lead in term ${term} any more`);

function isOlder({ record }: GroupView, before: GroupView | undefined): boolean {
  const [now, then] = [record?.value, before?.record?.value];
  if (then === undefined) return false;
  return now === undefined || now.term < then.term || (now.term === then.term && now.version < then.version);
}

const wentBack = (what: string): QanatError =>
  new QanatError('NOT_READY', `the consensus store has forgotten what it had said: ${what}`, {
    hint: 'it was restored from a backup? Restart the brokers of the group, the master first',
  });
