// Kinds of plans in which rare bugs show: drawn by seed like any other, with more of what they need and less of what hides them.
import { Random } from '@qanat/core';
import type { Fault } from '../src/faults/fault.ts';
import { drawPlan, type SimulationPlan } from '../src/simulation/draw-plan.ts';

export type Stress =
  | 'append-then-kill'
  | 'async-power-cuts'
  | 'batches'
  | 'clock-steps'
  | 'disk-errors'
  | 'failover'
  | 'keyed-bursts'
  | 'member-kills'
  | 'ordered-batches'
  | 'pauses'
  | 'power-cuts'
  | 'quick-restarts'
  | 'rebalance'
  | 'replica-disk-errors'
  | 'replication'
  | 'restarts'
  | 'retention'
  | 'rot'
  | 'silence'
  | 'slow-stops'
  | 'sync-drops';

type Workload = SimulationPlan['workload'];
type Sender = Workload['senders'][number];
type Group = Workload['groups'][number];
type Changes = {
  readonly cluster?: Partial<SimulationPlan['cluster']>;
  readonly log?: Partial<SimulationPlan['cluster']['log']>;
  readonly sender?: Partial<Sender>;
  readonly group?: Partial<Group>;
  /** What strikes, from each time to the next. */
  readonly faults?: (random: Random, atMs: number, brokers: readonly string[]) => readonly Fault[];
  /** Mean time between two strikes. */
  readonly everyMs?: number;
};

const BUSY: Partial<Sender> = {
  ack: 'committed',
  everyMs: 800,
  burstMax: 4,
  paddingMax: 200,
  timeoutMs: 30_000,
  compress: false,
};
const LIVELY: Partial<Group> = {
  members: 2,
  membersMax: 4,
  joinAtMs: 0,
  churnMs: 8_000,
  killPercent: 0,
  failPercent: 0,
  resets: [],
};
const CALM_LOG = { segmentBytes: 2 ** 20, snapshotBytes: 2 ** 20, reserveBytes: 4_096 };
const MIB = 2 ** 20;

const pick = <T>(random: Random, items: readonly T[]): T => items[random.below(items.length)] as T;

/** The model of replication draws plans of its own. */
type ClusterStress = Exclude<Stress, 'replication'>;

const CHANGES: Readonly<Record<ClusterStress, Changes>> = {
  batches: { sender: { ...BUSY, batchPercent: 60, batchRecordsMax: 8 }, everyMs: Number.MAX_SAFE_INTEGER },
  'async-power-cuts': {
    cluster: { flush: 'async', syncMs: 25 },
    log: CALM_LOG,
    sender: { ...BUSY, everyMs: 400, paddingMax: 2_000, keyedPercent: 100, keys: 3, inFlightBatches: 5, lingerMs: 0 },
    faults: (random, atMs, brokers) => [{ kind: 'powerCut', atMs, target: pick(random, brokers), downMs: 100, silent: false }],
    everyMs: 4_000,
  },
  'clock-steps': {
    group: { ...LIVELY, churnMs: 60_000 },
    faults: (random, atMs, brokers) => [{ kind: 'clockStep', atMs, target: pick(random, brokers), byMs: 60_000 }],
    everyMs: 10_000,
  },
  'disk-errors': {
    cluster: { flush: 'sync' },
    sender: BUSY,
    faults: (random, atMs, brokers) => [
      { kind: 'diskError', atMs, target: pick(random, brokers), operation: 'append', count: 1 },
    ],
    everyMs: 5_000,
  },
  // A master that reaches its clients, and not its slave, dies before it has dropped the slave; the slave is promoted.
  failover: {
    cluster: { flush: 'sync', replication: { slaves: 1, minInSync: 1, lagMs: 10_000, promoteMs: 2_000 } },
    sender: { ...BUSY, everyMs: 250 },
    group: { ...LIVELY, churnMs: 60_000 },
    faults: (random, atMs, brokers) => {
      const broker = pick(random, brokers);
      return [
        { kind: 'cut', atMs, target: broker, peer: `${broker}-1`, bothWays: true, forMs: 3_000 },
        { kind: 'kill', atMs: atMs + 2_000, target: pick(random, [broker, `${broker}-1`]), downMs: 8_000 },
      ];
    },
    everyMs: 15_000,
  },
  // One slave cannot write what it is given while another one holds back what was given before.
  'replica-disk-errors': {
    cluster: { flush: 'sync', replication: { slaves: 2, minInSync: 1, lagMs: 10_000, promoteMs: 40_000 } },
    sender: { ...BUSY, everyMs: 250 },
    faults: (random, atMs, brokers) => {
      const broker = pick(random, brokers);
      return [
        { kind: 'cut', atMs, target: broker, peer: `${broker}-2`, bothWays: true, forMs: 1_500 },
        { kind: 'diskError', atMs: atMs + 500, target: `${broker}-1`, operation: 'append', count: 1 },
      ];
    },
    everyMs: 8_000,
  },
  'append-then-kill': {
    cluster: { flush: 'sync', syncMs: 0.3, brokers: 1 },
    // Who gives up before the broker is back was told that the message is not stored.
    sender: { ...BUSY, everyMs: 150, burstMax: 6, timeoutMs: 150 },
    faults: (random, atMs, brokers) => {
      const target = pick(random, brokers);
      return [
        { kind: 'diskError', atMs, target, operation: 'append', count: 6 },
        { kind: 'kill', atMs: atMs + 5 + random.below(150), target, downMs: 500 },
      ];
    },
    everyMs: 8_000,
  },
  'keyed-bursts': {
    sender: { ...BUSY, burstMax: 12, batchPercent: 50, batchRecordsMax: 4, keyedPercent: 100, keys: 2, inFlightBatches: 1 },
    everyMs: Number.MAX_SAFE_INTEGER,
  },
  'member-kills': {
    group: { ...LIVELY, churnMs: 15_000, killPercent: 100, mode: 'clustering' },
    everyMs: Number.MAX_SAFE_INTEGER,
  },
  'ordered-batches': {
    sender: { ...BUSY, burstMax: 12 },
    group: { ...LIVELY, ordered: true, batchRecordsMax: 10 },
    everyMs: Number.MAX_SAFE_INTEGER,
  },
  pauses: {
    faults: (random, atMs) => [
      { kind: 'pause', atMs, target: `ns-${1 + random.below(2)}`, forMs: 25_000 + random.below(20_000) },
    ],
    cluster: { nameServers: 2, brokerHeartbeatMs: 1_000, brokerExpiryMs: 5_000 },
    everyMs: 40_000,
  },
  'power-cuts': {
    cluster: { flush: 'sync', syncMs: 25 },
    log: CALM_LOG,
    sender: { ...BUSY, everyMs: 200, paddingMax: 2_000 },
    faults: (random, atMs, brokers) => [{ kind: 'powerCut', atMs, target: pick(random, brokers), downMs: 100, silent: false }],
    everyMs: 4_000,
  },
  'quick-restarts': {
    cluster: { brokers: 2 },
    sender: { ...BUSY, everyMs: 250, burstMax: 2, keyedPercent: 100, keys: 20, batchPercent: 0, inFlightBatches: 5 },
    group: { ...LIVELY, churnMs: 60_000 },
    faults: (random, atMs, brokers) => [
      { kind: 'diskError', atMs, target: pick(random, brokers), operation: 'append', count: 1 },
    ],
    everyMs: 2_000,
  },
  rebalance: { sender: BUSY, group: LIVELY, everyMs: Number.MAX_SAFE_INTEGER },
  restarts: {
    cluster: { flush: 'sync' },
    log: { segmentBytes: 64 * 1_024, snapshotBytes: 16 * 1_024 },
    sender: BUSY,
    group: { ...LIVELY, churnMs: 12_000 },
    faults: (random, atMs, brokers) => [{ kind: 'stop', atMs, target: pick(random, brokers), downMs: 500 }],
    everyMs: 8_000,
  },
  retention: {
    cluster: { flush: 'sync' },
    log: { segmentBytes: 16 * 1_024, snapshotBytes: 64 * MIB, retentionBytes: 64 * 1_024 },
    sender: { ...BUSY, everyMs: 250, paddingMax: 2_000 },
    faults: (random, atMs, brokers) => [{ kind: 'kill', atMs, target: pick(random, brokers), downMs: 500 }],
    everyMs: 40_000,
  },
  rot: {
    cluster: { flush: 'sync', brokers: 1 },
    log: { ...CALM_LOG, segmentBytes: 64 * MIB, snapshotBytes: 64 * MIB },
    sender: BUSY,
    faults: (random, atMs, brokers) => {
      const target = pick(random, brokers);
      return [
        { kind: 'rot', atMs, target, file: 'log', at: random.fraction() },
        { kind: 'kill', atMs: atMs + 100, target, downMs: 500 },
      ];
    },
    everyMs: 60_000,
  },
  // Servers give up connections on which they hear nothing for a minute.
  silence: {
    sender: { ...BUSY, everyMs: 2_000 },
    faults: (_random, atMs, brokers) =>
      brokers.flatMap((peer) => ['sender-1', 'sender-2', 'ns-1'].map((target): Fault => ({ kind: 'mute', atMs, target, peer }))),
    everyMs: 4_000,
  },
  // What is pending keeps connections open for a while after GOAWAY.
  'slow-stops': {
    cluster: { flush: 'sync', syncMs: 25, latencyMs: 0.2 },
    sender: { ...BUSY, everyMs: 200, burstMax: 2, inFlightBatches: 5 },
    faults: (random, atMs, brokers) => {
      const target = pick(random, brokers);
      return [
        { kind: 'slowDisk', atMs, target, factor: 40, forMs: 3_000 },
        { kind: 'stop', atMs: atMs + 500, target, downMs: 500 },
      ];
    },
    everyMs: 8_000,
  },
  'sync-drops': {
    cluster: { flush: 'sync', syncMs: 2 },
    log: CALM_LOG,
    sender: { ...BUSY, everyMs: 300 },
    faults: (random, atMs, brokers) => {
      const target = pick(random, brokers);
      return [
        { kind: 'syncFails', atMs, target, pages: 'drop' },
        { kind: 'powerCut', atMs: atMs + 8_000 + random.below(4_000), target, downMs: 500, silent: false },
      ];
    },
    everyMs: 20_000,
  },
};

/** The plan of a seed; the same each time. */
export function planOf(seed: number, minutes: number, stress: ClusterStress | undefined): SimulationPlan {
  const drawn = drawPlan(seed, minutes, false);
  if (stress === undefined) return drawn;
  const { cluster = {}, log = {}, sender = {}, group = {}, faults, everyMs = 10_000 } = CHANGES[stress];
  const random = new Random(seed ^ 0xb06);
  const count = cluster.brokers ?? drawn.cluster.brokers;
  const brokers = Array.from({ length: count }, (_, i) => `broker-${String.fromCharCode(97 + i)}`);
  const strikes: Fault[] = [];
  for (let atMs = 12_000; atMs < drawn.healMs - 10_000; atMs += everyMs / 2 + random.below(everyMs)) {
    if (faults !== undefined) strikes.push(...faults(random, Math.round(atMs), brokers));
  }
  const { retentionBytes: _b, retentionMs: _m, ...kept } = drawn.cluster.log;
  return {
    ...drawn,
    kind: strikes.length === 0 ? 'calm' : 'faults',
    cluster: { ...drawn.cluster, brokerAwayMs: 60_000, ...cluster, log: { ...kept, ...log } },
    workload: {
      ...drawn.workload,
      senders: drawn.workload.senders.map((one) => ({ ...one, ...sender })),
      groups: drawn.workload.groups.map((one) => ({ ...one, resets: [], ...(one.mode === 'clustering' ? group : {}) })),
    },
    faults: strikes,
  };
}
