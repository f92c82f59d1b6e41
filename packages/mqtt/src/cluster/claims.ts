import { QanatError, type QueueId } from '@qanat/core';
import { PACKET_IDS, PLACE_IDS } from '../packet-ids.ts';
import type { Backlog, Claimed, ClaimRequest } from '../ports.ts';
import { mayHaveSessionOf } from '../principal.ts';
import type { InboundExchanges } from './inbound-exchanges.ts';
import type { IndexRecord } from './index-record.ts';
import type { Liveness } from './liveness.ts';
import type { LocalSession } from './local-session.ts';
import type { QueueTable } from './queue-table.ts';
import { gatherBacklog, indexedFor, type ResumeScope } from './resume.ts';
import { isConflict, NO_ENTRIES, type SessionEntries, type SessionStore, type Versioned } from './session-entries.ts';
import type { SessionMirror } from './session-mirror.ts';
import { expiresAtMs, type SessionRecord } from './session-record.ts';
import { queueName, sessionKey } from './state-keys.ts';
import { type Wills, willDueMs } from './wills.ts';

export interface ClaimScope extends ResumeScope {
  readonly store: SessionStore;
  readonly mirror: SessionMirror;
  readonly liveness: Liveness;
  readonly wills: Wills;
  readonly inbound: InboundExchanges;
  readonly indexes: ReadonlyMap<number, IndexRecord>;
  readonly queues: QueueTable;
  readonly wallMs: () => number;
}

/** What is claimed, as long as it is wanted: what a claim does ends with its answer, but for what was asked already. */
export interface Claiming extends ClaimRequest {
  /** The state queue of the client. */
  readonly queue: QueueId;
  /** Once it is answered without a session. */
  readonly ended: () => AbortSignal;
}

/** What a claim has made; `end` gives what the engine is told, and must be called in the turn in which it is told. */
export interface ClaimResult {
  readonly session: LocalSession;
  end(): Claimed;
}

/** A bridge that writes exchanges of the session faster than they are read here is stopped after so many tries. */
const CONFLICTS_MAX = 3;

/** Packet ids are drawn from another part of their range by each connection. */
const firstPacketId = (claim: number): number => PLACE_IDS + 1 + (((claim % PACKET_IDS) * 1_031) % (PACKET_IDS - PLACE_IDS));

/**
 * The record of a session whose bridge does not tell any more how far it came, with the positions of that bridge's last
 * checkpoint where these count, and until when it may have sent. @returns whether the pointers still count.
 */
export function withCheckpoint(
  former: SessionRecord,
  liveness: Liveness,
  wallMs: number,
): { record: SessionRecord; pointersHold: boolean } {
  const { owner, checkpointsFrom, cursor } = former;
  if (owner === undefined) return { record: former, pointersHold: true };
  const record = { ...former, sentUntilMs: liveness.servedUntilMs(owner, wallMs) };
  const { number, positions } = liveness.checkpointOf(owner);
  if (checkpointsFrom === 0 || number < checkpointsFrom) return { record, pointersHold: true };
  return { record: { ...record, cursor: new Map([...cursor, ...positions]) }, pointersHold: false };
}

/**
 * Makes a session this bridge's: its record with this bridge as owner stands in the place of the one that was read, so that of
 * two bridges one wins and the other one sees it.
 *
 * @returns undefined: it is the session of another principal.
 * @throws QanatError where the cluster cannot be asked. The record may name this bridge all the same.
 */
export async function claimSession(scope: ClaimScope, request: Claiming, epoch: number): Promise<ClaimResult | undefined> {
  const { queue } = request;
  // Most new sessions are new to the whole cluster: where that is wrong, the write is refused.
  let isNew = !scope.mirror.sessions.has(sessionKey(request.clientId));
  for (let conflicts = 0; ; ) {
    try {
      return await attempt(scope, request, epoch, queue, isNew, conflicts >= CONFLICTS_MAX);
    } catch (error) {
      if (!isConflict(error)) throw error;
      isNew = false;
      conflicts++;
    }
  }
}

async function attempt(
  scope: ClaimScope,
  request: Claiming,
  epoch: number,
  queue: QueueId,
  isNew: boolean,
  shut: boolean,
): Promise<ClaimResult | undefined> {
  const found = isNew ? undefined : await scope.store.read(queue, request.clientId);
  if (found !== undefined && isForeign(scope, found.record, request)) return undefined;
  if (shut && found !== undefined) await scope.store.shut(queue, found.record);
  // Before the pointers are read: they are written before an index says so.
  const indexes = new Map(scope.indexes);
  const entries = found === undefined ? NO_ENTRIES : await scope.store.entriesOf(queue, found.record);
  const goesOn = found !== undefined && !request.cleanStart && !isExpired(scope, found.record);
  const forgetWill = found === undefined ? undefined : await settleWill(scope, found.record, goesOn);
  if (!request.wanted()) throw new QanatError('TIMEOUT', `${request.clientId} does not wait any more`);
  const result = goesOn
    ? await resume(scope, request, epoch, queue, found, entries, indexes)
    : await begin(scope, request, epoch, queue, found, entries);
  await forgetWill?.();
  return result;
}

/** Whether the session stands, online or not, and is somebody else's: a client id is no secret. */
function isForeign(scope: ClaimScope, record: SessionRecord, { principal }: ClaimRequest): boolean {
  if (mayHaveSessionOf(principal, record.principal)) return false;
  const isOnline = record.owner !== undefined && scope.liveness.isAlive(record.owner);
  return isOnline || !isExpired(scope, record);
}

const isExpired = (scope: ClaimScope, record: SessionRecord): boolean => expiresAtMs(asLeft(scope, record)) <= scope.wallMs();

/** The record as it is once the connection before has ended: with this claim, or with the death of its bridge. */
function asLeft({ liveness, wallMs }: ClaimScope, record: SessionRecord): SessionRecord {
  const { owner } = record;
  if (owner === undefined) return record;
  const offlineSinceMs = liveness.servedUntilMs(owner, wallMs());
  const left = { ...record, owner: undefined, offlineSinceMs };
  return { ...left, willDueMs: willDueMs(left, offlineSinceMs) };
}

/**
 * The will of the connection before: it is sent where the session ends, or where it has no delay to be cancelled in
 * [MQTT-3.1.3-9].
 */
async function settleWill(scope: ClaimScope, record: SessionRecord, goesOn: boolean): Promise<(() => Promise<void>) | undefined> {
  const dueMs = asLeft(scope, record).willDueMs;
  if (dueMs === 0 || (goesOn && dueMs > scope.wallMs())) return undefined;
  const forget = await scope.wills.publish(record);
  if (forget === undefined) throw new QanatError('TIMEOUT', `the will of the connection before of ${record.clientId} waits`);
  return forget;
}

async function begin(
  scope: ClaimScope,
  request: ClaimRequest,
  epoch: number,
  queue: QueueId,
  found: Versioned | undefined,
  entries: SessionEntries,
): Promise<ClaimResult> {
  const { clientId } = request;
  // Never a number that a session of this client had before, be it long forgotten.
  const claim = Math.max((found?.record.claim ?? 0) + 1, Math.floor(scope.wallMs()));
  const record = newRecord(scope, request, claim, {
    subscriptions: [],
    cursor: scope.tails.cursor(),
    pointersFrom: claim,
    inbound: undefined,
    sentUntilMs: 0,
  });
  const removals = entries.keys.map((key) => ({ key, value: undefined }));
  const version = await scope.store.replace(queue, record, found?.version ?? 0, removals, request.wanted);
  // Nobody waits for it: the new session's exchanges have another name.
  if (found?.record.inbound !== undefined) void scope.inbound.clear(found.record);
  const backlog: Backlog = { places: [], scanFrom: [], maybeSent: [], exchanges: [] };
  const session = newSession(clientId, epoch, queue, record, version);
  return { session, end: () => claimed(session, false, backlog) };
}

async function resume(
  scope: ClaimScope,
  request: Claiming,
  epoch: number,
  queue: QueueId,
  found: Versioned,
  entries: SessionEntries,
  indexes: ReadonlyMap<number, IndexRecord>,
): Promise<ClaimResult> {
  const { clientId } = request;
  const { record: former, pointersHold } = withCheckpoint(found.record, scope.liveness, scope.wallMs());
  const indexed = former.owner === undefined ? indexedFor(indexes, queueName(queue), found.version) : new Map<number, number>();
  const claim = former.claim + 1;
  const { cursor, pointersFrom, sentUntilMs } = former;
  const subscriptions = former.subscriptions.filter(({ filter }) => request.maySubscribe(filter));
  const record = newRecord(scope, request, claim, {
    subscriptions,
    cursor,
    pointersFrom: pointersHold ? pointersFrom : claim,
    inbound: found.record.inbound,
    sentUntilMs,
  });
  const kept = pointersHold ? entries : { ...entries, pointers: [], sent: [] };
  const restamped = scope.store.restamped(clientId, claim, entries);
  const version = await scope.store.replace(queue, record, found.version, restamped, request.wanted);
  const session = newSession(clientId, epoch, queue, record, version);
  session.pointers = new Map(entries.keys.filter((key) => key.startsWith('p/')).map((key) => [key, undefined]));
  session.finished = [...entries.finished];
  try {
    const end = await gatherBacklog(scope, { record, entries: kept, indexed }, request.ended());
    return { session, end: () => claimed(session, true, end()) };
  } catch (error) {
    // Whoever looks for sessions that this bridge does not have does it otherwise.
    await letGo(scope, session, former).catch(() => {});
    throw error;
  }
}

/**
 * The backlog cannot be gathered, since a broker is away: the session is nobody's, as it was, so that it is indexed and
 * expires.
 */
async function letGo(
  { store, wallMs }: ClaimScope,
  { queue, record, version }: LocalSession,
  former: SessionRecord,
): Promise<void> {
  const offlineSinceMs = former.owner === undefined ? former.offlineSinceMs : wallMs();
  await store.replace(queue, { ...record, owner: undefined, offlineSinceMs, will: undefined }, version, [], () => false);
}

function newRecord(
  { liveness }: ClaimScope,
  { clientId, expiryInterval, principal, will }: ClaimRequest,
  claim: number,
  rest: Pick<SessionRecord, 'subscriptions' | 'cursor' | 'pointersFrom' | 'inbound' | 'sentUntilMs'>,
): SessionRecord {
  return {
    clientId,
    claim,
    owner: liveness.instance,
    offlineSinceMs: 0,
    expiryInterval,
    principal,
    checkpointsFrom: 0,
    will,
    willDueMs: 0,
    ...rest,
  };
}

/** Of the many sessions that have none. */
const NO_POINTERS: ReadonlyMap<string, undefined> = new Map();

const newSession = (clientId: string, epoch: number, queue: QueueId, record: SessionRecord, version: number): LocalSession => ({
  clientId,
  epoch,
  queue,
  record,
  version,
  fence: 0,
  pointers: NO_POINTERS,
  savedAtMs: Number.NEGATIVE_INFINITY,
  finished: [],
  inbound: undefined,
  live: false,
});

function claimed({ epoch, record }: LocalSession, sessionPresent: boolean, backlog: Backlog): Claimed {
  const { subscriptions, claim, sentUntilMs } = record;
  return { epoch, sessionPresent, subscriptions, backlog, sentUntilMs, firstPacketId: firstPacketId(claim) };
}
