// Replicas of one group with a consensus store in memory, on virtual time.
import { MemoryConsensus, VirtualClock } from '@qanat/simulator';
import {
  Driver,
  Elector,
  type ElectorOptions,
  type Engine,
  EngineContext,
  GroupKeys,
  GroupRecord,
  type Input,
  type Output,
  QanatError,
  Random,
  type ReplicaLife,
} from '../../src/index.ts';

export const KEYS = new GroupKeys('test', 'broker-a');
export const STORE_ID = new Uint8Array(16).fill(7);

class ElectorEngine implements Engine {
  readonly context: EngineContext;
  readonly elector: Elector;

  constructor(random: Random, options: ElectorOptions) {
    this.context = new EngineContext(random);
    this.elector = new Elector(this.context, options);
  }

  enter(nowMs: number): Elector {
    this.context.enter(nowMs);
    return this.elector;
  }

  handle(input: Input, nowMs: number): void {
    this.context.enter(nowMs);
    this.context.handle(input);
  }

  tick(nowMs: number): void {
    this.context.enter(nowMs);
    this.context.timers.tick(nowMs);
  }

  drain = (): readonly Output[] => this.context.drain();
  nextDeadlineMs = (): number | undefined => this.context.timers.nextDeadlineMs();
}

export interface StartOptions {
  readonly life?: Partial<ReplicaLife>;
  readonly createsRecord?: boolean;
  readonly logTerm?: number;
  readonly storeId?: Uint8Array;
}

/** One life of one replica. */
export class Candidate {
  readonly replica: number;
  readonly life: ReplicaLife;
  /** What the elector has told, in order. */
  readonly told: string[] = [];
  /** The records that came with it. */
  readonly records: GroupRecord[] = [];
  readonly logs: string[] = [];
  readonly #engine: ElectorEngine;
  readonly #driver: Driver;

  constructor(world: ElectionWorld, replica: number, life: ReplicaLife, options: StartOptions) {
    this.replica = replica;
    this.life = life;
    const tell = (text: string, record?: GroupRecord): void => {
      this.told.push(text);
      if (record !== undefined) this.records.push(record);
    };
    this.#engine = new ElectorEngine(new Random(life.incarnation), {
      cluster: 'test',
      group: 'broker-a',
      replica,
      life,
      storeId: () => options.storeId ?? STORE_ID,
      logTerm: () => options.logTerm ?? 0,
      createsRecord: options.createsRecord ?? true,
      events: {
        onLead: (term, record) => {
          tell(`lead ${term}`, record);
          world.onLead(this, term);
        },
        onFollow: (record) => tell(`follow ${record.master} in ${record.term}`, record),
        onSuperseded: (term, record) => tell(`superseded by ${record.master} in ${term}`, record),
        onHalted: (error) => tell(`halted ${error.code}`),
      },
    });
    this.#driver = new Driver(this.#engine, {
      clock: world.clock,
      transports: [],
      consensus: world.store.client(String(replica)),
      onLog: (_level, event) => this.logs.push(event),
      onFatal: (error) => {
        throw error;
      },
    });
    this.#driver.start();
    this.call((elector) => elector.start());
  }

  get leads(): boolean {
    return this.#engine.elector.leading !== 'no';
  }

  call<Result>(run: (elector: Elector) => Result): Result {
    let result: Result | undefined;
    this.#driver.enter((nowMs) => {
      result = run(this.#engine.enter(nowMs));
    });
    this.#driver.perform();
    return result as Result;
  }

  /** Puts until there is a definite answer. */
  put(record: GroupRecord, done: (code: string) => void): void {
    this.call((elector) =>
      elector.put(record, (error) => {
        const code = error?.code ?? 'on record';
        if (['on record', 'TERM_FENCED', 'REPLICA_BEHIND', 'CLOSED'].includes(code)) done(code);
        else this.#engine.context.timers.at(this.#engine.context.nowMs() + 50, () => this.put(record, done));
      }),
    );
  }

  stop(): void {
    this.call((elector) => elector.stop(() => this.told.push('stopped')));
  }

  kill(): void {
    this.#driver.kill(new QanatError('CLOSED', 'killed'));
  }
}

export class ElectionWorld {
  readonly clock = new VirtualClock();
  readonly store = new MemoryConsensus(this.clock);
  /** Every record that was ever written, in order. */
  readonly written: GroupRecord[] = [];
  onLead: (candidate: Candidate, term: number) => void = () => {};
  #lives = 100;

  constructor() {
    this.store.onWritten = ({ key, value }) => {
      if (key === KEYS.record && value.length > STORE_ID.length) this.written.push(GroupRecord.decode(value));
    };
  }

  start(replica: number, options: StartOptions = {}): Candidate {
    const life = { incarnation: this.#lives++, former: [], ...options.life };
    return new Candidate(this, replica, life, options);
  }

  /** The same replica in a new life that has what the former one had. */
  restart(before: Candidate, options: StartOptions = {}): Candidate {
    const { life } = before;
    return this.start(before.replica, { ...options, life: { former: [...life.former, life.incarnation], ...options.life } });
  }

  run(ms: number): void {
    this.clock.run(this.clock.nowMs() + ms);
  }

  get record(): GroupRecord | undefined {
    const entry = this.store.entry(KEYS.record);
    return entry && GroupRecord.decode(entry.value);
  }
}

/** The members of a record as text: `1:100 2:101`. */
export const membersOf = (record: GroupRecord | undefined): string =>
  record?.inSync.map(({ replica, incarnation }) => `${replica}:${incarnation}`).join(' ') ?? 'none';

/** The record that a master puts next. */
export const withMembers = (record: GroupRecord, members: readonly Candidate[]): GroupRecord => ({
  ...record,
  version: record.version + 1,
  inSync: members.map(({ replica, life }) => ({ replica, incarnation: life.incarnation })),
});
