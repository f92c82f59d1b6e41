import type { ResponseDone } from '../../connection/request.ts';
import type { EngineHost } from '../../context.ts';
import { QanatError } from '../../errors.ts';
import type { Timer } from '../../timers.ts';
import { readUint32 } from '../../wire/bytes.ts';
import { LIMITS } from '../../wire/gen/registry.ts';
import { REPLICATION_REQUESTS, type Replicate, type ReplicateOk } from '../../wire/gen/replication-messages.ts';
import { ENTRY_AT } from '../log/entry.ts';
import { DivergenceSearch } from './divergence-search.ts';
import type { LogPlace, ReplicaLog } from './replica-log.ts';

/** How long the master may wait for something to say. */
const WAIT_MS = 1_000;
/** A master that does not answer within this time gets a new connection. */
const ANSWER_MS = 3_000;
/** After an answer that said no. */
const ASK_AGAIN_MS = 500;
/** One that waits for entries, and one that tells what was stored meanwhile. */
const REQUESTS_MAX = 2;
/** What may wait to be written before more is asked for. */
const UNWRITTEN_BYTES_MAX = 2 * LIMITS.REPLICATE_BYTES_MAX;

/** What a slave needs of the connection to its master. */
export interface MasterSession {
  request(
    name: 'REPLICATE',
    header: ReplicateFields,
    options: { readonly timeoutMs: number; readonly codec: typeof REPLICATION_REQUESTS.REPLICATE },
    done: ResponseDone<'REPLICATE'>,
  ): void;
}

/** A connection to a master, made again and again until it is closed: a ServerLink is one. */
export interface MasterLink {
  /** While requests can be sent. */
  readonly session: MasterSession | undefined;
  connect(): void;
  close(): void;
  /** The master does not answer as it should: a new connection may. */
  suspect(error: QanatError): void;
}

/** Which replica is master, in which term, and where it listens. */
export interface FollowedMaster {
  readonly replica: number;
  readonly term: number;
  readonly address: string;
}

/** What a slave says in each REPLICATE; how many bytes come is left to the master. */
export type ReplicateFields = Omit<Replicate, 'maxBytes'>;

export interface SlaveParts {
  readonly host: EngineHost;
  readonly log: ReplicaLog;
  /** Name of the broker group. */
  readonly broker: string;
  /** Number of this replica. */
  readonly replica: number;
  /** Of this life of this replica. */
  readonly incarnation: number;
  /** The highest that this replica knows, also from the record of its group. */
  readonly term: number;
  /** Makes a connection, with the feature REPLICATION; it tells nothing before `connect`. */
  readonly link: (address: string, events: { onOpen(): void; onClosed(error: QanatError | undefined): void }) => MasterLink;
  /** This replica and its master differ in what is committed: it copies nothing any more, and must serve nothing. */
  readonly onHalted: (error: QanatError) => void;
  /** Another term than that of the route holds; undefined: a higher one, unnamed. The route is to be asked for again. */
  readonly onTermSeen: (term: number | undefined) => void;
  /** The log begins anew from a snapshot: the master has no entry below `oldest` any more. This replica waits for `follow`. */
  readonly onTooOld: (oldest: number) => void;
  /** What it has cut off is gone: `cutting` is over. */
  readonly onCut: () => void;
}

/** A request under way: what it said, to be compared with what is so when its answer comes. */
interface Asked {
  readonly end: LogPlace;
  readonly stored: number;
}

/** The slave's side of replication: copies the log of a master (spec, chapter of replication). */
export class SlaveReplica {
  readonly #parts: SlaveParts;
  #master: FollowedMaster | undefined;
  /** No master of a lower one is ever followed: it could make this replica cut what a later one has committed. */
  #term: number;
  #link: MasterLink | undefined;
  /** Where the log ends, staged entries included. Another object whenever it changes: answers are held against it. */
  #end: LogPlace;
  /** Everything below it is known to be committed. */
  #committed: number;
  /** What was asked last on this connection. */
  #newest: Asked | undefined;
  #underWay = 0;
  #masterEnd = 0;
  #inSync: boolean | undefined;
  #search: DivergenceSearch | undefined;
  #cutting = false;
  #again: Timer | undefined;
  #halted: QanatError | undefined;

  constructor(parts: SlaveParts) {
    this.#parts = parts;
    this.#term = parts.term;
    this.#committed = parts.log.committedPosition;
    this.#end = endOf(parts.log);
  }

  /** The master that it copies. */
  get following(): FollowedMaster | undefined {
    return this.#master;
  }

  /** Where its master's log ended, as a master said last; 0: none has. */
  get masterEnd(): number {
    return this.#masterEnd;
  }

  /** Whether it is of the in-sync set, as a master said last; undefined: none has. */
  get inSync(): boolean | undefined {
    return this.#inSync;
  }

  /** A tail of the log is being cut off, also after `stop`: nothing else may be done with the log meanwhile. */
  get cutting(): boolean {
    return this.#cutting;
  }

  /** Why it copies nothing, and serves nothing, until an operator has looked at it. */
  get halted(): QanatError | undefined {
    return this.#halted;
  }

  /** Copies this master from now on; one of a lower term than the highest that is known is passed over. */
  follow(master: FollowedMaster): void {
    const before = this.#master;
    if (this.#halted !== undefined || master.term < this.#term) return;
    const same = before?.term === master.term && before.replica === master.replica && before.address === master.address;
    if (same && this.#link !== undefined) return;
    this.#leave();
    this.#master = master;
    this.#term = master.term;
    if (!this.#cutting) this.#end = endOf(this.#parts.log);
    const link = this.#parts.link(master.address, {
      onOpen: () => {
        if (link === this.#link) this.#pull();
      },
      onClosed: () => {
        if (link === this.#link) this.#forget();
      },
    });
    this.#link = link;
    link.connect();
  }

  /** There is a master of this term, wherever it is: one of a lower term is left. */
  termSeen(term: number): void {
    this.#term = Math.max(this.#term, term);
    if (this.#master !== undefined && this.#master.term < this.#term) this.stop();
  }

  /** Copies nothing from now on, until `follow`. */
  stop(): void {
    this.#leave();
    this.#master = undefined;
  }

  /** The log's written or stored position has moved: the master hears of it at once. */
  logProgressed(): void {
    this.#pull();
  }

  /** Entries that were staged could not be written, and are gone. */
  logShortened(): void {
    this.#end = endOf(this.#parts.log);
    this.#search = undefined;
    this.#pullLater();
  }

  #leave(): void {
    const link = this.#link;
    this.#link = undefined;
    this.#forget();
    link?.close();
  }

  /** The connection is gone, and with it everything that was asked on it. */
  #forget(): void {
    this.#newest = undefined;
    this.#underWay = 0;
    this.#search = undefined;
    this.#again?.cancel();
    this.#again = undefined;
  }

  #halt(error: QanatError): void {
    this.#halted = error;
    this.#leave();
    this.#parts.onHalted(error);
  }

  /** Asks for what comes next, where that would say or bring anything new. */
  #pull(): void {
    const session = this.#link?.session;
    if (session === undefined || this.#cutting || this.#search !== undefined || this.#again !== undefined) return;
    const { log } = this.#parts;
    const asked = { end: this.#end, stored: log.storedPosition };
    if (this.#underWay === REQUESTS_MAX || asked.end.position - log.written.position > UNWRITTEN_BYTES_MAX) return;
    if (this.#underWay > 0 && this.#newest?.end === asked.end && this.#newest.stored === asked.stored) return;
    this.#newest = asked;
    this.#underWay++;
    this.#ask(asked.end, false, (header, entries) => {
      if (asked.end === this.#end) this.#take(header, entries);
      this.#pull();
    });
  }

  /** Asks the master; `done` is called for an answer of this master, in this term, on this connection. */
  #ask(place: LogPlace, probe: boolean, done: (header: ReplicateOk, entries: Uint8Array) => void): void {
    const link = this.#link as MasterLink;
    const session = link.session as MasterSession;
    const { broker, replica, incarnation, log } = this.#parts;
    const { term } = this.#master as FollowedMaster;
    const { position, chain } = place;
    const own = { broker, storeId: log.storeId, replica, incarnation, term };
    const header = {
      ...own,
      position,
      chain,
      stored: Math.min(log.storedPosition, position),
      probe,
      waitMs: probe ? 0 : WAIT_MS,
    };
    const options = { timeoutMs: ANSWER_MS, codec: REPLICATION_REQUESTS.REPLICATE };
    session.request('REPLICATE', header, options, (error, response) => {
      if (link !== this.#link || session !== link.session) return;
      if (!probe) this.#underWay--;
      if (error !== undefined) this.#refused(error);
      else if (response.header.term !== term) this.#otherTerm(response.header.term);
      else {
        this.#masterEnd = response.header.logEnd;
        this.#inSync = response.header.inSync;
        done(response.header, response.payload);
      }
    });
  }

  /** Takes an answer to a request that said where the log ends, and it ends there still. */
  #take(header: ReplicateOk, entries: Uint8Array): void {
    const { log, onTooOld } = this.#parts;
    if (header.oldest > this.#end.position) {
      this.#leave();
      return onTooOld(header.oldest);
    }
    if (header.diverged) return this.#diverged();
    if (entries.length > 0) {
      try {
        log.appendEntries(entries);
      } catch (error) {
        if (!QanatError.is(error)) throw error;
        return this.#broken(error);
      }
      this.#end = placeBehind(entries, this.#end.position);
    }
    const committed = Math.min(header.committed, this.#end.position);
    if (committed <= this.#committed) return;
    this.#committed = committed;
    log.commitTo(committed);
  }

  /** What came is no part of a log: another connection may bring better bytes. */
  #broken(error: QanatError): void {
    this.#parts.host.log('warn', 'replication.bad-entries', { error: error.message });
    this.#pullLater();
    this.#link?.suspect(error);
  }

  #refused(error: QanatError): void {
    if (error.code === 'TERM_FENCED') return this.#otherTerm(undefined);
    if (error.code === 'NAME_IN_USE') return this.#halt(new QanatError('REPLICA_TAKEN', error.message));
    if (error.code === 'TIMEOUT') return this.#link?.suspect(error);
    this.#search = undefined;
    this.#pullLater();
    if (error.code === 'NOT_MASTER') this.#parts.onTermSeen(undefined);
  }

  /** This is not the master of the route any more, or the route is old. */
  #otherTerm(term: number | undefined): void {
    this.#leave();
    this.#parts.onTermSeen(term);
  }

  #pullLater(): void {
    const { host } = this.#parts;
    this.#again?.cancel();
    this.#again = host.timers.at(host.nowMs() + ASK_AGAIN_MS, () => {
      this.#again = undefined;
      this.#pull();
    });
  }

  // ---- divergence ----

  #diverged(): void {
    const { log } = this.#parts;
    const places = log.uncommittedPlaces().filter(({ position }) => position >= this.#committed);
    this.#search = new DivergenceSearch(places);
    this.#probe(this.#search);
  }

  /** Looks for the newest place that both logs have; nothing else is asked meanwhile, so that the log stays as it is. */
  #probe(search: DivergenceSearch): void {
    const { next } = search;
    if (next === undefined) return this.#cut(search.common);
    this.#ask(next, true, ({ diverged, oldest }) => {
      if (search !== this.#search) return;
      if (oldest > next.position) {
        this.#leave();
        return this.#parts.onTooOld(oldest);
      }
      search.answered(!diverged);
      this.#probe(search);
    });
  }

  #cut(place: LogPlace | undefined): void {
    if (place === undefined) return this.#halt(this.#committedTruncation());
    const { log, host } = this.#parts;
    host.log('warn', 'replication.cut', { from: this.#end.position, to: place.position });
    this.#search = undefined;
    this.#cutting = true;
    log.cutTo(place.position, (error) => {
      this.#cutting = false;
      this.#end = endOf(log);
      if (error === undefined) this.#pull();
      else {
        host.log('error', 'replication.cut-failed', { error: error.message });
        this.#pullLater();
      }
      this.#parts.onCut();
    });
  }

  #committedTruncation(): QanatError {
    const { replica } = this.#parts;
    return new QanatError(
      'CORRUPT_LOG',
      `replica ${replica} has committed what its master does not have, at or below position ${this.#committed}`,
      { hint: 'compare both logs; what was lost was lost when the master was made: start this replica with an empty store' },
    );
  }
}

/** Where the log ends, staged entries included. */
const endOf = (log: ReplicaLog): LogPlace => log.uncommittedPlaces().at(-1) as LogPlace;

/** The place behind whole entries that begin at `position`; there is one at least. */
function placeBehind(entries: Uint8Array, position: number): LogPlace {
  let last = 0;
  for (let at = 0; at < entries.length; at += readUint32(entries, at + ENTRY_AT.length)) last = at;
  const chain = readUint32(entries, last + ENTRY_AT.chain);
  return { position: position + entries.length, chain, term: readUint32(entries, last + ENTRY_AT.term) };
}
