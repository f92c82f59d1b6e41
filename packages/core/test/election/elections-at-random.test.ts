// Elections under everything that can happen to a store and its clients, drawn from a seed.
import { describe, expect, it } from 'vitest';
import { type GroupRecord, LEASE_TTL_MS, Random } from '../../src/index.ts';
import { type Candidate, ElectionWorld, KEYS, membersOf, withMembers } from './election-world.ts';

const SEEDS = 200;
const STEPS = 150;
const REPLICAS = [1, 2, 3];

/** One run: what happens is drawn, what must hold is looked at whenever it can break. */
class RandomElections {
  readonly world = new ElectionWorld();
  readonly #random: Random;
  readonly #live = new Map<number, Candidate>();
  readonly #last = new Map<number, Candidate>();
  readonly #leaders = new Map<number, Candidate>();
  readonly #refused: string[] = [];
  readonly #faultRate: number;
  puts = 0;
  /** Masters whose put has no answer yet: one asks for one thing at a time. */
  readonly #putting = new Set<Candidate>();
  #record: GroupRecord | undefined;

  constructor(seed: number) {
    this.#random = new Random(seed);
    this.#faultRate = this.#random.fraction() * 0.4;
    this.world.onLead = (candidate, term) => this.#led(candidate, term);
    const { onWritten } = this.world.store;
    this.world.store.onWritten = (entry) => {
      onWritten(entry);
      if (entry.key === KEYS.record) this.#wrote(this.world.written.at(-1) as GroupRecord);
    };
    this.world.store.conditions = () => ({ fate: this.#fate(), delaysMs: [this.#delay(), this.#delay()] });
  }

  run(): void {
    for (const replica of REPLICAS) this.#start(replica);
    for (let step = 0; step < STEPS; step++) this.#step();
    this.#heal();
  }

  #step(): void {
    const replica = REPLICAS[this.#random.below(REPLICAS.length)] as number;
    const live = this.#live.get(replica);
    switch (this.#random.below(12)) {
      case 0:
        return this.world.store.expire(KEYS.lease);
      case 1:
        live?.kill();
        this.#live.delete(replica);
        return;
      case 2:
        live?.stop();
        this.#live.delete(replica);
        return;
      case 3:
      case 4:
        if (live === undefined) this.#start(replica);
        return;
      case 5:
        this.world.store.away = this.#random.below(6) === 0;
        return;
      case 6:
      case 7:
        return this.#put();
      default:
        this.world.run(this.#random.below(3_000));
    }
  }

  #start(replica: number): void {
    const last = this.#last.get(replica);
    const keeps = this.#random.below(8) > 0;
    const started = last !== undefined && keeps ? this.world.restart(last) : this.world.start(replica);
    this.#live.set(replica, started);
    this.#last.set(replica, started);
  }

  /** A master changes its set, as an operator of dice would. */
  #put(): void {
    const master = [...this.#live.values()].find(({ leads }) => leads);
    const record = this.world.record;
    if (master === undefined || this.#putting.has(master) || record?.master !== master.replica) return;
    const others = [...this.#last.values()].filter((one) => one !== master && one.told.length > 0 && this.#random.below(3) > 0);
    const next = withMembers(record, [master, ...others]);
    this.puts++;
    this.#putting.add(master);
    master.put(next, (code) => {
      this.#putting.delete(master);
      const text = JSON.stringify([next.term, next.version, next.inSync]);
      if (code === 'on record') expect(this.world.written.map(textOf)).toContain(text);
      else if (code !== 'CLOSED' && !this.world.written.map(textOf).includes(text)) this.#refused.push(text);
    });
  }

  #fate(): 'answered' | 'request-lost' | 'answer-lost' | 'done-later' {
    if (this.#random.fraction() >= this.#faultRate) return 'answered';
    return (['request-lost', 'answer-lost', 'done-later'] as const)[this.#random.below(3)] as 'answer-lost';
  }

  #delay(): number {
    return this.#random.below(20) === 0 ? this.#random.below(4_000) : this.#random.below(20);
  }

  #led(candidate: Candidate, term: number): void {
    expect(this.#leaders.get(term) ?? candidate, `two masters in term ${term}`).toBe(candidate);
    this.#leaders.set(term, candidate);
  }

  #wrote(record: GroupRecord): void {
    const before = this.#record;
    this.#record = record;
    expect(this.#refused, 'a record that was refused is written later').not.toContain(textOf(record));
    if (before === undefined) return;
    if (record.term === before.term) expect([record.master, record.version > before.version]).toEqual([before.master, true]);
    else {
      expect([record.term > before.term, record.version]).toEqual([true, before.version + 1]);
      const elected = this.#last.get(record.master) as Candidate;
      const lives = [elected.life.incarnation, ...elected.life.former];
      const stood = before.inSync.some(({ replica, incarnation }) => replica === record.master && lives.includes(incarnation));
      expect(stood, `${record.master} was elected from ${membersOf(before)}`).toBe(true);
    }
  }

  /** Without faults there is one master soon, if anybody may be one. */
  #heal(): void {
    this.world.store.away = false;
    this.world.store.conditions = () => ({ fate: 'answered', delaysMs: [1, 1] });
    for (const replica of REPLICAS) if (!this.#live.has(replica)) this.#start(replica);
    this.world.run(LEASE_TTL_MS + 20_000);
    const live = [...this.#live.values()];
    const masters = live.filter(({ leads }) => leads);
    const mayLead = live.some(({ replica, life }) =>
      this.world.record?.inSync.some(
        (one) => one.replica === replica && [life.incarnation, ...life.former].includes(one.incarnation),
      ),
    );
    expect(masters).toHaveLength(mayLead ? 1 : 0);
    if (mayLead) expect(this.world.record?.master).toBe(masters[0]?.replica);
  }
}

const textOf = ({ term, version, inSync }: GroupRecord): string => JSON.stringify([term, version, inSync]);

describe('elections, whatever happens to the store, its answers and the replicas', () => {
  it('give a term one master, elect from the in-sync set alone, never lower a term, and end with a master', () => {
    let terms = 0;
    let puts = 0;
    for (let seed = 1; seed <= SEEDS; seed++) {
      const elections = new RandomElections(seed);
      try {
        elections.run();
      } catch (cause) {
        throw new Error(`seed ${seed}: ${(cause as Error).message}`, { cause });
      }
      terms += elections.world.record?.term ?? 0;
      puts += elections.puts;
    }
    // The runs are worth something.
    expect(terms).toBeGreaterThan(3 * SEEDS);
    expect(puts).toBeGreaterThan(3 * SEEDS);
  });
});
