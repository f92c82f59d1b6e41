import type { EngineHost } from '../../context.ts';
import type { ReplicaLife } from '../../election/replica-life.ts';
import { QanatError } from '../../errors.ts';
import type { Timer } from '../../timers.ts';
import type { GroupRecord, Replica as Member } from '../../wire/gen/replication-messages.ts';
import type { ReplicationOptions } from '../broker-options.ts';
import type { GroupRegister, RecordFound } from './group-register.ts';
import type { Mastership, MastershipEvents } from './mastership.ts';

/** Between two questions for the record of the group, and between two attempts to put one. */
const ASK_AGAIN_MS = 200;
/** An operator who accepts a loss may not have read the newest version: the record is put far above it. */
const VERSIONS_SKIPPED = 2 ** 20;

export interface ManualMastershipParts {
  readonly host: EngineHost;
  readonly settings: Required<ReplicationOptions>;
  readonly register: GroupRegister;
  /** Of the open log. */
  readonly storeId: () => Uint8Array;
  /** That this replica knows of. */
  readonly highestTerm: () => number;
  readonly events: MastershipEvents;
}

/** The master is whom the record at the NameServers names; an operator promotes another one (spec, chapter of replication). */
export class ManualMastership implements Mastership {
  waitsFor = '';
  readonly #parts: ManualMastershipParts;
  #life: ReplicaLife | undefined;
  #timer: Timer | undefined;
  #rising = false;
  #stopped = false;

  constructor(parts: ManualMastershipParts) {
    this.#parts = parts;
  }

  get register(): GroupRegister {
    return this.#parts.register;
  }

  prepare(life: ReplicaLife, isEmpty: boolean, done: (storeId: Uint8Array | undefined) => void): void {
    this.#life = life;
    if (!isEmpty) return done(undefined);
    return this.#ask('a master of its group on record', ({ record }) => {
      if (record === undefined && this.#parts.settings.role === 'slave') return false;
      done(record?.storeId);
      return true;
    });
  }

  otherLeads(done: (other: boolean | undefined) => void): void {
    const { register, settings } = this.#parts;
    register.get(({ record, complete }) =>
      done(complete ? record !== undefined && record.master !== settings.replica : undefined),
    );
  }

  start(): void {
    this.#decide();
  }

  renewTerm(): void {
    this.#parts.events.onStandDown('the numbers of its term are used up');
    this.#decide();
  }

  promote(acceptLoss: boolean, done: (error: QanatError | undefined, term: number) => void): void {
    if (this.#rising) return done(new QanatError('NOT_READY', 'the replica is about to become master'), 0);
    return this.#parts.register.get((found) => {
      const { record } = found;
      const behind = acceptLoss ? undefined : this.#behind(found);
      if (behind !== undefined) return done(behind, 0);
      const others = acceptLoss ? [] : (record?.inSync.filter(({ replica }) => replica !== record.master) ?? []);
      const next = this.#nextRecord(record, others, acceptLoss ? VERSIONS_SKIPPED : 1);
      return this.#rise(next, !acceptLoss, (error) => done(error, next.term));
    });
  }

  demote(done: (error: QanatError | undefined) => void): void {
    this.#parts.events.onStandDown('an operator demoted it');
    done(undefined);
  }

  stop(done: () => void): void {
    this.#stopped = true;
    this.#timer?.cancel();
    done();
  }

  /** Asks for the record until `decide` can do with what is known. */
  #ask(what: string, decide: (found: RecordFound) => boolean): void {
    const { host, register } = this.#parts;
    register.get((found) => {
      if (this.#stopped) return;
      const before = this.waitsFor;
      this.waitsFor = '';
      // That there is no record only all of its keepers can say.
      if ((found.complete || found.record !== undefined) && decide(found)) return;
      if (before !== what) host.log('info', 'replication.waits', { for: what });
      this.waitsFor = what;
      this.#timer = host.timers.at(host.nowMs() + ASK_AGAIN_MS, () => this.#ask(what, decide));
    });
  }

  #decide(): void {
    const { settings, events } = this.#parts;
    this.#ask('all NameServers to tell what is on record', ({ record, complete }) => {
      const mine = record === undefined ? settings.role === 'master' : record.master === settings.replica && this.#isOf(record);
      if (!mine) {
        events.onFollow(record?.term ?? 0);
        return true;
      }
      const others = record?.inSync.filter(({ replica }) => replica !== settings.replica) ?? [];
      // Alone in a record that may be old it could commit what nobody else has; with others it needs them to.
      if (!complete && others.length === 0) return false;
      this.#rise(this.#nextRecord(record, others, 1), complete, () => {});
      return true;
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

  /** Whether the record says that this replica has everything that is committed. */
  #isOf({ inSync }: GroupRecord): boolean {
    const { incarnation, former } = this.#life as ReplicaLife;
    const lives = [incarnation, ...former];
    return inSync.some((one) => one.replica === this.#parts.settings.replica && lives.includes(one.incarnation));
  }

  #nextRecord(record: GroupRecord | undefined, others: readonly Member[], versions: number): GroupRecord {
    const { settings, storeId, highestTerm } = this.#parts;
    const me = { replica: settings.replica, incarnation: (this.#life as ReplicaLife).incarnation };
    const inSync = [me, ...others.filter(({ replica }) => replica !== me.replica)].sort((a, b) => a.replica - b.replica);
    const term = Math.max(record?.term ?? 0, highestTerm()) + 1;
    return { storeId: storeId(), term, master: settings.replica, version: (record?.version ?? 0) + versions, inSync };
  }

  /** Has it on record that this replica is master; then it is. `done` comes once, with TERM_FENCED where another was quicker. */
  #rise(record: GroupRecord, everywhere: boolean, done: (error: QanatError | undefined) => void): void {
    const { events } = this.#parts;
    this.#rising = true;
    events.onRise();
    this.#put(record, everywhere, (error) => {
      this.#rising = false;
      if (error === undefined) events.onLead(record);
      else events.onFollow(record.term);
      done(error);
    });
  }

  #put(record: GroupRecord, everywhere: boolean, done: (error: QanatError | undefined) => void): void {
    const { host, register } = this.#parts;
    register.put(
      record,
      (error) => {
        if (this.#stopped) return;
        this.waitsFor = '';
        if (error === undefined || error.code === 'TERM_FENCED') return done(error);
        this.waitsFor = 'NameServers to have it on record that it is master';
        this.#timer = host.timers.at(host.nowMs() + ASK_AGAIN_MS, () => this.#put(record, everywhere, done));
      },
      everywhere,
    );
  }
}
