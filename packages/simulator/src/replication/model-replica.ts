import {
  EngineContext,
  type GroupRecord,
  hasAllOf,
  MasterReplica,
  nextLife,
  type QanatError,
  Random,
  type ReplicaLife,
  type Request,
  SlaveReplica,
} from '@qanat/core';
import { MemoryReplicaLog, type ModelEntry } from './memory-replica-log.ts';
import { ModelLink } from './model-link.ts';
import type { ModelNetwork } from './model-network.ts';
import type { ModelRegister } from './model-register.ts';

/** What all replicas of a run share. */
export interface ReplicaGround {
  readonly random: Random;
  readonly network: ModelNetwork;
  readonly register: ModelRegister;
  readonly sync: boolean;
  readonly minInSync: number;
  readonly nowMs: () => number;
  readonly violation: (checker: string, message: string) => void;
  readonly peer: (number: number) => ModelReplica;
  /** The replica has become master. */
  readonly promoted: (replica: ModelReplica) => void;
}

const LAG_MS = 10_000;

/** What a life of a replica leaves to the next one. */
interface Left {
  readonly entries: ModelEntry[];
  readonly keptCount: number;
  readonly life: ReplicaLife | undefined;
  /** All that it had stored is still there. */
  readonly intact: boolean;
}

/** One life of a replica's process. */
class Life {
  readonly context: EngineContext;
  readonly incarnation: number;
  /** As a replica keeps it in its file. */
  readonly kept: ReplicaLife;
  readonly log: MemoryReplicaLog;
  readonly tasks: (() => void)[] = [];
  master: MasterReplica | undefined;
  slave: SlaveReplica | undefined;
  /** A put is under way that makes it master. */
  promoting = false;
  /** It is master as soon as what it cut as a slave is off its log. */
  elected: GroupRecord | undefined;

  constructor(ground: ReplicaGround, { entries, keptCount, life, intact }: Left) {
    this.kept = nextLife(life, ground.random.below(2 ** 32), intact);
    this.incarnation = this.kept.incarnation;
    this.context = new EngineContext(new Random(this.incarnation));
    this.context.enter(ground.nowMs());
    const { sync, violation } = ground;
    this.log = new MemoryReplicaLog({ sync, violation, later: (task) => this.tasks.push(task) }, entries, keptCount);
  }
}

/** A replica of the model: the roles as they ship, on a log in memory, in processes that come and go. */
export class ModelReplica {
  readonly number: number;
  readonly #ground: ReplicaGround;
  life: Life | undefined;
  #left: Left = { entries: [], keptCount: 0, life: undefined, intact: true };
  /** As the operating system would keep it for a test: whether this replica has halted. */
  halted = false;

  constructor(number: number, ground: ReplicaGround) {
    this.number = number;
    this.#ground = ground;
  }

  start(): void {
    this.life = new Life(this.#ground, this.#left);
    this.look();
  }

  /** @param power what is not synced may be lost; otherwise only what is not written. */
  crash(power: boolean): void {
    const { life } = this;
    if (life === undefined) return;
    const { log, kept } = life;
    const lost = power ? this.#ground.random.below(log.writtenCount - log.syncedCount + 1) : 0;
    const intact = this.#ground.sync || lost === 0;
    this.#left = { entries: log.entries.slice(0, log.writtenCount - lost), keptCount: log.keptCount, life: kept, intact };
    this.life = undefined;
  }

  /** Stands in the set with this life, or with an earlier one since when nothing was lost. */
  standsIn(record: GroupRecord): boolean {
    const { life } = this;
    return life !== undefined && record.inSync.some((member) => hasAllOf(member, this.number, life.kept));
  }

  /** Runs something in the process as it is now. */
  inLife(life: Life | undefined, task: () => void): void {
    if (life === undefined || life !== this.life) return;
    life.context.enter(this.#ground.nowMs());
    task();
    life.context.drain();
  }

  /** Looks at the record, and goes by it. */
  look(): void {
    const { life } = this;
    const { record } = this.#ground.register;
    if (life === undefined || life.promoting || this.halted) return;
    this.inLife(life, () => {
      const { master } = life;
      if (master !== undefined && record.term > master.record.term) this.#stepDown(life);
      if (life.master === undefined && record.master !== this.number) this.#follow(life, record);
    });
  }

  /** Tries to become master. @param eligible whatever the record says. */
  promote(eligible = this.standsIn(this.#ground.register.record)): void {
    const { life } = this;
    const seen = this.#ground.register.record;
    if (life === undefined || life.promoting || life.master !== undefined || this.halted || !eligible) return;
    life.promoting = true;
    life.slave?.stop();
    const others = seen.inSync.filter(({ replica }) => replica !== this.number && replica !== seen.master);
    const own = { replica: this.number, incarnation: life.incarnation };
    const { storeId } = life.log;
    const { term, version } = seen;
    this.#put(life, { storeId, term: term + 1, master: this.number, version: version + 1, inSync: [own, ...others] });
  }

  /** Stages a message. @returns the entry and the position behind it; undefined: it is no master. */
  append(value: number): { readonly count: number; readonly chain: number } | undefined {
    const { life } = this;
    if (life?.master === undefined) return undefined;
    const { chain } = life.log.append(life.master.record.term, value);
    return { count: life.log.entries.length, chain };
  }

  /** The disk gets on. */
  write(count: number): void {
    const { life } = this;
    this.inLife(life, () => {
      life?.log.write(count);
      this.#progressed(life as Life);
    });
  }

  sync(): void {
    const { life } = this;
    this.inLife(life, () => {
      life?.log.sync();
      this.#progressed(life as Life);
    });
  }

  /** So much of what was asked of the disk is done. */
  work(count: number): void {
    const { life } = this;
    for (const task of life?.tasks.splice(0, count) ?? []) this.inLife(life, task);
  }

  tick(): void {
    const { life } = this;
    this.inLife(life, () => life?.context.timers.tick(this.#ground.nowMs()));
  }

  #progressed(life: Life): void {
    life.master?.logProgressed();
    life.slave?.logProgressed();
  }

  #after(life: Life): (delayMs: number, task: () => void) => void {
    return (delayMs, task) => {
      if (delayMs === 0) this.inLife(life, task);
      else life.context.timers.at(this.#ground.nowMs() + delayMs, task);
    };
  }

  #put(life: Life, record: GroupRecord): void {
    const after = this.#after(life);
    this.#ground.register.seenBy(this.number, after).put(record, (error) => {
      if (error === undefined) return this.#lead(life, record);
      if (error.code !== 'TERM_FENCED') return after(200, () => this.#put(life, record));
      life.promoting = false;
      this.look();
    });
  }

  #lead(life: Life, record: GroupRecord): void {
    const { register, minInSync } = this.#ground;
    if (life.slave?.cutting) {
      life.elected = record;
      return;
    }
    life.elected = undefined;
    life.promoting = false;
    life.slave = undefined;
    life.master = new MasterReplica({
      host: life.context,
      log: life.log,
      register: register.seenBy(this.number, this.#after(life)),
      broker: 'b',
      record,
      incarnation: life.incarnation,
      minInSync,
      lagMs: LAG_MS,
      fenced: () => {
        this.#stepDown(life);
        this.look();
      },
    });
    this.#ground.promoted(this);
    life.log.append(record.term, 0);
  }

  #stepDown(life: Life): void {
    life.master?.stop();
    life.master = undefined;
  }

  #follow(life: Life, { term, master }: GroupRecord): void {
    life.slave ??= this.#newSlave(life, term);
    life.slave.follow({ replica: master, term, address: String(master) });
  }

  #newSlave(life: Life, term: number): SlaveReplica {
    const { network, peer } = this.#ground;
    return new SlaveReplica({
      host: life.context,
      log: life.log,
      broker: 'b',
      replica: this.number,
      incarnation: life.incarnation,
      term,
      link: (address, events) => {
        const to = peer(Number(address));
        const ends = { network, from: this.number, to: to.number, after: this.#after(life), serve: to.serve };
        return new ModelLink(ends, events);
      },
      onHalted: (error: QanatError) => {
        this.halted = true;
        this.#ground.violation('replication-halts', error.message);
      },
      onTermSeen: () => {},
      onTooOld: () => {},
      onCut: () => {
        if (life.elected !== undefined) this.#lead(life, life.elected);
      },
    });
  }

  /** A request of a slave arrives. */
  readonly serve = (request: Request<'REPLICATE'>): void => {
    const { life } = this;
    this.inLife(life, () => life?.master?.replicate(request));
  };
}
