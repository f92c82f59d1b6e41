import type { EngineHost } from '../../context.ts';
import { Elector } from '../../election/elector.ts';
import { findRecord } from '../../election/group-view.ts';
import type { ReplicaLife } from '../../election/replica-life.ts';
import { QanatError } from '../../errors.ts';
import type { Timer } from '../../timers.ts';
import type { GroupRecord } from '../../wire/gen/replication-messages.ts';
import type { ReplicationOptions } from '../broker-options.ts';
import type { GroupRegister } from './group-register.ts';
import type { Mastership, MastershipEvents } from './mastership.ts';

/** How long a replica that an operator demoted leaves the others the time to stand. */
const STAND_AGAIN_MS = 10_000;
/** Between two looks for the record of a group whose log is wanted. */
const LOOK_AGAIN_MS = 200;

export interface ElectedMastershipParts {
  readonly host: EngineHost;
  readonly settings: Required<ReplicationOptions>;
  readonly cluster: string;
  /** Name of the broker group. */
  readonly broker: string;
  /** Of the open log. */
  readonly storeId: () => Uint8Array;
  /** That this replica knows of. */
  readonly highestTerm: () => number;
  /** Whether the broker begins again, for its log is empty and of another store than the group's. */
  readonly beginsAgain: (record: GroupRecord) => boolean;
  readonly events: MastershipEvents;
}

/** The master is elected by a consensus store (spec, chapter of replication: automatic mode). */
export class ElectedMastership implements Mastership {
  readonly #parts: ElectedMastershipParts;
  #life: ReplicaLife | undefined;
  #elector: Elector | undefined;
  /** An operator waits for this replica to lead. */
  #promoted: ((error: QanatError | undefined, term: number) => void) | undefined;
  #looksFor = '';
  /** The last term in which it led. */
  #ledTerm = 0;
  #timer: Timer | undefined;
  /** `stands`, when it left the election last. */
  #stood = false;
  #stopped = false;

  constructor(parts: ElectedMastershipParts) {
    this.#parts = parts;
  }

  get register(): Pick<GroupRegister, 'put'> {
    return {
      put: (record, done) => {
        if (this.#elector !== undefined) return this.#elector.put(record, done);
        return done(new QanatError('TERM_FENCED', 'this replica does not stand for election'));
      },
    };
  }

  get waitsFor(): string {
    return this.#elector?.describe() ?? this.#looksFor;
  }

  get stands(): boolean {
    return this.#elector?.stands ?? this.#stood;
  }

  prepare(life: ReplicaLife, isEmpty: boolean, done: (storeId: Uint8Array | undefined) => void): void {
    const { host, settings, cluster, broker } = this.#parts;
    this.#life = life;
    if (!isEmpty) return done(undefined);
    return findRecord(host, cluster, broker, (error, record) => {
      if (this.#stopped) return undefined;
      const isFirst = error === undefined && record === undefined && settings.role === 'master';
      if (record !== undefined || isFirst) return done(record?.storeId);
      this.#looksFor = error === undefined ? 'a master of its group on record' : `the consensus store: ${error.message}`;
      this.#timer = host.timers.at(host.nowMs() + LOOK_AGAIN_MS, () => this.prepare(life, isEmpty, done));
      return undefined;
    });
  }

  otherLeads(done: (other: boolean | undefined) => void): void {
    const { host, settings, cluster, broker } = this.#parts;
    findRecord(host, cluster, broker, (error, record) =>
      done(error === undefined ? record !== undefined && record.master !== settings.replica : undefined),
    );
  }

  start(): void {
    this.#stand();
  }

  /** Only the loss is the operator's to accept: everything else the election decides. */
  promote(acceptLoss: boolean, done: (error: QanatError | undefined, term: number) => void): void {
    const hint = 'demote the master: then one of the replicas in sync is elected; or accept the loss';
    if (!acceptLoss) return done(new QanatError('REPLICA_BEHIND', 'masters of this group are elected', { hint }), 0);
    if (this.#elector?.acceptLoss() !== true)
      return done(new QanatError('REPLICA_BEHIND', 'another replica has the lease', { hint }), 0);
    this.#promoted = done;
    return undefined;
  }

  demote(done: (error: QanatError | undefined) => void): void {
    const { host } = this.#parts;
    this.#parts.events.onStandDown('an operator demoted it');
    this.#leave(() => done(undefined));
    this.#timer = host.timers.at(host.nowMs() + STAND_AGAIN_MS, () => this.#stand());
  }

  renewTerm(): void {
    this.#parts.events.onStandDown('the numbers of its term are used up');
    this.#leave(() => this.#stand());
  }

  stop(done: () => void): void {
    this.#stopped = true;
    this.#timer?.cancel();
    this.#leave(done);
  }

  #leave(done: () => void): void {
    const elector = this.#elector;
    this.#stood = this.stands;
    this.#elector = undefined;
    if (elector === undefined) done();
    else elector.stop(done);
  }

  #stand(): void {
    if (this.#stopped || this.#elector !== undefined) return;
    const { host, settings, cluster, broker, storeId, highestTerm, beginsAgain, events } = this.#parts;
    const elector: Elector = new Elector(host, {
      cluster,
      group: broker,
      replica: settings.replica,
      life: this.#life as ReplicaLife,
      storeId,
      logTerm: highestTerm,
      ledTerm: this.#ledTerm,
      createsRecord: settings.role === 'master',
      events: {
        onLead: (_term, record) => this.#leads(record),
        onFollow: (record) => {
          if (!beginsAgain(record)) events.onFollow(record.term);
        },
        onSuperseded: (term, record) => events.onStandDown(`replica ${record.master} is master in term ${term}`),
        onHalted: (error, term) => events.onHalt(error, term),
      },
    });
    this.#elector = elector;
    elector.start();
  }

  #leads(record: GroupRecord): void {
    const promoted = this.#promoted;
    this.#promoted = undefined;
    this.#ledTerm = record.term;
    this.#parts.events.onRise();
    this.#parts.events.onLead(record);
    promoted?.(undefined, record.term);
  }
}
