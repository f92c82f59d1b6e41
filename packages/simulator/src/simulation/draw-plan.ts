import { LIMITS, Random } from '@qanat/core';
import { drawFaults, drawRot } from '../faults/draw-faults.ts';
import type { Fault } from '../faults/fault.ts';
import { drawWorkload, type WorkloadPlan } from '../workload/index.ts';
import { drawReplication, drawStoreFaults, drawsSlaves, type ReplicationPlan } from './draw-replication.ts';

/** Sizes and intervals of one run's cluster. */
export interface ClusterPlan {
  readonly nameServers: number;
  readonly brokers: number;
  /** Undefined: each broker is alone. */
  readonly replication?: ReplicationPlan;
  readonly flush: 'sync' | 'async';
  readonly latencyMs: number;
  /** Added to each message, at most. */
  readonly jitterMs: number;
  readonly syncMs: number;
  readonly log: {
    readonly segmentBytes: number;
    readonly snapshotBytes: number;
    readonly cacheBytes: number;
    readonly blockBytes: number;
    readonly reserveBytes: number;
    readonly retentionBytes?: number;
    readonly retentionMs?: number;
  };
  readonly brokerHeartbeatMs: number;
  readonly brokerExpiryMs: number;
  readonly brokerReportMs: number;
  readonly brokerAwayMs: number;
  readonly memberHeartbeatMs: number;
  readonly memberSessionMs: number;
  readonly releaseMs: number;
  readonly routePollMs: number;
}

/** Everything that a run does, but for the chances of each message: plain data, to be kept as JSON. */
export interface SimulationPlan {
  readonly seed: number;
  /** `calm`: nothing goes wrong. `rot`: durable bytes are damaged once, and a broker may refuse to start. */
  readonly kind: 'calm' | 'faults' | 'rot';
  readonly cluster: ClusterPlan;
  readonly workload: WorkloadPlan;
  readonly faults: readonly Fault[];
  /** Virtual time at which everything heals. */
  readonly healMs: number;
}

const MINUTE_MS = 60_000;
const KIB = 1024;
/** Nothing goes wrong before the topics exist. */
const FAULTS_FROM_MS = 10_000;
/** The last part of a run has no faults. */
const FAULTY_SHARE = 0.9;
/** More of them tell little more, and cost more. */
const MESSAGES_A_MINUTE = 60;
const CALM_PERCENT = 25;
const ROT_PERCENT = 4;

const pick = <T>(random: Random, items: readonly T[]): T => items[random.below(items.length)] as T;
const chance = (random: Random, percent: number): boolean => random.below(100) < percent;

/**
 * The same seed and minutes give the same plan.
 * @param slaves whether brokers are groups with slaves, but where disks rot. Default: in a share of the seeds.
 */
export function drawPlan(seed: number, minutes: number, slaves = drawsSlaves(seed)): SimulationPlan {
  const random = new Random(seed);
  const drawn = random.below(100);
  const kind = drawn < CALM_PERCENT ? 'calm' : drawn < CALM_PERCENT + ROT_PERCENT ? 'rot' : 'faults';
  const loadMs = minutes * MINUTE_MS;
  const healMs = Math.round(loadMs * FAULTY_SHARE);
  const replication = slaves && kind !== 'rot' ? drawReplication(seed) : undefined;
  const cluster = withReplicas(drawCluster(random), replication);
  const load = drawWorkload(random, { loadMs, calm: kind === 'calm', messages: MESSAGES_A_MINUTE * minutes });
  const workload = replication === undefined ? load : askingForCommitted(load);
  const targets = {
    nameServers: names(cluster.nameServers, (i) => `ns-${i + 1}`),
    brokers: names(cluster.brokers, (i) => `broker-${String.fromCharCode(97 + i)}`).flatMap((name) => [
      name,
      ...names(replication?.slaves ?? 0, (i) => `${name}-${i + 1}`),
    ]),
    clients: 8,
  };
  const draw = { calm: () => [], rot: drawRot, faults: drawFaults }[kind];
  const drawnFaults = draw(random, targets, FAULTS_FROM_MS, healMs);
  const ofStore = kind === 'faults' && replication?.elected === true ? drawStoreFaults(seed, FAULTS_FROM_MS, healMs) : [];
  const faults = [...drawnFaults, ...ofStore].sort((a, b) => a.atMs - b.atMs);
  return { seed, kind, cluster, workload, faults, healMs };
}

/** With flush async a planned restart may leave a group without a master, and checkers take it for no fault: no seed has that. */
const withReplicas = (cluster: ClusterPlan, replication: ReplicationPlan | undefined): ClusterPlan =>
  replication === undefined ? cluster : { ...cluster, replication, flush: 'sync' };

/** What only the master has to have may be lost with it. */
function askingForCommitted(workload: WorkloadPlan): WorkloadPlan {
  const senders = workload.senders.map((sender) => (sender.ack === 'leader' ? { ...sender, ack: 'committed' as const } : sender));
  return { ...workload, senders };
}

const names = (count: number, name: (i: number) => string): string[] => Array.from({ length: count }, (_, i) => name(i));

function drawCluster(random: Random): ClusterPlan {
  // Heartbeats are most of what happens in a quiet cluster, so most runs have fewer.
  const quick = chance(random, 20);
  const brokerHeartbeatMs = quick ? LIMITS.BROKER_HEARTBEAT_MS : pick(random, [5_000, 10_000]);
  const memberHeartbeatMs = quick ? LIMITS.MEMBER_HEARTBEAT_MS : pick(random, [5_000, 8_000]);
  return {
    nameServers: pick(random, [1, 1, 1, 2, 2, 3]),
    brokers: pick(random, [1, 1, 1, 2, 2, 3]),
    flush: chance(random, 15) ? 'async' : 'sync',
    latencyMs: pick(random, [0.05, 0.2, 1, 20]),
    jitterMs: pick(random, [0, 0.1, 2, 15]),
    syncMs: pick(random, [0.3, 2, 25]),
    log: {
      segmentBytes: pick(random, [4, 16, 64, 256, 128 * KIB]) * KIB,
      snapshotBytes: pick(random, [8, 32, 128, 64 * KIB]) * KIB,
      cacheBytes: pick(random, [16, 64, 1_024]) * KIB,
      blockBytes: pick(random, [1, 4, 64]) * KIB,
      reserveBytes: pick(random, [4, 16, 32]) * KIB,
      ...(chance(random, 15) ? { retentionBytes: pick(random, [64, 200]) * KIB } : {}),
      ...(chance(random, 10) ? { retentionMs: pick(random, [60_000, 300_000]) } : {}),
    },
    brokerHeartbeatMs,
    brokerExpiryMs: quick ? LIMITS.BROKER_EXPIRY_MS : 3 * brokerHeartbeatMs,
    brokerReportMs: pick(random, [LIMITS.BROKER_REPORT_MS, 120_000]),
    brokerAwayMs: pick(random, [LIMITS.BROKER_AWAY_MS, 20_000]),
    memberHeartbeatMs,
    memberSessionMs: quick ? LIMITS.MEMBER_SESSION_MS : 3 * memberHeartbeatMs,
    releaseMs: pick(random, [LIMITS.RELEASE_MS, 5_000]),
    routePollMs: pick(random, [LIMITS.ROUTE_POLL_MS, 120_000]),
  };
}
