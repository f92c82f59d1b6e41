import type { Request, ServerSession } from '../../connection/server-session.ts';
import type { EngineHost } from '../../context.ts';
import { QanatError } from '../../errors.ts';
import { sameBytes } from '../../security/scram.ts';
import type { Timer } from '../../timers.ts';
import { LIMITS } from '../../wire/gen/registry.ts';
import type { GroupRecord, ReplicaStateInit } from '../../wire/gen/replication-messages.ts';
import type { CatchUp } from './catch-up.ts';
import type { GroupRegister } from './group-register.ts';
import { InSyncSet } from './in-sync-set.ts';
import type { NumberUse } from './number-use.ts';
import type { ReplicaLog } from './replica-log.ts';

/** Of a frame with a part of the log, everything but the part. */
export const HEAD_BYTES_MAX = 128;

export interface MasterParts {
  readonly host: EngineHost;
  readonly log: ReplicaLog;
  readonly register: Pick<GroupRegister, 'put'>;
  /** Name of the broker group. */
  readonly broker: string;
  /** The record of this master's term, as it stands in the register. */
  readonly record: GroupRecord;
  /** Of this life of this replica. */
  readonly incarnation: number;
  /** With fewer replicas in sync nothing is committed; the master counts. */
  readonly minInSync: number;
  /** Time that a member of the in-sync set may lag behind. Default REPLICA_LAG_MS. */
  readonly lagMs?: number;
  /** When entries may be read for slaves that are not in sync. Default: at once. */
  readonly catchUp?: CatchUp;
  /** Who has which replica number. Default: an election sees to it that no two have the same. */
  readonly numbers?: NumberUse | undefined;
  /** Another master has been made; its term, where it is known. This one has stopped. */
  readonly fenced: (term: number | undefined) => void;
}

/** A REPLICATE that is not answered. */
interface Waiting {
  readonly request: Request<'REPLICATE'>;
  /** It was found that the slave's log is this one's up to the position that it asks for. */
  readonly position: number;
  /** The entries behind the position are on their way already: the request came before they could arrive. */
  readonly sent: boolean;
  /** Its time is over: it is answered as soon as nothing is being read for the slave. */
  late: boolean;
  readonly timer: Timer;
}

/** What goes on with one slave. */
interface Conversation {
  waiting: Waiting | undefined;
  /** Entries for the slave are being read: one answer at a time. */
  reading: boolean;
  /** It waits for its turn to catch up. */
  queued: boolean;
  /** Committed position that it was told last, on this connection. */
  told: number;
  session: ServerSession | undefined;
  /** Where the entries began that were sent last, while no request has come since. */
  sentFrom: number | undefined;
}

/** How much may be read, and who is to know how much it was. */
interface Turn {
  readonly bytesMax: number;
  readonly spent: (bytes: number) => void;
}

const UNBOUNDED: Turn = { bytesMax: Number.POSITIVE_INFINITY, spent: () => {} };

/**
 * The master's side of replication: answers the slaves' REPLICATE, and says what is committed (spec, chapter of replication).
 */
export class MasterReplica {
  readonly #parts: MasterParts;
  readonly #set: InSyncSet;
  readonly #conversations = new Map<number, Conversation>();
  #committed: number;
  #stopped = false;

  constructor(parts: MasterParts) {
    this.#parts = parts;
    const { host, log, register, record, incarnation, minInSync, lagMs = LIMITS.REPLICA_LAG_MS } = parts;
    this.#committed = log.committedPosition;
    this.#set = new InSyncSet({
      host,
      log,
      register,
      record,
      incarnation,
      minInSync,
      lagMs,
      fenced: () => this.#fence(undefined),
      changed: () => this.logProgressed(),
    });
  }

  /** Enough replicas are in sync for messages that must be committed. */
  get enoughInSync(): boolean {
    return this.#set.enough;
  }

  /** The record as the register has it for certain. */
  get record(): GroupRecord {
    return this.#set.onRecord;
  }

  /** All replicas that it knows, itself included. */
  describe(): readonly ReplicaStateInit[] {
    const { host, log, record, incarnation } = this.#parts;
    const own = { replica: record.master, incarnation, inSync: true, stored: log.storedPosition, silentMs: 0 };
    const slaves = [...this.#set.followers].map((follower) => ({
      replica: follower.replica,
      incarnation: follower.incarnation,
      inSync: this.#set.holds(follower),
      stored: follower.stored,
      silentMs: Math.min(0xffff_ffff, Math.floor(host.nowMs() - (follower.heardMs ?? 0))),
    }));
    return [own, ...slaves];
  }

  /**
   * REPLICATE.
   * @throws QanatError WRONG_BROKER, INVALID_ARGUMENT, TERM_FENCED, NOT_MASTER, LIMIT_EXCEEDED, NAME_IN_USE, NOT_READY.
   */
  replicate(request: Request<'REPLICATE'>): void {
    if (request.oneWay) return;
    this.#check(request);
    const { position, chain } = request.header;
    this.#parts.log.placeAt(position, (error, place) => {
      if (this.#stopped) request.fail(notMaster());
      else if (error !== undefined) request.fail(error);
      else this.#compared(request, place?.chain === chain);
    });
  }

  /** The log's written or stored position has moved. */
  logProgressed(): void {
    if (this.#stopped) return;
    const { log } = this.#parts;
    const position = this.#set.committedPosition(log.storedPosition);
    if (position > this.#committed) {
      this.#committed = position;
      log.commitTo(position);
    }
    for (const conversation of this.#conversations.values()) this.#look(conversation);
  }

  /** The connection reads again. */
  sessionDrained(session: ServerSession): void {
    for (const conversation of this.#conversations.values()) if (conversation.session === session) this.#look(conversation);
  }

  /** The connection is gone. */
  sessionClosed(session: ServerSession): void {
    for (const conversation of this.#conversations.values()) {
      if (conversation.session !== session) continue;
      conversation.waiting?.timer.cancel();
      conversation.waiting = undefined;
      conversation.session = undefined;
    }
  }

  /** It is no longer the master: nothing is committed any more, and who waits is told. Idempotent. */
  stop(): void {
    this.#stopped = true;
    this.#set.stop();
    for (const { waiting } of this.#conversations.values()) {
      waiting?.timer.cancel();
      waiting?.request.fail(notMaster());
    }
    this.#conversations.clear();
  }

  #fence(term: number | undefined): void {
    if (this.#stopped) return;
    this.stop();
    this.#parts.fenced(term);
  }

  #check(request: Request<'REPLICATE'>): void {
    const { broker, record, log, numbers } = this.#parts;
    const { header } = request;
    if (this.#stopped) throw notMaster();
    if (header.broker !== broker) throw new QanatError('WRONG_BROKER', `this is not the broker ${header.broker}`);
    if (!sameBytes(header.storeId, log.storeId)) throw new QanatError('WRONG_BROKER', 'the log of this broker is another one');
    if (header.waitMs > LIMITS.REPLICATE_WAIT_MS_MAX)
      throw new QanatError('INVALID_ARGUMENT', `wait_ms is above ${LIMITS.REPLICATE_WAIT_MS_MAX} (REPLICATE_WAIT_MS_MAX)`);
    if (header.replica === record.master) throw new QanatError('INVALID_ARGUMENT', `replica ${header.replica} is the master`);
    if (!this.#set.hasRoom(header.replica))
      throw new QanatError('LIMIT_EXCEEDED', `the group has ${LIMITS.REPLICAS_MAX} replicas (REPLICAS_MAX)`);
    if (header.term < record.term) throw new QanatError('TERM_FENCED', `the term is ${record.term}`);
    if (header.term > record.term) {
      this.#fence(header.term);
      throw notMaster();
    }
    if (numbers?.isTaken(header.replica, header.incarnation) === true)
      throw new QanatError('NAME_IN_USE', `another process runs as replica ${header.replica} of broker ${broker}`);
    if (this.#isUnwritten(header.position))
      throw new QanatError('NOT_READY', `what ends at ${header.position} is not written here yet`);
  }

  /**
   * Whether the log ends there or later, and is not written so far. Once it is the slave may be found to have the same: a slave
   * that was told before that it has not would cut off what it is counted for then (QNT-RPL-004).
   */
  #isUnwritten(position: number): boolean {
    const { log } = this.#parts;
    return position > log.written.position && position <= (log.uncommittedPlaces().at(-1)?.position ?? 0);
  }

  /** It is known whether the slave's log, up to its position, is the beginning of this one. */
  #compared(request: Request<'REPLICATE'>, same: boolean): void {
    const { log } = this.#parts;
    const { position, stored, probe, replica, incarnation } = request.header;
    // Of what lies before the oldest entry nobody can say anything any more; `oldest` tells the slave.
    const known = position >= log.oldestPosition;
    if (!known || !same || probe) return request.respond({ ...this.#head(request), diverged: known && !same });
    // The place was compared, and so was everything before it: of what the slave has stored beyond it nothing is known.
    this.#set.heard(replica, incarnation, Math.min(stored, position));
    this.#wait(request);
    this.logProgressed();
  }

  #head(request: Request<'REPLICATE'>): { term: number; committed: number; logEnd: number; oldest: number; inSync: boolean } {
    const { log, record } = this.#parts;
    return {
      term: record.term,
      committed: this.#committed,
      logEnd: log.written.position,
      oldest: log.oldestPosition,
      inSync: this.#set.holds(request.header),
    };
  }

  /** The request waits from now on; one of the same slave that waited before ends. */
  #wait(request: Request<'REPLICATE'>): void {
    const { host } = this.#parts;
    const { replica, position, waitMs } = request.header;
    const conversation = this.#conversation(replica, request.session);
    this.#endWaiting(conversation);
    const timer = host.timers.at(host.nowMs() + waitMs, () => this.#timeIsOver(conversation));
    // A slave tells what it has stored while it waits, and entries may cross that: they are sent again only to who asks again.
    const sent = conversation.sentFrom === position && waitMs > 0;
    conversation.waiting = { request, position, sent, late: false, timer };
    conversation.sentFrom = undefined;
  }

  #timeIsOver(conversation: Conversation): void {
    const { waiting, reading } = conversation;
    if (waiting === undefined) return;
    waiting.late = true;
    // What is being read was there in time.
    if (!reading) this.#endWaiting(conversation);
  }

  #conversation(replica: number, session: ServerSession): Conversation {
    const before = this.#conversations.get(replica);
    if (before?.session === session) return before;
    if (before !== undefined) this.#endWaiting(before);
    const conversation: Conversation = {
      waiting: undefined,
      reading: false,
      queued: false,
      told: -1,
      session,
      sentFrom: undefined,
    };
    this.#conversations.set(replica, conversation);
    return conversation;
  }

  /** Answers the request that waits, without entries. */
  #endWaiting(conversation: Conversation): void {
    const { waiting } = conversation;
    if (waiting === undefined) return;
    this.#answer(conversation, waiting, []);
  }

  #answer(conversation: Conversation, { request, timer }: Waiting, parts: readonly Uint8Array[]): void {
    timer.cancel();
    conversation.waiting = undefined;
    conversation.told = this.#committed;
    request.respond(this.#head(request), parts);
  }

  /** Answers the request that waits where there is something to say. */
  #look(conversation: Conversation): void {
    const { waiting } = conversation;
    if (!isFree(conversation) || waiting === undefined) return;
    if (this.#hasEntries(waiting)) this.#send(conversation, waiting);
    else if (this.#committed > conversation.told || waiting.late) this.#answer(conversation, waiting, []);
  }

  #hasEntries({ position, sent }: Waiting): boolean {
    return position < this.#parts.log.written.position && !sent;
  }

  /** A slave that is not in sync waits for its turn: those who are in sync, and what is sent to this master, come first. */
  #send(conversation: Conversation, waiting: Waiting): void {
    const { catchUp } = this.#parts;
    if (catchUp === undefined || this.#set.holds(waiting.request.header)) return this.#read(conversation, waiting);
    if (waiting.late) return this.#answer(conversation, waiting, []);
    if (conversation.queued) return;
    conversation.queued = true;
    catchUp.take((spent) => {
      conversation.queued = false;
      // A newer request may have come meanwhile, or none.
      const { waiting: now } = conversation;
      const isDue = !this.#stopped && isFree(conversation) && now !== undefined && this.#hasEntries(now);
      if (isDue) this.#read(conversation, now, { spent, bytesMax: catchUp.pieceBytesMax });
      else spent(0);
    });
  }

  #read(conversation: Conversation, { position, request }: Waiting, turn: Turn = UNBOUNDED): void {
    const { log } = this.#parts;
    const { maxBytes } = request.header;
    const room = request.session.frameBytesMax - HEAD_BYTES_MAX;
    const bytesMax = Math.min(maxBytes || LIMITS.REPLICATE_BYTES_MAX, LIMITS.REPLICATE_BYTES_MAX, room, turn.bytesMax);
    conversation.reading = true;
    log.readEntries(position, bytesMax, (error, parts) => {
      conversation.reading = false;
      turn.spent(parts.reduce((sum, part) => sum + part.length, 0));
      // A newer request of the slave may have come meanwhile: the entries are for it, where it asks for the same.
      const { waiting } = conversation;
      if (waiting === undefined) return;
      if (error !== undefined) return this.#failWaiting(conversation, waiting, error);
      if (waiting.position !== position) return this.#look(conversation);
      if (parts.length > 0) conversation.sentFrom = position;
      this.#answer(conversation, waiting, parts);
    });
  }

  #failWaiting(conversation: Conversation, { request, timer }: Waiting, error: QanatError): void {
    timer.cancel();
    conversation.waiting = undefined;
    request.fail(error);
  }
}

/** It can be answered with entries. */
const isFree = ({ waiting, reading }: Conversation): boolean =>
  waiting !== undefined && !reading && !waiting.request.session.blocked;

const notMaster = (): QanatError => new QanatError('NOT_MASTER', 'this replica is no longer the master of its group');
