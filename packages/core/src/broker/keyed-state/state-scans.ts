import type { Request, ServerSession } from '../../connection/server-session.ts';
import type { EngineHost } from '../../context.ts';
import { QanatError } from '../../errors.ts';
import { SmallSet } from '../../small-set.ts';
import type { Timer } from '../../timers.ts';
import { LIMITS } from '../../wire/gen/registry.ts';
import { encodeStateEntries, type StateEntry } from '../../wire/state-entry.ts';
import type { Change } from './change-ring.ts';
import { keyOfBytes } from './key-text.ts';
import { answered, type QueueState } from './queue-state.ts';
import { AnswerEntries } from './state-requests.ts';

/** What a connection gets in one burst before we hear whether it is blocked: half of what may wait for it. */
const BURST_BYTES_MAX = LIMITS.PENDING_RESPONSE_BYTES_MAX / 2;

/** A scan of changes that waits for one. */
interface Scan {
  readonly request: Request<'STATE_SCAN'>;
  readonly state: QueueState;
  readonly prefix: string;
  /** Nothing for it has changed up to here. */
  since: number;
  readonly timer: Timer;
}

/** Serves STATE_GET and STATE_SCAN: what is in the log, and nothing that is staged (QNT-KST-010). */
export class StateScans {
  readonly #host: EngineHost;
  readonly #waiting = new Map<QueueState, Set<Scan>>();
  readonly #bySession = new Map<ServerSession, Set<Scan>>();
  readonly #moved = new SmallSet<QueueState>();
  /** Something may have come for them, and their connection had no room. */
  #held = new Set<Scan>();
  /** What each connection was answered in this burst. */
  #burst = new Map<ServerSession, number>();

  constructor(host: EngineHost) {
    this.#host = host;
  }

  /** @throws QanatError LIMIT_EXCEEDED, TOO_MANY_REQUESTS. */
  get(request: Request<'STATE_GET'>, state: QueueState, keys: readonly string[]): void {
    this.#checkBurst(request.session);
    const answer = new AnswerEntries(request.session.controlBytesMax);
    for (const key of keys) if (!answer.add(answered(key, state.get(key)))) break;
    this.#count(request.session, answer);
    request.respond({ version: state.version }, [encodeStateEntries(answer.entries)]);
  }

  /** @throws QanatError LIMIT_EXCEEDED, TOO_MANY_REQUESTS. */
  scan(request: Request<'STATE_SCAN'>, state: QueueState): void {
    this.#checkBurst(request.session);
    if (request.header.changes) this.#scanChanges(request, state);
    else this.#scanEntries(request, state);
  }

  /** The state has changed, or is gone. */
  moved(state: QueueState): void {
    if (this.#waiting.has(state)) this.#moved.add(state);
  }

  /** Looks at the scans for which something may have come. To be called once after each burst of inputs. */
  flush(): void {
    const held = this.#held;
    if (held.size > 0) this.#held = new Set();
    for (const scan of held) this.#look(scan);
    for (const state of this.#moved.take()) for (const scan of this.#waiting.get(state) ?? []) this.#look(scan);
  }

  burstEnded(): void {
    if (this.#burst.size > 0) this.#burst = new Map();
  }

  sessionClosed(session: ServerSession): void {
    for (const scan of this.#bySession.get(session) ?? []) this.#forget(scan);
  }

  /** The queue is gone. */
  removed(state: QueueState): void {
    const gone = new QanatError('TOPIC_NOT_FOUND', 'the topic was removed');
    for (const scan of this.#waiting.get(state) ?? []) {
      this.#forget(scan);
      scan.request.fail(gone);
    }
  }

  /** Answers every scan with what it has: the broker stops. */
  endAll(): void {
    for (const scans of this.#waiting.values()) for (const scan of scans) this.#end(scan);
  }

  #scanEntries(request: Request<'STATE_SCAN'>, state: QueueState): void {
    const { limit } = request.header;
    const prefix = keyOfBytes(request.header.prefix);
    const after = keyOfBytes(request.header.after);
    const answer = new AnswerEntries(request.session.controlBytesMax);
    const most = limit === 0 ? Number.POSITIVE_INFINITY : limit;
    let more = false;
    for (const [key, entry] of state.entries.from(after > prefix ? after : prefix)) {
      if (key === after) continue;
      if (!key.startsWith(prefix)) break;
      more = answer.entries.length >= most || !answer.add(answered(key, entry));
      if (more) break;
    }
    this.#count(request.session, answer);
    request.respond({ version: state.version, more }, [encodeStateEntries(answer.entries)]);
  }

  #scanChanges(request: Request<'STATE_SCAN'>, state: QueueState): void {
    const { since, waitMs } = request.header;
    const prefix = keyOfBytes(request.header.prefix);
    if (this.#answerChanges(request, state, prefix, since)) return;
    if (waitMs === 0) return request.respond({ version: state.version });
    const timer = this.#host.timers.at(this.#host.nowMs() + waitMs, () => this.#end(scan));
    const scan: Scan = { request, state, prefix, since: state.version, timer };
    addTo(this.#waiting, state, scan);
    addTo(this.#bySession, request.session, scan);
  }

  /** @returns false where nothing has changed. */
  #answerChanges(request: Request<'STATE_SCAN'>, state: QueueState, prefix: string, since: number): boolean {
    if (since < state.ring.horizon || since > state.version) {
      request.respond({ version: state.version, reset: true });
      return true;
    }
    const { answer, version } = this.#collect(request, state, prefix, since);
    if (answer.entries.length === 0) return false;
    this.#count(request.session, answer);
    request.respond({ version, more: version < state.version }, [encodeStateEntries(answer.entries)]);
    return true;
  }

  /** Each key once, as its last change left it; whole writes, so that `version` says up to where the answer goes. */
  #collect(
    request: Request<'STATE_SCAN'>,
    state: QueueState,
    prefix: string,
    since: number,
  ): { readonly answer: AnswerEntries; readonly version: number } {
    const changes = state.ring.since(since).filter(({ key }) => key.startsWith(prefix));
    const last = new Map(changes.map(({ key, version }) => [key, version]));
    const answer = new AnswerEntries(request.session.controlBytesMax);
    let before = since;
    for (let at = 0; at < changes.length; ) {
      const { version } = changes[at] as Change;
      const entries: StateEntry[] = [];
      for (; changes[at]?.version === version; at++) {
        const { key } = changes[at] as Change;
        if (last.get(key) === version) entries.push(answered(key, state.get(key), version));
      }
      if (!answer.add(...entries)) return { answer, version: before };
      before = version;
    }
    return { answer, version: state.version };
  }

  #look(scan: Scan): void {
    const { request, state } = scan;
    const { session } = request;
    // What has changed is told when the connection has room: the newest state then.
    if (session.blocked || this.#isFull(session)) return this.#lookAgain(scan);
    try {
      if (this.#answerChanges(request, state, scan.prefix, scan.since)) this.#forget(scan);
      else scan.since = state.version;
    } catch (error) {
      if (!QanatError.is(error)) throw error;
      this.#forget(scan);
      request.fail(error);
    }
  }

  /** With the next burst; a connection that is drained makes one. */
  #lookAgain(scan: Scan): void {
    this.#held.add(scan);
    if (!scan.request.session.blocked) this.#host.timers.at(this.#host.nowMs(), () => {});
  }

  #end(scan: Scan): void {
    this.#forget(scan);
    if (this.#isFull(scan.request.session)) scan.request.respond({ version: scan.since });
    else if (!this.#answerChanges(scan.request, scan.state, scan.prefix, scan.since))
      scan.request.respond({ version: scan.state.version });
  }

  #forget(scan: Scan): void {
    scan.timer.cancel();
    this.#held.delete(scan);
    removeFrom(this.#waiting, scan.state, scan);
    removeFrom(this.#bySession, scan.request.session, scan);
  }

  /** @throws QanatError TOO_MANY_REQUESTS. */
  #checkBurst(session: ServerSession): void {
    if (this.#isFull(session))
      throw new QanatError('TOO_MANY_REQUESTS', `answers of ${this.#burst.get(session)} bytes are on their way`);
  }

  #isFull(session: ServerSession): boolean {
    return (this.#burst.get(session) ?? 0) >= BURST_BYTES_MAX;
  }

  #count(session: ServerSession, { bytes }: AnswerEntries): void {
    if (bytes > 0) this.#burst.set(session, (this.#burst.get(session) ?? 0) + bytes);
  }
}

function addTo<Key>(map: Map<Key, Set<Scan>>, key: Key, scan: Scan): void {
  const scans = map.get(key);
  if (scans === undefined) map.set(key, new Set([scan]));
  else scans.add(scan);
}

function removeFrom<Key>(map: Map<Key, Set<Scan>>, key: Key, scan: Scan): void {
  const scans = map.get(key);
  if (scans?.delete(scan) === true && scans.size === 0) map.delete(key);
}
