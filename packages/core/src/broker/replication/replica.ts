import type { Request, ServerSession } from '../../connection/server-session.ts';
import type { ReplicaLife } from '../../election/replica-life.ts';
import { QanatError } from '../../errors.ts';
import type { MasterRoute } from '../../wire/gen/registration-messages.ts';
import { ReplicaRole } from '../../wire/gen/registry.ts';
import type { GroupRecord } from '../../wire/gen/replication-messages.ts';
import type { ReplicationFigures } from '../figures.ts';
import type { OpenChange } from '../log/commit-log.ts';
import { runTask } from '../log/storage-task.ts';
import { isDamage, LogMending } from './log-mending.ts';
import { MasterReplica } from './master.ts';
import type { Mastership, MastershipEvents } from './mastership.ts';
import { NumberUse } from './number-use.ts';
import { beginLife } from './replica-file.ts';
import type { ReplicaParts } from './replica-parts.ts';
import { isFinal, isSlave, type ReplicaState } from './replica-state.ts';
import { describeReplica, type ReplicaView, replicationFigures } from './replica-view.ts';
import { SlaveReplica } from './slave.ts';
import { SnapshotServer } from './snapshot-server.ts';

/** When a replica that becomes master is asked again, and the log to take the record of its term. */
const AGAIN_MS = 200;

/** What a replica is in its group, and how it becomes another thing (spec, chapter of replication: roles). */
export class Replica implements MastershipEvents {
  readonly #parts: ReplicaParts;
  readonly #mastership: Mastership;
  readonly #mending: LogMending;
  readonly #snapshots: SnapshotServer;
  #state: ReplicaState = 'opening';
  #opened = false;
  /** What halted it; undefined: nothing did. */
  #halted: QanatError | undefined;
  #life: ReplicaLife | undefined;
  #master: MasterReplica | undefined;
  #slave: SlaveReplica | undefined;
  /** It is master by this record as soon as what it cut as a slave is off its log. */
  #elected: GroupRecord | undefined;
  /** The newest master that was heard of. */
  #route: MasterRoute | undefined;
  /** The highest term on record, or in which a master was heard of. */
  #knownTerm = 0;

  constructor(parts: ReplicaParts) {
    this.#parts = parts;
    this.#mastership = parts.mastership(this, () => this.term);
    const { host, platform, broker, link, log, catchUp, events } = parts;
    const otherLeads: Mastership['otherLeads'] = (done) => this.#mastership.otherLeads(done);
    this.#mending = new LogMending({ host, platform, broker, link, otherLeads, restart: (error) => events.fatal(error) });
    this.#snapshots = new SnapshotServer(broker, log, catchUp);
  }

  /** What its group knows it as: master from the moment at which that is on record; undefined while it does not know itself. */
  get role(): ReplicaRole | undefined {
    if (this.#master !== undefined) return ReplicaRole.MASTER;
    // The number is the other process's, at NameServers too.
    if (this.#halted?.code === 'REPLICA_TAKEN') return undefined;
    return isSlave(this.#state) ? ReplicaRole.SLAVE : undefined;
  }

  /** The highest that it knows of. */
  get term(): number {
    const { log, term } = this.#parts;
    const ofLog = this.#opened ? log.written.term : 0;
    return Math.max(this.#master?.record.term ?? 0, ofLog, term.current, this.#knownTerm);
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
    if (this.#state === 'halted') return `halted: ${this.#halted?.message}`;
    const { waitsFor } = this.#mastership;
    return waitsFor === '' ? this.#state : `${this.#state} (${waitsFor})`;
  }

  // ---- life ----

  /** Before the log is opened. `change`: how it is to be. Errors: STORE_IO, CORRUPT_LOG. */
  prepare(done: (error: QanatError | undefined, change?: Partial<OpenChange>) => void): void {
    const { host, settings, flush } = this.#parts;
    runTask(host, beginLife(host.random, flush === 'sync' || settings.intact), (error, begun) => {
      if (begun === undefined) return done(error);
      this.#life = begun.life;
      this.#mending.begun(begun);
      const { beginsAnew } = this.#mending;
      return this.#mastership.prepare(begun.life, begun.isEmpty || beginsAnew, (storeId) => {
        const open = (failed: QanatError | undefined): void => done(failed, this.#mending.opening(storeId));
        if (beginsAnew) return this.#mending.beginAnew(storeId, open);
        return storeId === undefined ? open(undefined) : this.#mending.beginEmpty(storeId, open);
      });
    });
  }

  /** The log could not be opened, or has failed. @param giveUp the process is to be ended, and an operator to look at it. */
  logFailed(error: QanatError, giveUp: (error: QanatError) => void): void {
    if (!isDamage(error) || this.#master !== undefined || this.#life === undefined) return giveUp(error);
    this.#beMending();
    return this.#mending.damaged(error, giveUp);
  }

  /** The log is open. */
  start(): void {
    const { host, log, term } = this.#parts;
    // Each term of a group is on record: its master has another one given to itself.
    const renew = (): void => (this.leads ? this.#mastership.renewTerm() : undefined);
    term.onNearlyUsedUp = () => host.timers.at(host.nowMs(), renew);
    this.#opened = true;
    if (log.whole) return this.#decide();
    this.#state = 'joining';
    return this.#copy();
  }

  /** A part of the log that nobody has asked for is damaged: a slave copies it again, a master must be looked at. */
  logDamaged(error: QanatError): void {
    if (this.#state !== 'slave') return;
    this.#beMending();
    this.#mending.rotten(error);
  }

  /** The log has come to the snapshot that it was begun with. */
  logWhole(): void {
    if (this.#state === 'joining') this.#decide();
  }

  stop(done: () => void): void {
    this.#state = 'stopped';
    this.#master?.stop();
    this.#slave?.stop();
    this.#mending.stop();
    this.#mastership.stop(done);
  }

  // ---- what it hears ----

  /** A NameServer tells where the master is. */
  masterSeen(route: MasterRoute): void {
    if (this.#state === 'stopped' || route.term < this.#knownTerm) return;
    this.#route = route;
    this.#knownTerm = route.term;
    this.#slave?.termSeen(route.term);
    if (route.replica === this.#parts.settings.replica) return;
    const address = this.#parts.addressOf(route);
    if (address !== undefined) this.#mending.masterAt(address);
    if (this.#master !== undefined && route.term > this.#master.record.term)
      this.onStandDown(`replica ${route.replica} is master in term ${route.term}`);
    else this.#follow();
  }

  /** A higher term is known. */
  fenced(): void {
    this.onStandDown('another replica is master');
  }

  /** The log's written or stored position has moved. */
  logProgressed(): void {
    this.#master?.logProgressed();
    this.#slave?.logProgressed();
  }

  logShortened(): void {
    this.#slave?.logShortened();
  }

  sessionDrained(session: ServerSession): void {
    this.#master?.sessionDrained(session);
  }

  sessionClosed(session: ServerSession): void {
    this.#master?.sessionClosed(session);
  }

  // ---- MastershipEvents ----

  onRise(): void {
    this.#state = 'rising';
    this.#slave?.stop();
  }

  onLead(record: GroupRecord): void {
    this.#state = 'rising';
    this.#halted = undefined;
    this.#knownTerm = Math.max(this.#knownTerm, record.term);
    this.#elected = record;
    if (this.#slave?.cutting !== true) this.#lead();
  }

  #lead(): void {
    const { host, log, broker, settings, catchUp, events } = this.#parts;
    const record = this.#elected;
    this.#elected = undefined;
    if (record === undefined || this.#state !== 'rising') return;
    if (record.term < this.#knownTerm) return this.onFollow(this.#knownTerm);
    this.#slave = undefined;
    this.#master = new MasterReplica({
      host,
      log,
      register: this.#mastership.register,
      broker,
      record,
      incarnation: (this.#life as ReplicaLife).incarnation,
      minInSync: settings.minInSync,
      lagMs: settings.lagMs,
      catchUp,
      numbers: settings.mode === 'manual' ? new NumberUse(host, broker) : undefined,
      fenced: () => this.fenced(),
    });
    host.log('info', 'replication.rises', { term: record.term, members: record.inSync.map(({ replica }) => replica).join(' ') });
    events.changed();
    this.#beginTerm(record);
  }

  onFollow(term: number): void {
    this.#knownTerm = Math.max(this.#knownTerm, term);
    if (this.#master !== undefined || isFinal(this.#state)) return;
    this.#elected = undefined;
    // A promotion of it was refused: what it has is as wrong as before.
    if (this.#halted !== undefined) this.#state = 'halted';
    else this.#beSlave();
    this.#parts.events.changed();
  }

  onStandDown(why: string): void {
    const { host, log, events } = this.#parts;
    if (this.#elected !== undefined) return this.onFollow(this.#knownTerm);
    if (this.#master === undefined) return;
    host.log('warn', 'replication.stands-down', { term: this.#master.record.term, why });
    this.#master.stop();
    this.#master = undefined;
    log.stepDown(new QanatError('MASTER_CHANGED', `this replica is no longer master: ${why}`));
    events.stoodDown();
    this.#beSlave();
    events.changed();
  }

  onHalt(error: QanatError, term: number): void {
    // NameServers know no replica of a lower term than it was master in: without it nobody could reach this one to promote it.
    this.#knownTerm = Math.max(this.#knownTerm, term);
    this.#state = 'halted';
    this.#halted = error;
    this.#slave?.stop();
    this.#slave = undefined;
    this.#parts.host.log('error', 'replication.halted', { code: error.code, error: error.message, hint: error.hint });
    this.#parts.events.changed();
  }

  // ---- frames ----

  /** @returns whether the frame is of replication. @throws QanatError which is the answer. */
  handle(request: Request): boolean {
    switch (request.name) {
      case 'REPLICATE':
        this.#replicate(request as Request<'REPLICATE'>);
        return true;
      case 'SNAPSHOT_READ':
        this.#snapshots.read(request as Request<'SNAPSHOT_READ'>, this.#master === undefined ? this.refusal() : undefined);
        return true;
      case 'PROMOTE':
        this.#promote(request as Request<'PROMOTE'>);
        return true;
      case 'DEMOTE':
        this.#demote(request as Request<'DEMOTE'>);
        return true;
      case 'BROKER_DESCRIBE':
        (request as Request<'BROKER_DESCRIBE'>).respond(describeReplica(this.#view));
        return true;
      default:
        return false;
    }
  }

  /** Why a frame that only masters serve is refused. */
  refusal(): QanatError {
    const { broker, settings } = this.#parts;
    const name = `replica ${settings.replica} of broker ${broker}`;
    if (!isSlave(this.#state)) return new QanatError('NOT_READY', `${name} is ${this.state}`, { retryAfterMs: AGAIN_MS });
    const master = this.#route === undefined ? 'no master is known' : `the master is replica ${this.#route.replica}`;
    return new QanatError('NOT_MASTER', `${name} is a slave, ${master}`);
  }

  figures(): ReplicationFigures {
    return replicationFigures(this.#view);
  }

  #replicate(request: Request<'REPLICATE'>): void {
    if (this.#master === undefined) throw new QanatError('NOT_MASTER', this.refusal().message);
    this.#master.replicate(request);
  }

  #promote(request: Request<'PROMOTE'>): void {
    const { acceptLoss } = request.header;
    if (this.#master !== undefined) return request.respond({ term: this.#master.record.term });
    // Whatever loss is accepted: half a state serves nobody.
    if (this.#state === 'joining' || this.#state === 'mending') throw this.refusal();
    const isTaken = this.#halted?.code === 'REPLICA_TAKEN';
    if (this.#state === 'halted' && (isTaken || !acceptLoss))
      throw new QanatError('REPLICA_BEHIND', `this replica is ${this.state}`);
    if (!acceptLoss && this.#state !== 'slave') throw this.refusal();
    this.#mastership.promote(acceptLoss, (error, term) => {
      if (error === undefined) request.respond({ term });
      else request.fail(error);
    });
  }

  #demote(request: Request<'DEMOTE'>): void {
    if (this.#master === undefined) return request.respond({});
    this.#mastership.demote((error) => (error === undefined ? request.respond({}) : request.fail(error)));
  }

  get #view(): ReplicaView {
    const { broker, settings, log, flush } = this.#parts;
    const { term, state } = this;
    const { stands } = this.#mastership;
    const haltedBy = this.#state === 'halted' ? this.#halted?.code : undefined;
    return { broker, settings, log, flush, term, state, haltedBy, stands, master: this.#master, slave: this.#slave };
  }

  // ---- what it does ----

  /** The log is whole: from now on others say what this replica is. */
  #decide(): void {
    this.#state = 'undecided';
    this.#mending.mended((error) => {
      if (this.#state !== 'undecided') return;
      if (error === undefined) this.#mastership.start();
      else this.#parts.events.fatal(error);
    });
  }

  /** Nothing is served or copied until the process has ended. */
  #beMending(): void {
    this.#state = 'mending';
    this.#mastership.stop(() => {});
    this.#slave?.stop();
    this.#slave = undefined;
  }

  #beginTerm(record: GroupRecord): void {
    const { host, term, events } = this.#parts;
    term.begin((error) => {
      if (this.#master?.record.term !== record.term || this.#state !== 'rising') return;
      if (error !== undefined) {
        host.log('error', 'broker.term.failed', { error: error.message });
        host.timers.at(host.nowMs() + AGAIN_MS, () => {
          if (this.#master?.record.term === record.term && this.#state === 'rising') this.#beginTerm(record);
        });
        return;
      }
      this.#state = 'master';
      host.log('info', 'replication.leads', { term: record.term });
      events.leads();
    }, record.term);
  }

  #beSlave(): void {
    this.#state = 'slave';
    this.#copy();
  }

  #copy(): void {
    const { host, log, broker, settings, link, events } = this.#parts;
    this.#slave ??= new SlaveReplica({
      host,
      log,
      broker,
      replica: settings.replica,
      incarnation: (this.#life as ReplicaLife).incarnation,
      term: this.term,
      link,
      onHalted: (error) => this.onHalt(error, this.#knownTerm),
      onTermSeen: () => events.masterMissed(),
      onTooOld: (oldest) => {
        this.#beMending();
        this.#mending.tooOld(oldest);
      },
      onCut: () => this.#lead(),
    });
    this.#follow();
  }

  #follow(): void {
    const { settings, addressOf } = this.#parts;
    const copies = this.#state === 'slave' || this.#state === 'joining';
    if (!copies || this.#route === undefined || this.#route.replica === settings.replica) return;
    const address = addressOf(this.#route);
    if (address !== undefined) this.#slave?.follow({ replica: this.#route.replica, term: this.#route.term, address });
  }
}
