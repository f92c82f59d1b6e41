import { type GroupRecord, Random } from '@qanat/core';
import type { ModelEntry } from './memory-replica-log.ts';
import { ModelNetwork } from './model-network.ts';
import { ModelRegister } from './model-register.ts';
import { ModelReplica } from './model-replica.ts';

export interface ReplicationPlan {
  readonly seed: number;
  readonly replicas: number;
  readonly minInSync: number;
  /** Stored is synced; otherwise written. */
  readonly sync: boolean;
  /** Steps with faults, before everything is healed. */
  readonly steps: number;
}

export interface ReplicationResult {
  readonly violations: readonly { readonly checker: string; readonly message: string }[];
  /** Messages that were acknowledged as committed. */
  readonly acked: number;
  readonly promotions: number;
  /** After everything was healed all replicas had the same log. */
  readonly converged: boolean;
  /** By rule: no replica has all that was stored, so that an operator decides what is lost. */
  readonly halted: boolean;
}

interface Acked {
  readonly count: number;
  readonly chain: number;
}

/** A message that its master has staged. */
interface Sent extends Acked {
  readonly master: object;
}

const HEAL_STEPS_MAX = 20_000;
/** What a disk does in one step, at most. */
const TASKS_MAX = 8;

/** One group of replicas under faults, then without; every rule is looked at after every step. */
class ReplicationRun {
  readonly violations: { checker: string; message: string }[] = [];
  readonly acked: Acked[] = [];
  promotions = 0;
  readonly #plan: ReplicationPlan;
  readonly #random: Random;
  readonly #network: ModelNetwork;
  readonly #register: ModelRegister;
  readonly #replicas: ModelReplica[];
  /** Per entry the chain that was committed first, at whatever replica. */
  readonly #committed: number[] = [];
  /** How far each life was seen to have committed. */
  readonly #seen = new Map<object, number>();
  #waiting: Sent[] = [];
  #nowMs = 0;
  #value = 1;
  #healed = false;
  /** Odds of the kinds of steps, drawn for each run. */
  readonly #crashes: number;
  readonly #cuts: number;
  readonly #elections: number;
  readonly #jumps: number;

  constructor(plan: ReplicationPlan) {
    this.#plan = plan;
    const random = new Random(plan.seed);
    this.#random = random;
    const draw = (most: number): number => (random.below(3) === 0 ? 0 : random.fraction() * most);
    this.#crashes = draw(0.02);
    this.#cuts = draw(0.02);
    this.#elections = draw(0.03);
    this.#jumps = draw(0.05);
    this.#network = new ModelNetwork(random, { lost: draw(0.15), twice: draw(0.12) });
    const empty: GroupRecord = { storeId: new Uint8Array(16), term: 0, master: 0, version: 0, inSync: [] };
    this.#register = new ModelRegister(this.#network, empty);
    const ground = {
      random,
      network: this.#network,
      register: this.#register,
      sync: plan.sync,
      minInSync: plan.minInSync,
      nowMs: () => this.#nowMs,
      violation: (checker: string, message: string) => this.#violation(checker, message),
      peer: (number: number) => this.#replicas[number] as ModelReplica,
      promoted: (replica: ModelReplica) => this.#promoted(replica),
    };
    this.#replicas = Array.from({ length: plan.replicas }, (_, number) => new ModelReplica(number, ground));
    for (const replica of this.#replicas) replica.start();
    this.#replicas[0]?.promote(true);
  }

  run(): boolean {
    for (let i = 0; i < this.#plan.steps && this.violations.length === 0; i++) {
      this.#step();
      this.#check();
    }
    return this.#heal();
  }

  #violation(checker: string, message: string): void {
    this.violations.push({ checker, message: `seed ${this.#plan.seed}: ${message}` });
  }

  #any(): ModelReplica {
    return this.#replicas[this.#random.below(this.#replicas.length)] as ModelReplica;
  }

  #step(): void {
    const random = this.#random;
    const dice = random.fraction();
    const replica = this.#any();
    if (dice < this.#crashes) return replica.crash(random.below(2) === 0);
    if (dice < this.#crashes + this.#cuts) {
      if (random.below(3) === 0) return this.#network.join();
      const isolated = replica.number;
      for (const { number } of [...this.#replicas, { number: 99 }]) {
        if (random.below(3) > 0) this.#network.cut(isolated, number);
        if (random.below(3) > 0) this.#network.cut(number, isolated);
      }
      return;
    }
    if (dice < this.#crashes + this.#cuts + this.#elections) return replica.promote();
    if (dice < this.#crashes + this.#cuts + this.#elections + this.#jumps) return this.#pass(1 + random.below(4_000));
    this.#work(replica);
  }

  /** What would happen without faults, too. */
  #work(replica: ModelReplica): void {
    const random = this.#random;
    const { life } = replica;
    switch (random.below(10)) {
      case 0:
        if (life === undefined) return replica.start();
        return replica.look();
      case 1:
        return this.#healed ? undefined : this.#send(replica);
      case 2:
        return replica.write((life?.log.writtenCount ?? 0) + 1 + random.below(3));
      case 3:
        return replica.sync();
      case 4:
      case 5:
        // Disks are quick enough for all slaves to be answered in time, or the group never comes together.
        return replica.work(1 + random.below(TASKS_MAX));
      case 6:
        if (life !== undefined && random.below(4) === 0) life.log.keptCount = life.log.committedCount;
        return this.#pass(random.below(this.#healed ? 600 : 60));
      default:
        return this.#network.step();
    }
  }

  #send(replica: ModelReplica): void {
    const master = replica.life?.master;
    const entry = replica.append(this.#value);
    if (entry === undefined || master === undefined) return;
    this.#value++;
    this.#waiting.push({ master, ...entry });
  }

  #pass(ms: number): void {
    this.#nowMs += ms;
    for (const replica of this.#replicas) replica.tick();
  }

  // ---- the rules ----

  #check(): void {
    for (const replica of this.#replicas) this.#checkCommitted(replica);
    this.#checkAcks();
  }

  /** What is committed is the same everywhere, and does not become less in one life. */
  #checkCommitted({ number, life }: ModelReplica): void {
    if (life === undefined) return;
    const { log } = life;
    const before = this.#seen.get(life) ?? 0;
    if (log.committedCount < before) this.#violation('replication-committed-monotone', `replica ${number} takes back`);
    for (let i = before; i < log.committedCount; i++) {
      const { chain } = log.entries[i] as ModelEntry;
      this.#committed[i] ??= chain;
      if (this.#committed[i] !== chain)
        this.#violation('replication-same-below-committed', `replica ${number} has another entry ${i} committed`);
    }
    this.#seen.set(life, log.committedCount);
  }

  #checkAcks(): void {
    const left: Sent[] = [];
    for (const entry of this.#waiting) {
      const replica = this.#replicas.find(({ life }) => life?.master === entry.master);
      if (replica === undefined) continue;
      if ((replica.life?.log.committedCount ?? 0) < entry.count) left.push(entry);
      else this.#ack(entry);
    }
    this.#waiting = left;
  }

  #ack(entry: Acked): void {
    this.acked.push(entry);
    if (!this.#plan.sync) return;
    const holders = this.#replicas.filter((replica) => this.#hasStored(replica, entry) !== false).length;
    if (holders < this.#plan.minInSync) this.#violation('replication-enough-copies', `entry ${entry.count} is at ${holders}`);
    for (const { replica, incarnation } of this.#register.record.inSync) {
      const member = this.#replicas[replica] as ModelReplica;
      if (member.life?.incarnation === incarnation && this.#hasStored(member, entry) === false)
        this.#violation('replication-set-has-committed', `entry ${entry.count} is not at replica ${replica} of the set`);
    }
  }

  /** Undefined: it is down, and has kept what it had stored. */
  #hasStored({ life }: ModelReplica, { count, chain }: Acked): boolean | undefined {
    if (life === undefined) return undefined;
    return life.log.storedCount >= count && life.log.entries[count - 1]?.chain === chain;
  }

  /** A new master has everything that was ever committed. */
  #promoted({ number, life }: ModelReplica): void {
    this.promotions++;
    for (const { count, chain } of this.acked) {
      if (life?.log.entries[count - 1]?.chain === chain) continue;
      return this.#violation('replication-leader-complete', `replica ${number} leads without entry ${count}`);
    }
  }

  // ---- afterwards ----

  /** Without faults the group comes together again. @returns whether it did. */
  #heal(): boolean {
    this.#network.heal();
    this.#healed = true;
    for (let i = 0; i < HEAL_STEPS_MAX && this.violations.length === 0; i++) {
      if (i % 100 === 0) this.#lead();
      const replica = this.#any();
      if (replica.life === undefined) replica.start();
      this.#work(replica);
      if (i % 10 === 0) this.#check();
      if (i % 50 === 0 && this.#together()) return true;
    }
    return false;
  }

  /** Where the master on record is gone, one that may lead does. */
  #lead(): void {
    const { record } = this.#register;
    const { life } = this.#replicas[record.master] as ModelReplica;
    if (life?.promoting || life?.master?.record.term === record.term) return;
    // It died before it was ever master.
    if (record.term === 0) return this.#replicas[0]?.promote(true);
    for (const replica of this.#replicas) replica.promote();
  }

  #together(): boolean {
    const { record } = this.#register;
    const master = (this.#replicas[record.master] as ModelReplica).life;
    if (master?.master === undefined || record.inSync.length !== this.#replicas.length) return false;
    const end = master.log.entries.length;
    return this.#replicas.every(({ life }) => life?.log.entries.length === end && life.log.committedCount === end);
  }

  /** Nobody stands in the set any more. */
  get halted(): boolean {
    return !this.#replicas.some((replica) => replica.standsIn(this.#register.record));
  }
}

/** Runs one seed. A group that does not come together, though somebody may lead it, is a violation. */
export function runReplication(plan: ReplicationPlan): ReplicationResult {
  const run = new ReplicationRun(plan);
  const converged = run.run();
  const { halted, acked, promotions } = run;
  const violations = [...run.violations];
  if (!converged && violations.length === 0 && !halted)
    violations.push({ checker: 'replication-converges', message: `seed ${plan.seed}: the group does not come together` });
  return { violations, acked: acked.length, promotions, converged, halted };
}

/** The plan of a seed: groups of 2, 3 and 5 replicas, half of them with sync flush. */
export function replicationPlan(seed: number): ReplicationPlan {
  const replicas = [2, 3, 3, 5][seed % 4] as number;
  const minInSync = replicas === 2 ? 1 + (Math.floor(seed / 8) % 2) : Math.ceil(replicas / 2);
  return { seed, replicas, minInSync, sync: Math.floor(seed / 4) % 2 === 0, steps: 600 };
}
