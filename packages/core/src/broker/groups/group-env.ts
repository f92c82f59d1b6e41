import type { ServerSession } from '../../connection/server-session.ts';
import type { Timer } from '../../timers.ts';
import { LIMITS } from '../../wire/gen/registry.ts';
import type { GroupHost } from './host.ts';

/** Members of all groups of a broker. */
export const MEMBERS_MAX = 100_000;
/** Topics that the groups of a broker subscribe to: no more than it may watch at a NameServer. */
export const GROUP_TOPICS_MAX: number = LIMITS.WATCHED_TOPICS_MAX;

/** What an operator may set for the groups of a broker; times in milliseconds. */
export interface GroupOptions {
  /** What members are told to send heartbeats at. */
  readonly heartbeatMs: number;
  /** Of a member that does not say how long its silence may last. */
  readonly sessionMs: number;
  readonly lostMs: number;
  readonly releaseMs: number;
  readonly rebalanceDelayMs: number;
  readonly groupsMax: number;
  readonly membersPerGroupMax: number;
  /** Members of all groups together. */
  readonly membersMax: number;
}

export const DEFAULT_GROUP_OPTIONS: GroupOptions = {
  heartbeatMs: LIMITS.MEMBER_HEARTBEAT_MS,
  sessionMs: LIMITS.MEMBER_SESSION_MS,
  lostMs: LIMITS.MEMBER_LOST_MS,
  releaseMs: LIMITS.RELEASE_MS,
  rebalanceDelayMs: LIMITS.REBALANCE_DELAY_MS,
  groupsMax: LIMITS.GROUPS_PER_BROKER_MAX,
  membersPerGroupMax: LIMITS.MEMBERS_PER_GROUP_MAX,
  membersMax: MEMBERS_MAX,
};

/** The session of a member that asked for `askedMs` (0: it leaves it to the broker), and how often to hear from it. */
export function sessionTimes(
  options: GroupOptions,
  askedMs: number,
): { readonly heartbeatMs: number; readonly sessionMs: number } {
  const sessionMs = askedMs === 0 ? options.sessionMs : askedMs;
  return { heartbeatMs: Math.min(options.heartbeatMs, Math.max(1, Math.floor(sessionMs / 3))), sessionMs };
}

/** What the groups of one broker share. */
export interface GroupEnv {
  readonly host: GroupHost;
  readonly options: GroupOptions;
  /** Members of all groups. */
  readonly population: { size: number };
  /** Sets a timer that waits for a member, or may move or end leases: none of them runs once the broker stops. */
  at(dueMs: number, run: () => void, options?: { readonly forPeer?: boolean }): Timer;
  /** Never the same twice in the life of a broker, and above those of its earlier lives. */
  nextGeneration(): number;
  /** `lost` runs when the session closes, unless `key` was detached before. */
  attach(session: ServerSession, key: object, lost: () => void): void;
  detach(session: ServerSession, key: object): void;
  /** The group subscribes to this topic: its changes are told to the group. */
  subscribe(topic: string, groupName: string): void;
  unsubscribe(topic: string, groupName: string): void;
}
