import type { EngineHost } from '../../context.ts';
import { hasAllOf, type ReplicaLife } from '../../election/replica-life.ts';
import { QanatError } from '../../errors.ts';
import type { Timer } from '../../timers.ts';
import type { GroupRecord, Replica as Member } from '../../wire/gen/replication-messages.ts';
import type { ReplicationOptions } from '../broker-options.ts';
import type { GroupRegister, RecordFound } from './group-register.ts';
import type { Mastership, MastershipEvents } from './mastership.ts';

/** Between two questions for the record of the group, and between two attempts to put one. */
const ASK_AGAIN_MS = 200;
const HINT_OF_SILENCE = 'start what it waits for; docs/replication.md tells what to do where a NameServer never comes back';
const KEEPER = 'a NameServer that keeps records';
const HINT_OF_KEEPER = 'start a NameServer with --data DIR';
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
  /** Whether the broker begins again, for its log is empty and of another store than the group's. */
  readonly beginsAgain: (record: GroupRecord) => boolean;
  readonly events: MastershipEvents;
}

/** The master is whom the record at the NameServers names; an operator promotes another one (spec, chapter of replication). */
export class ManualMastership implements Mastership {
  waitsFor = '';
  stands = false;
  readonly #parts: ManualMastershipParts;
  #life: ReplicaLife | undefined;
  /** It began with an empty log. */
  #isNew = false;
  #timer: Timer | undefined;
  #rising = false;
  /** Counts what is asked for: nothing comes of an answer to a question before. */
  #question = 0;
  #stopped = false;

  constructor(parts: ManualMastershipParts) {
    this.#parts = parts;
  }

  get register(): GroupRegister {
    return this.#parts.register;
  }

  prepare(life: ReplicaLife, isEmpty: boolean, done: (storeId: Uint8Array | undefined) => void): void {
    this.#life = life;
    this.#isNew = isEmpty;
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
    const { events, register } = this.#parts;
    if (this.#rising) return done(new QanatError('NOT_READY', 'the replica is about to become master'), 0);
    this.#rising = true;
    this.#question++;
    // What it acknowledged after the reading might be committed by a set that it knows nothing of.
    events.onRise();
    return register.get((found) => {
      if (this.#stopped) return;
      const behind = acceptLoss ? undefined : this.#behind(found);
      if (behind === undefined) {
        const next = this.#nextRecord(found, acceptLoss);
        this.#rise(next, !acceptLoss, (error) => {
          if (error !== undefined) events.onFollow(next.term);
          done(error, next.term);
        });
        return;
      }
      this.#rising = false;
      events.onFollow(found.record?.term ?? 0);
      done(behind, 0);
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

  /** Asks for the record until `decide` can do with what is known. @param what it waits for where no NameServer is silent. */
  #ask(what: string, decide: (found: RecordFound) => boolean): void {
    const { host, register } = this.#parts;
    const question = ++this.#question;
    register.get((found) => {
      if (this.#stopped || question !== this.#question) return;
      const before = this.waitsFor;
      this.waitsFor = '';
      // That there is no record only all of its keepers can say.
      if ((found.complete || found.record !== undefined) && decide(found)) return;
      if (!found.complete) this.#waits(silentOnes(found), before);
      else this.#waits(found.unkept ? KEEPER : what, before);
      this.#timer = host.timers.at(host.nowMs() + ASK_AGAIN_MS, () => {
        if (question === this.#question) this.#ask(what, decide);
      });
    });
  }

  /** Told when it is another thing than before. */
  #waits(what: string, before: string): void {
    this.waitsFor = what;
    const hint = what === KEEPER ? HINT_OF_KEEPER : HINT_OF_SILENCE;
    if (what !== before) this.#parts.host.log('info', 'replication.waits', { for: what, hint });
  }

  #decide(): void {
    const { settings, events } = this.#parts;
    this.#ask('', (found) => {
      const { record, complete } = found;
      if (record !== undefined && this.#parts.beginsAgain(record)) return true;
      this.stands = record !== undefined && this.#stands(found);
      const named = record === undefined ? settings.role === 'master' : record.master === settings.replica;
      const mine = named && (record === undefined || this.stands);
      if (named && !mine) this.#tellLoss();
      // One that does not answer may know of a set with fewer members, in which more was committed, or of another master.
      if (mine && !complete) return false;
      // Where another was quicker, its record may be of another store.
      if (mine) this.#rise(this.#nextRecord(found, false), true, (error) => error !== undefined && this.#decide());
      else events.onFollow(record?.term ?? 0);
      return true;
    });
  }

  /** It is master on record, and is none. */
  #tellLoss(): void {
    const { host, settings } = this.#parts;
    const status = '"qanat cluster status" tells whether another one was in sync, to be promoted, and what else can be done';
    const lost =
      'this replica was master, and may have lost what it had not flushed when its machine went down, or what was mended';
    const isNew = `replica ${settings.replica} is master on record, and this process began with an empty directory`;
    host.log('warn', 'replication.leads-not', {
      why: this.#isNew ? `${isNew}: another process runs with its number, or its disk is another one` : lost,
      hint: this.#isNew
        ? `where another process has the number, stop this one and give it a number of its own; else ${status}`
        : status,
    });
  }

  /** Why this replica may lack something that is committed. */
  #behind(found: RecordFound): QanatError | undefined {
    const behind = (why: string): QanatError => new QanatError('REPLICA_BEHIND', why);
    if (!found.complete) return behind(`NameServer ${found.silent.join(', ')} does not tell who is in sync, and may know better`);
    if (found.record === undefined) return behind('nothing is on record of this group');
    if (this.#stands(found)) return undefined;
    const sets = recordsOf(found).map(({ term, inSync }) => `${inSync.map(({ replica }) => replica).join(', ')} in term ${term}`);
    return behind(`in sync are the replicas ${sets.join(', and ')}`);
  }

  /** Whether this replica has everything that is committed, whichever of the masters on record there was. */
  #stands(found: RecordFound): boolean {
    return recordsOf(found).every((record) => this.#isOf(record));
  }

  /** Whether the record says that this replica has everything that is committed. */
  #isOf({ inSync }: GroupRecord): boolean {
    return inSync.some((one) => hasAllOf(one, this.#parts.settings.replica, this.#life as ReplicaLife));
  }

  /** A record above all that were found, with itself and those who stand in all of them, but for other masters. */
  #nextRecord(found: RecordFound, acceptLoss: boolean): GroupRecord {
    const { settings, storeId, highestTerm } = this.#parts;
    const me = { replica: settings.replica, incarnation: (this.#life as ReplicaLife).incarnation };
    const records = recordsOf(found);
    const masters = new Set([me.replica, ...records.map(({ master }) => master)]);
    const others = acceptLoss ? [] : inAll(records).filter(({ replica }) => !masters.has(replica));
    const inSync = [me, ...others].sort((a, b) => a.replica - b.replica);
    const term = Math.max(found.record?.term ?? 0, highestTerm()) + 1;
    const version = Math.max(0, ...records.map((record) => record.version)) + (acceptLoss ? VERSIONS_SKIPPED : 1);
    return { storeId: storeId(), term, master: settings.replica, version, inSync };
  }

  /** Has it on record that this replica is master; then it is. `done` comes once, with TERM_FENCED where another was quicker. */
  #rise(record: GroupRecord, everywhere: boolean, done: (error: QanatError | undefined) => void): void {
    const { events } = this.#parts;
    this.#rising = true;
    events.onRise();
    this.#put(record, everywhere, (error) => {
      this.#rising = false;
      if (error === undefined) events.onLead(record);
      done(error);
    });
  }

  #put(record: GroupRecord, everywhere: boolean, done: (error: QanatError | undefined) => void): void {
    const { host, register } = this.#parts;
    register.put(
      record,
      (error) => {
        if (this.#stopped) return;
        const before = this.waitsFor;
        this.waitsFor = '';
        if (error === undefined || error.code === 'TERM_FENCED') return done(error);
        this.#waits(error.code === 'UNSUPPORTED_FEATURE' ? KEEPER : 'NameServers to have it on record that it is master', before);
        this.#timer = host.timers.at(host.nowMs() + ASK_AGAIN_MS, () => this.#put(record, everywhere, done));
      },
      everywhere,
    );
  }
}

/** Those whose silence is waited out, for people. */
const silentOnes = ({ silent }: RecordFound): string => `NameServer ${silent.join(', ')} to tell what is on record`;

const recordsOf = ({ record, others }: RecordFound): readonly GroupRecord[] => (record === undefined ? [] : [record, ...others]);

/** The members of all these sets, each in the same life. */
function inAll([first, ...more]: readonly GroupRecord[]): readonly Member[] {
  const isIn = ({ inSync }: GroupRecord, one: Member): boolean =>
    inSync.some(({ replica, incarnation }) => replica === one.replica && incarnation === one.incarnation);
  return first?.inSync.filter((member) => more.every((record) => isIn(record, member))) ?? [];
}
