import type { Will } from '../codec/packet.ts';
import type { ClaimRequest } from '../ports.ts';
import {
  RETAINED_MAX,
  RETAINED_STATE_BYTES_MIN,
  SESSION_STATE_BYTES_MIN,
  SESSIONS_MAX,
  SESSIONS_PER_USER_MAX,
  STATE_BYTES_MAX,
  SUBSCRIPTION_STATE_BYTES,
} from './limits.ts';
import type { SessionRecord } from './session-record.ts';

/** What a cluster may keep for devices, each with the default of its constant. All bridges of a cluster should have the same. */
export interface StateLimits {
  /** Sessions that outlive their connection; SESSIONS_MAX. */
  readonly sessionsMax: number;
  /** Of these, those of one user; SESSIONS_PER_USER_MAX. */
  readonly sessionsPerUserMax: number;
  /** Retained messages; RETAINED_MAX. */
  readonly retainedMax: number;
  /** Bytes of sessions with their wills, and of retained messages; STATE_BYTES_MAX. */
  readonly stateBytesMax: number;
}

export const DEFAULT_STATE_LIMITS: StateLimits = {
  sessionsMax: SESSIONS_MAX,
  sessionsPerUserMax: SESSIONS_PER_USER_MAX,
  retainedMax: RETAINED_MAX,
  stateBytesMax: STATE_BYTES_MAX,
};

/** A session as far as the limits look at it. */
export interface CountedSession {
  /** It outlives its connection. */
  readonly kept: boolean;
  readonly principal: string;
  /** Of its entry, and what its subscriptions count for beside that. */
  readonly bytes: number;
  /** Of these, those of its will. */
  readonly willBytes: number;
}

/** Of an entry without subscriptions and will. */
const RECORD_BYTES = 256;

export function willBytes(will: Will | undefined): number {
  if (will === undefined) return 0;
  const { topic, payload, properties = {} } = will;
  const { contentType = '', responseTopic = '', correlationData, userProperties = [] } = properties;
  const texts = [topic, contentType, responseTopic, ...userProperties.flat()];
  return texts.reduce((sum, text) => sum + Buffer.byteLength(text), payload.length + (correlationData?.length ?? 0));
}

export const countedSession = (record: SessionRecord, bytes: number): CountedSession => ({
  kept: record.owner === undefined || record.expiryInterval > 0,
  principal: record.principal,
  bytes: bytes + record.subscriptions.length * SUBSCRIPTION_STATE_BYTES,
  willBytes: willBytes(record.will),
});

/** More than it has where that is little: every bridge has an object for it, and where it is found. */
const countedRetained = (bytes: number): number => Math.max(RETAINED_STATE_BYTES_MIN, bytes);

/** As above; who is connected anyhow is asked for nothing but a large will. */
function countedBytes({ kept, bytes }: { readonly kept: boolean; readonly bytes: number }): number {
  return kept || bytes > SESSION_STATE_BYTES_MIN ? Math.max(SESSION_STATE_BYTES_MIN, bytes) : 0;
}

/**
 * Counts what the cluster keeps for devices, as the watches tell this bridge: a little late, so that the limits may be passed by
 * what several bridges take on at the same time.
 */
export class KeptState {
  readonly limits: StateLimits;
  /** Sessions that outlive their connection. */
  sessions = 0;
  retained = 0;
  /** Of sessions and retained messages, as they are counted. */
  bytes = 0;
  readonly #users = new Map<string, number>();

  constructor(limits: Partial<StateLimits> = {}) {
    this.limits = { ...DEFAULT_STATE_LIMITS, ...limits };
  }

  /** An entry of a session is new, changed or gone. */
  sessionChanged(before: CountedSession | undefined, now: CountedSession | undefined): void {
    if (before !== undefined) this.#count(before, -1);
    if (now !== undefined) this.#count(now, 1);
  }

  #count(session: CountedSession, sign: 1 | -1): void {
    this.bytes += sign * countedBytes(session);
    if (!session.kept) return;
    this.sessions += sign;
    const ofUser = (this.#users.get(session.principal) ?? 0) + sign;
    if (ofUser === 0) this.#users.delete(session.principal);
    else this.#users.set(session.principal, ofUser);
  }

  /** An entry of a retained message is new, changed or gone; each time its bytes, undefined: none. */
  retainedChanged(before: number | undefined, now: number | undefined): void {
    this.retained += (now === undefined ? 0 : 1) - (before === undefined ? 0 : 1);
    this.bytes += (now === undefined ? 0 : countedRetained(now)) - (before === undefined ? 0 : countedRetained(before));
  }

  /** @param known the session as it is. @returns what a claim counts for until its entry is told of. */
  claiming({ expiryInterval, principal, will }: ClaimRequest, known: CountedSession | undefined): CountedSession {
    const ofWill = willBytes(will);
    return {
      kept: expiryInterval > 0 && known?.kept !== true,
      principal,
      bytes: RECORD_BYTES + ofWill,
      willBytes: ofWill,
    };
  }

  /** @param known the session as it is. @returns the limit that a CONNECT would pass (QNT-MQT-120). */
  ofClaim(request: ClaimRequest, known: CountedSession | undefined): keyof StateLimits | undefined {
    const { expiryInterval, principal, cleanStart, will } = request;
    const kept = expiryInterval > 0;
    if (kept && known?.kept !== true) {
      if (this.sessions >= this.limits.sessionsMax) return 'sessionsMax';
      if ((this.#users.get(principal) ?? 0) >= this.limits.sessionsPerUserMax) return 'sessionsPerUserMax';
    }
    const stays = known === undefined || cleanStart ? RECORD_BYTES : known.bytes - known.willBytes;
    return this.#ofBytes(countedBytes({ kept, bytes: stays + willBytes(will) }), known === undefined ? 0 : countedBytes(known));
  }

  /**
   * @param count of all its subscriptions. @param filterBytes of their filters.
   * @returns the limit that a session with them would pass (QNT-MQT-120).
   */
  ofSubscriptions(count: number, filterBytes: number, known: CountedSession | undefined): keyof StateLimits | undefined {
    const bytes = RECORD_BYTES + count * SUBSCRIPTION_STATE_BYTES + filterBytes + (known?.willBytes ?? 0);
    return this.#ofBytes(countedBytes({ kept: true, bytes }), countedBytes(known ?? { kept: true, bytes: 0 }));
  }

  /** @param before bytes of the message in whose place it comes. @returns the limit that it would pass (QNT-MQT-121). */
  ofRetained(bytes: number, before: number | undefined): keyof StateLimits | undefined {
    if (before === undefined && this.retained >= this.limits.retainedMax) return 'retainedMax';
    return this.#ofBytes(countedRetained(bytes), before === undefined ? 0 : countedRetained(before));
  }

  /** What does not grow is never refused. */
  #ofBytes(now: number, before: number): keyof StateLimits | undefined {
    return now > before && this.bytes + now - before > this.limits.stateBytesMax ? 'stateBytesMax' : undefined;
  }
}
