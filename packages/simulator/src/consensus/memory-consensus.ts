import {
  type Clock,
  type Compare,
  type ConsensusDone,
  type ConsensusEntry,
  type ConsensusRequest,
  type ConsensusResults,
  type ConsensusStore,
  type LeaseId,
  QanatError,
} from '@qanat/core';

/**
 * What becomes of one request: it is answered; it is lost on its way; its answer is; it is given up and done later, when nobody
 * expects it any more.
 */
export type RequestFate = 'answered' | 'request-lost' | 'answer-lost' | 'done-later';

export interface RequestConditions {
  readonly fate: RequestFate;
  /** Between the request and its effect, and from there to the answer, ms. */
  readonly delaysMs: readonly [number, number];
}

const USUAL: RequestConditions = { fate: 'answered', delaysMs: [1, 1] };
/** When a client gives a request up. */
const GIVE_UP_MS = 1_000;

interface Lease {
  readonly ttlMs: number;
  cancel: () => void;
}

interface Watch {
  readonly prefix: string;
  readonly revision: number;
  end(): void;
}

type AnyDone = ConsensusDone<ConsensusResults[ConsensusRequest['op']]>;

/** One consensus store on a virtual clock, with as many clients as a test wants, and all that can go wrong between them. */
export class MemoryConsensus {
  /** What becomes of the requests of each client. */
  conditions: (client: string, request: ConsensusRequest) => RequestConditions = () => USUAL;
  /** The store answers nobody while it is away; leases go on. */
  away = false;
  /** Told of every entry that is written. */
  onWritten: (entry: ConsensusEntry) => void = () => {};
  readonly #clock: Clock;
  readonly #leases = new Map<LeaseId, Lease>();
  readonly #watches = new Set<Watch>();
  #entries = new Map<string, ConsensusEntry>();
  #revision = 1;
  #nextLease = 1;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  client(name: string): ConsensusStore {
    let closed = false;
    return {
      start: (request, done) =>
        this.#start(name, request, (error, result) => {
          if (!closed) (done as AnyDone)(error, result);
        }),
      close: () => {
        closed = true;
      },
    };
  }

  entry(key: string): ConsensusEntry | undefined {
    return this.#entries.get(key);
  }

  /** Ends the lease of the entry now, whatever its holder believes. */
  expire(key: string): void {
    const lease = this.#entries.get(key)?.lease;
    if (lease !== undefined) this.#end(lease);
  }

  /** Somebody else writes. */
  write(key: string, value: Uint8Array): void {
    this.#revision++;
    this.#put(key, value, undefined);
  }

  /** @returns what puts the store back to what it is now: an operator's backup. */
  backup(): () => void {
    const [entries, revision] = [new Map(this.#entries), this.#revision];
    return () => {
      this.#entries = new Map(entries);
      this.#revision = revision;
    };
  }

  #start(client: string, request: ConsensusRequest, done: AnyDone): void {
    const { fate, delaysMs } = this.#conditionsOf(client, request);
    const [thereMs, backMs] = delaysMs;
    const perform = (answer: AnyDone): void =>
      this.#perform(request, (error, result) => this.#in(backMs, () => answer(error, result)));
    if (fate === 'answered') return this.#in(thereMs, () => perform(done));
    if (fate === 'answer-lost') this.#in(thereMs, () => perform(() => {}));
    if (fate === 'done-later') this.#in(GIVE_UP_MS + thereMs, () => perform(() => {}));
    this.#in(GIVE_UP_MS, () => done(new QanatError('TIMEOUT', `no answer to ${request.op}`), undefined));
  }

  #conditionsOf(client: string, request: ConsensusRequest): RequestConditions {
    return this.away ? { ...USUAL, fate: 'request-lost' } : this.conditions(client, request);
  }

  #in(ms: number, run: () => void): void {
    this.#clock.at(this.#clock.nowMs() + ms, run);
  }

  #perform(request: ConsensusRequest, done: AnyDone): void {
    const ok = <R extends ConsensusRequest['op']>(result: ConsensusResults[R]): void => done(undefined, result);
    switch (request.op) {
      case 'get':
        return ok<'get'>({ revision: this.#revision, entries: this.#below(request.prefix) });
      case 'cas':
        return ok<'cas'>({ succeeded: this.#swap(request), revision: this.#revision });
      case 'grant':
        return ok<'grant'>({ lease: this.#grant(request.ttlMs), ttlMs: request.ttlMs });
      case 'keepAlive':
        return ok<'keepAlive'>({ alive: this.#keepAlive(request.lease) });
      case 'revoke':
        this.#end(request.lease);
        return ok<'revoke'>(undefined);
      case 'watch':
        return this.#watch(request, () => ok<'watch'>(undefined));
    }
  }

  #below(prefix: string): ConsensusEntry[] {
    return [...this.#entries.values()].filter(({ key }) => key.startsWith(prefix));
  }

  #swap({ compares, puts }: Extract<ConsensusRequest, { op: 'cas' }>): boolean {
    if (!compares.every((compare) => this.#holds(compare))) return false;
    if (puts.some(({ lease }) => lease !== undefined && !this.#leases.has(lease))) return false;
    this.#revision++;
    for (const { key, value, lease } of puts) this.#put(key, value, lease);
    return true;
  }

  #holds(compare: Compare): boolean {
    const entry = this.#entries.get(compare.key);
    if (compare.is === 'absent') return entry === undefined;
    if (compare.is === 'unchanged') return entry?.modRevision === compare.modRevision;
    return entry !== undefined && entry.value.join() === compare.value.join();
  }

  #put(key: string, value: Uint8Array, lease: LeaseId | undefined): void {
    const entry = { key, value: value.slice(), modRevision: this.#revision, lease };
    this.#entries.set(key, entry);
    this.onWritten(entry);
    this.#wake(key);
  }

  #grant(ttlMs: number): LeaseId {
    const id = String(this.#nextLease++);
    this.#leases.set(id, { ttlMs, cancel: () => {} });
    this.#keepAlive(id);
    return id;
  }

  #keepAlive(id: LeaseId): boolean {
    const lease = this.#leases.get(id);
    if (lease === undefined) return false;
    lease.cancel();
    lease.cancel = this.#clock.at(this.#clock.nowMs() + lease.ttlMs, () => this.#end(id));
    return true;
  }

  #end(id: LeaseId): void {
    this.#leases.get(id)?.cancel();
    this.#leases.delete(id);
    for (const { key, lease } of [...this.#entries.values()]) {
      if (lease !== id) continue;
      this.#revision++;
      this.#entries.delete(key);
      this.#wake(key);
    }
  }

  #watch({ prefix, revision, waitMs }: Extract<ConsensusRequest, { op: 'watch' }>, done: () => void): void {
    const watch: Watch = {
      prefix,
      revision,
      end: () => {
        if (this.#watches.delete(watch)) done();
      },
    };
    this.#watches.add(watch);
    const changed = this.#below(prefix).some(({ modRevision }) => modRevision > revision);
    this.#in(changed ? 0 : waitMs, watch.end);
  }

  #wake(key: string): void {
    for (const watch of [...this.#watches]) if (key.startsWith(watch.prefix) && this.#revision > watch.revision) watch.end();
  }
}
