import { type Clock, type ConsensusStore, GroupRecord, type Random } from '@qanat/core';
import { MemoryConsensus, type RequestConditions, type RequestFate } from '../consensus/memory-consensus.ts';
import type { History } from '../history/index.ts';

/** Where the consensus store sits: what is cut off from it has no answer of it. */
export const STORE = 'consensus';

const RECORD = /\/g\/([^/]+)\/record$/;
const WAY_MS_MAX = 20;
const LATE_MS_MAX = 4_000;
const ERRORS: readonly RequestFate[] = ['request-lost', 'answer-lost', 'done-later'];

export interface ElectionsOptions {
  readonly clock: Clock;
  readonly history: History;
  readonly random: Random;
  readonly clockOf: (host: string) => Clock;
  /** Whether nothing passes from one host to another. */
  readonly isCut: (from: string, to: string) => boolean;
}

/** The consensus store of a run, by which the replicas of each group elect their master. */
export class Elections {
  /** The store answers nobody; its leases go on. */
  away = false;
  /** Of a hundred requests, those that are lost, or of which the answer is lost, or that are done too late. */
  errorPercent = 0;
  readonly #options: ElectionsOptions;
  readonly #store: MemoryConsensus;
  readonly #masters = new Map<string, number>();

  constructor(options: ElectionsOptions) {
    this.#options = options;
    this.#store = new MemoryConsensus(options.clock);
    this.#store.conditions = (host) => this.#conditionsOf(host);
    this.#store.onWritten = ({ key, value }) => {
      const group = RECORD.exec(key)?.[1];
      if (group !== undefined) this.#recorded(group, GroupRecord.decode(value).master);
    };
  }

  /** The store as a process on this host sees it: while that is stopped no answer comes. */
  client(host: string): ConsensusStore {
    const client = this.#store.client(host);
    const clock = this.#options.clockOf(host);
    return {
      start: (request, done) =>
        client.start(request, (error, result) => clock.at(clock.nowMs(), () => done(error, result as never))),
      close: () => client.close(),
    };
  }

  #conditionsOf(host: string): RequestConditions {
    const { random } = this.#options;
    const delay = (): number => random.below(this.errorPercent > 0 && random.below(20) === 0 ? LATE_MS_MAX : WAY_MS_MAX);
    return { fate: this.#fateOf(host), delaysMs: [delay(), delay()] };
  }

  #fateOf(host: string): RequestFate {
    const { random, isCut } = this.#options;
    if (this.away || isCut(host, STORE)) return 'request-lost';
    if (isCut(STORE, host)) return 'answer-lost';
    return random.below(100) < this.errorPercent ? (ERRORS[random.below(ERRORS.length)] as RequestFate) : 'answered';
  }

  /** Another master is as good as a fault: what was under way at the one before may come twice. */
  #recorded(group: string, master: number): void {
    const before = this.#masters.get(group);
    this.#masters.set(group, master);
    if (before === undefined || before === master) return;
    this.#options.history.add({ kind: 'fault', phase: 'at', fault: 'elected', nodes: [nodeOf(group, master)] });
  }
}

const nodeOf = (group: string, replica: number): string => (replica === 0 ? group : `${group}-${replica}`);
