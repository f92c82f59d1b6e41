import type { Request, ServerSession } from '../../connection/server-session.ts';
import type { EngineHost } from '../../context.ts';
import { type ErrorCode, QanatError } from '../../errors.ts';
import type { Timer } from '../../timers.ts';
import type { MasterRoute } from '../../wire/gen/registration-messages.ts';
import { ReplicaRole } from '../../wire/gen/registry.ts';
import type { GroupRecord, Replica as Member } from '../../wire/gen/replication-messages.ts';
import type { ReplicationOptions } from '../broker-options.ts';
import type { ReplicationFigures } from '../figures.ts';
import type { CommitLog } from '../log/commit-log.ts';
import { runTask } from '../log/storage-task.ts';
import type { Term } from '../term.ts';
import type { GroupRegister, RecordFound } from './group-register.ts';
import { MasterReplica } from './master.ts';
import { beginLife, type ReplicaLife } from './replica-file.ts';
import { type SlaveParts, SlaveReplica } from './slave.ts';

/** Between two questions for the record of the group, and between two attempts to put one. */
const ASK_AGAIN_MS = 200;

export interface ReplicaParts {
  readonly host: EngineHost;
  readonly settings: Required<ReplicationOptions>;
  /** Name of the broker group. */
  readonly broker: string;
  readonly flush: 'sync' | 'async';
  readonly log: CommitLog;
  readonly term: Term;
  readonly register: GroupRegister;
  /** Makes the connection of a slave to its master. */
  readonly link: SlaveParts['link'];
  /** Where the master listens, as this broker reaches it. */
  readonly addressOf: (route: MasterRoute) => string | undefined;
  readonly events: ReplicaEvents;
}

export interface ReplicaEvents {
  /** Its term is committed: it takes messages. */
  leads(): void;
  /** It is a slave from now on; nothing that was staged counts any more. */
  stoodDown(): void;
  /** What NameServers are told is another. */
  changed(): void;
}

/** What the replica does now. A `rising` one is master on record, and waits until its term is committed. */
type State = 'opening' | 'undecided' | 'slave' | 'rising' | 'master' | 'halted' | 'stopped';

/** What a replica is in its group, and how it becomes another thing (spec, chapter of replication: roles). */
export class Replica {
  readonly #parts: ReplicaParts;
  #state: State = 'opening';
  /** For people: what it waits for. */
  #waitsFor = '';
  #life: ReplicaLife | undefined;
  #master: MasterReplica | undefined;
  #slave: SlaveReplica | undefined;
  /** The newest master that was heard of. */
  #route: MasterRoute | undefined;
  /** The highest term on record, or in which a master was heard of. */
  #knownTerm = 0;
  #timer: Timer | undefined;

  constructor(parts: ReplicaParts) {
    this.#parts = parts;
  }

  /** What its group knows it as: master from the moment at which that is on record; undefined while it does not know itself. */
  get role(): ReplicaRole | undefined {
    if (this.#master !== undefined) return ReplicaRole.MASTER;
    return this.#state === 'slave' || this.#state === 'halted' ? ReplicaRole.SLAVE : undefined;
  }

  /** Of the newest master that it knows. */
  get term(): number {
    return this.#master?.record.term ?? this.#highestTerm();
  }

  get leads(): boolean {
    return this.#state === 'master';
  }

  /** It may serve what its log says. */
  get serves(): boolean {
    return this.#state === 'master' || this.#state === 'slave';
  }

  /** Enough replicas are in sync for a message that has to be committed. */
  get enoughInSync(): boolean {
    return this.#master?.enoughInSync ?? false;
  }

  /** What it does now, for people. */
  get state(): string {
    return this.#waitsFor === '' ? this.#state : `${this.#state}: waits for ${this.#waitsFor}`;
  }

  // ---- life ----

  /** Before the log is opened. `storeId`: of the group's log, for a slave whose store is empty. Errors: STORE_IO, CORRUPT_LOG. */
  prepare(done: (error: QanatError | undefined, storeId: Uint8Array | undefined) => void): void {
    const { host, settings } = this.#parts;
    runTask(host, beginLife(host.random), (error, life) => {
      if (life === undefined) return done(error, undefined);
      this.#life = life;
      if (!life.isEmpty) return done(undefined, undefined);
      return this.#ask((record) => {
        if (record === undefined && settings.role === 'slave') return false;
        done(undefined, record?.storeId);
        return true;
      }, 'a master of its group on record');
    });
  }

  /** The log is open. */
  start(): void {
    const { host, term } = this.#parts;
    term.onNearlyUsedUp = () => host.timers.at(host.nowMs(), () => this.#renewTerm());
    this.#decide();
  }

  stop(): void {
    this.#state = 'stopped';
    this.#timer?.cancel();
    this.#master?.stop();
    this.#slave?.stop();
  }

  // ---- what it hears ----

  /** A NameServer tells where the master is. */
  masterSeen(route: MasterRoute): void {
    const { settings } = this.#parts;
    if (this.#state === 'stopped' || route.term < this.#knownTerm) return;
    this.#route = route;
    this.#knownTerm = route.term;
    if (route.replica === settings.replica) return;
    if (this.#master !== undefined && route.term > this.#master.record.term)
      this.#standDown(`replica ${route.replica} is master in term ${route.term}`);
    else this.#follow();
  }

  /** A higher term is known. */
  fenced(): void {
    if (this.#master !== undefined) this.#standDown('another replica is master');
  }

  /** The log's written or stored position has moved. */
  logProgressed(): void {
    this.#master?.logProgressed();
    this.#slave?.logProgressed();
  }

  logRolledBack(): void {
    this.#slave?.logRolledBack();
  }

  sessionDrained(session: ServerSession): void {
    this.#master?.sessionDrained(session);
  }

  sessionClosed(session: ServerSession): void {
    this.#master?.sessionClosed(session);
  }

  // ---- frames ----

  /** @returns whether the frame is of replication. @throws QanatError which is the answer. */
  handle(request: Request): boolean {
    switch (request.name) {
      case 'REPLICATE':
        this.#replicate(request as Request<'REPLICATE'>);
        return true;
      case 'PROMOTE':
        this.#promote(request as Request<'PROMOTE'>);
        return true;
      case 'DEMOTE':
        this.#demote(request as Request<'DEMOTE'>);
        return true;
      case 'BROKER_DESCRIBE':
        this.#describe(request as Request<'BROKER_DESCRIBE'>);
        return true;
      default:
        return false;
    }
  }

  /** Why a frame that only masters serve is refused. */
  refusal(): QanatError {
    const { broker, settings } = this.#parts;
    const name = `replica ${settings.replica} of broker ${broker}`;
    if (this.#state === 'rising')
      return new QanatError('NOT_READY', `${name} becomes master: ${this.state}`, { retryAfterMs: ASK_AGAIN_MS });
    const master = this.#route === undefined ? 'no master is known' : `the master is replica ${this.#route.replica}`;
    return new QanatError('NOT_MASTER', `${name} is a slave, ${master}`);
  }

  figures(): ReplicationFigures {
    const { log, settings } = this.#parts;
    const { storedPosition: stored, committedPosition: committed } = log;
    const followers = this.#master?.describe() ?? [];
    const slowest = Math.min(...followers.map((one) => one.stored ?? 0));
    return {
      replica: settings.replica,
      role: this.role === ReplicaRole.MASTER ? 'master' : 'slave',
      state: this.state,
      stored,
      committed,
      inSync: followers.filter(({ inSync }) => inSync === true).length,
      minInSync: settings.minInSync,
      lagBytes: this.#master === undefined ? 0 : Math.max(0, stored - slowest),
    };
  }

  #replicate(request: Request<'REPLICATE'>): void {
    if (this.#master === undefined) throw new QanatError('NOT_MASTER', this.refusal().message);
    this.#master.replicate(request);
  }

  #promote(request: Request<'PROMOTE'>): void {
    if (this.#master !== undefined) return request.respond({ term: this.#master.record.term });
    if (this.#state !== 'slave')
      throw new QanatError('NOT_READY', `the replica is ${this.state}`, { retryAfterMs: ASK_AGAIN_MS });
    const { acceptLoss } = request.header;
    const { register, settings } = this.#parts;
    return register.get((found) => {
      const { record } = found;
      if (this.#state !== 'slave') return request.fail(new QanatError('NOT_READY', `the replica is ${this.state}`));
      const behind = acceptLoss ? undefined : this.#behind(found);
      if (behind !== undefined) return request.fail(behind);
      const others = acceptLoss ? [] : (record?.inSync.filter(({ replica }) => replica !== record.master) ?? []);
      const next = this.#nextRecord(
        record,
        others.filter(({ replica }) => replica !== settings.replica),
      );
      return this.#rise(next, (failure) =>
        failure === undefined ? request.respond({ term: next.term }) : request.fail(failure),
      );
    });
  }

  /** Why this replica may lack something that is committed. */
  #behind({ record, complete }: RecordFound): QanatError | undefined {
    const behind = (why: string): QanatError => new QanatError('REPLICA_BEHIND', why);
    if (!complete) return behind('not all NameServers tell who is in sync: one that is missing may know better');
    if (record === undefined) return behind('nothing is on record of this group');
    if (this.#isOf(record)) return undefined;
    const members = record.inSync.map(({ replica }) => replica).join(', ');
    return behind(`in sync are, in term ${record.term}, the replicas ${members}`);
  }

  #demote(request: Request<'DEMOTE'>): void {
    if (this.#master !== undefined) this.#standDown('an operator demoted it');
    request.respond({});
  }

  #describe(request: Request<'BROKER_DESCRIBE'>): void {
    const { broker, settings, log, flush } = this.#parts;
    request.respond({
      broker,
      replica: settings.replica,
      role: this.role,
      term: this.term,
      logEnd: log.endPosition,
      stored: log.storedPosition,
      committed: log.committedPosition,
      oldest: log.oldestPosition,
      flushAsync: flush === 'async',
      minInSync: settings.minInSync,
      replicas: this.#master?.describe() ?? [],
      following: this.#slave?.following?.address ?? '',
      state: this.state,
    });
  }

  // ---- who is master ----

  /** Asks for the record until `decide` can do with what is known. */
  #ask(decide: (record: GroupRecord | undefined, complete: boolean) => boolean, what: string): void {
    const { host, register } = this.#parts;
    register.get(({ record, complete }) => {
      if (this.#state === 'stopped') return;
      this.#knownTerm = Math.max(this.#knownTerm, record?.term ?? 0);
      const before = this.#waitsFor;
      this.#waitsFor = '';
      // That there is no record only all of its keepers can say.
      if ((complete || record !== undefined) && decide(record, complete)) return;
      if (before !== what) host.log('info', 'replication.waits', { for: what });
      this.#waitsFor = what;
      this.#timer = host.timers.at(host.nowMs() + ASK_AGAIN_MS, () => this.#ask(decide, what));
    });
  }

  #decide(): void {
    const { settings } = this.#parts;
    this.#state = 'undecided';
    this.#ask((record, complete) => {
      if (record === undefined ? settings.role === 'slave' : record.master !== settings.replica || !this.#isOf(record)) {
        this.#beSlave();
        return true;
      }
      const others = record?.inSync.filter(({ replica }) => replica !== settings.replica) ?? [];
      // Alone in a record that may be old it could commit what nobody else has; with others it needs them to.
      if (!complete && others.length === 0) return false;
      this.#rise(this.#nextRecord(record, others), (error) => {
        if (error !== undefined) this.#beSlave();
      });
      return true;
    }, 'all NameServers to tell what is on record');
  }

  /** Whether the record says that this replica has everything that is committed. */
  #isOf({ inSync }: GroupRecord): boolean {
    const { settings, flush } = this.#parts;
    const { incarnation, earlier } = this.#life as ReplicaLife;
    // What was stored in an earlier life is there still, but where it was only written (flush async).
    const lives = flush === 'sync' || inSync.length === 1 ? [incarnation, ...earlier] : [incarnation];
    return inSync.some((member) => member.replica === settings.replica && lives.includes(member.incarnation));
  }

  #nextRecord(record: GroupRecord | undefined, others: readonly Member[]): GroupRecord {
    const { log, settings } = this.#parts;
    const { incarnation } = this.#life as ReplicaLife;
    const inSync = [{ replica: settings.replica, incarnation }, ...others].sort((a, b) => a.replica - b.replica);
    return { storeId: log.storeId, term: this.#highestTerm(record) + 1, master: settings.replica, version: 1, inSync };
  }

  #highestTerm(record?: GroupRecord): number {
    const { log, term } = this.#parts;
    const ofLog = this.#state === 'opening' ? 0 : log.written.term;
    return Math.max(record?.term ?? 0, ofLog, term.current, this.#knownTerm);
  }

  /** Has it on record that this replica is master; then it is. `done` comes once, with TERM_FENCED where another was quicker. */
  #rise(record: GroupRecord, done: (error: QanatError | undefined) => void): void {
    const { host, register } = this.#parts;
    this.#state = 'rising';
    this.#slave?.stop();
    this.#slave = undefined;
    register.put(record, (error) => {
      if (this.#state !== 'rising') return;
      if (error === undefined) {
        this.#lead(record);
        done(undefined);
      } else if (error.code === 'TERM_FENCED') {
        done(error);
        this.#beSlave();
      } else this.#timer = host.timers.at(host.nowMs() + ASK_AGAIN_MS, () => this.#rise(record, done));
    });
  }

  #lead(record: GroupRecord): void {
    const { host, log, register, broker, settings, events } = this.#parts;
    this.#master = new MasterReplica({
      host,
      log,
      register,
      broker,
      record,
      incarnation: (this.#life as ReplicaLife).incarnation,
      minInSync: settings.minInSync,
      lagMs: settings.lagMs,
      fenced: () => this.fenced(),
    });
    this.#waitsFor = record.inSync.length > 1 ? 'the replicas in sync to commit its term' : '';
    host.log('info', 'replication.rises', { term: record.term, members: record.inSync.map(({ replica }) => replica).join(' ') });
    events.changed();
    this.#beginTerm(record);
  }

  #beginTerm(record: GroupRecord): void {
    const { host, term, events } = this.#parts;
    term.begin((error) => {
      if (this.#master?.record.term !== record.term || this.#state !== 'rising') return;
      if (error !== undefined) {
        host.log('error', 'broker.term.failed', { error: error.message });
        this.#timer = host.timers.at(host.nowMs() + ASK_AGAIN_MS, () => this.#beginTerm(record));
        return;
      }
      this.#state = 'master';
      this.#waitsFor = '';
      host.log('info', 'replication.leads', { term: record.term });
      events.leads();
    }, record.term);
  }

  /** Each term of a group is on record: its master has another one given to itself. */
  #renewTerm(): void {
    if (this.#state !== 'master') return;
    this.#standDown('the numbers of its term are used up');
    this.#decide();
  }

  // ---- being a slave ----

  #standDown(why: string): void {
    const { host, log, events } = this.#parts;
    host.log('warn', 'replication.stands-down', { term: this.#master?.record.term, why });
    this.#master?.stop();
    this.#master = undefined;
    log.stepDown(new QanatError('MASTER_CHANGED', `this replica is no longer master: ${why}`));
    events.stoodDown();
    this.#beSlave();
    events.changed();
  }

  #beSlave(): void {
    const { host, log, broker, settings, link } = this.#parts;
    this.#state = 'slave';
    this.#waitsFor = '';
    this.#slave ??= new SlaveReplica({
      host,
      log,
      broker,
      replica: settings.replica,
      incarnation: (this.#life as ReplicaLife).incarnation,
      term: this.#highestTerm(),
      link,
      onHalted: (error) => this.#halt(error.code, error.message),
      // The next heartbeat brings another route.
      onTermSeen: () => {},
      onTooOld: (oldest) => this.#halt('NOT_YET', `the master's log begins at position ${oldest}, behind the end of this one`),
    });
    this.#follow();
  }

  #follow(): void {
    const { settings, addressOf } = this.#parts;
    if (this.#slave === undefined || this.#route === undefined || this.#route.replica === settings.replica) return;
    const address = addressOf(this.#route);
    if (address !== undefined) this.#slave.follow({ replica: this.#route.replica, term: this.#route.term, address });
  }

  #halt(code: ErrorCode, why: string): void {
    this.#state = 'halted';
    this.#waitsFor = 'an operator';
    this.#slave?.stop();
    this.#slave = undefined;
    this.#parts.host.log('error', 'replication.halted', { code, error: why, hint: 'start this replica with an empty store' });
  }
}
