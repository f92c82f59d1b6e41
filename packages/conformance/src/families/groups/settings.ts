import { LIMITS } from '@qanat/core';
import type { View } from '../../history/view.ts';
import type { JsonObject } from '../../json.ts';
import { objectOf } from '../../play/program.ts';

/** What a broker may be set to otherwise, ms and numbers. */
export interface GroupSettings {
  readonly heartbeatMs: number;
  readonly sessionMs: number;
  readonly lostMs: number;
  readonly releaseMs: number;
  readonly rebalanceDelayMs: number;
  readonly groupsMax: number;
  readonly membersPerGroupMax: number;
  readonly awayMs: number;
  /** After so long without a change everything that follows from the last one has happened. */
  readonly settleMs: number;
}

const DEFAULTS = {
  heartbeatMs: LIMITS.MEMBER_HEARTBEAT_MS,
  sessionMs: LIMITS.MEMBER_SESSION_MS,
  lostMs: LIMITS.MEMBER_LOST_MS,
  releaseMs: LIMITS.RELEASE_MS,
  rebalanceDelayMs: LIMITS.REBALANCE_DELAY_MS,
  groupsMax: LIMITS.GROUPS_PER_BROKER_MAX,
  membersPerGroupMax: LIMITS.MEMBERS_PER_GROUP_MAX,
  awayMs: LIMITS.BROKER_AWAY_MS,
};

/** A new target SHOULD come after one REBALANCE_DELAY_MS; nobody has to wait for longer than ten to call a broker slow. */
const DELAYS_TO_SETTLE = 10;

/** The limits of the registry, and what the program set otherwise. */
export function settingsOf(view: View): GroupSettings {
  const setup = (view.notes('setup')[0]?.args ?? {}) as JsonObject;
  const broker = objectOf(setup, 'broker');
  const set: Record<string, unknown> = { ...objectOf(broker, 'groups'), ...objectOf(broker, 'times') };
  const values = Object.fromEntries(
    Object.entries(DEFAULTS).map(([name, value]) => [name, typeof set[name] === 'number' ? set[name] : value]),
  ) as typeof DEFAULTS;
  // A broker's own heartbeats at its NameServers have the same name as those of members, and another value.
  const members = objectOf(broker, 'groups').heartbeatMs;
  const heartbeatMs = typeof members === 'number' ? members : DEFAULTS.heartbeatMs;
  return { ...values, heartbeatMs, settleMs: DELAYS_TO_SETTLE * values.rebalanceDelayMs };
}
