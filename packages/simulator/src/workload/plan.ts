import type { Random } from '@qanat/core';

export interface TopicPlan {
  readonly topic: string;
  /** At each broker. */
  readonly queues: number;
}

export interface SenderPlan {
  readonly name: string;
  readonly topics: readonly string[];
  readonly ack: 'committed' | 'leader' | 'none';
  /** Of a hundred messages, those with a key. */
  readonly keyedPercent: number;
  readonly keys: number;
  /** Of a hundred calls, those that send a batch. */
  readonly batchPercent: number;
  readonly batchRecordsMax: number;
  /** Mean time between two bursts, and the most calls in one. */
  readonly everyMs: number;
  readonly burstMax: number;
  readonly paddingMax: number;
  readonly lingerMs: number;
  readonly timeoutMs: number;
  readonly compress: boolean;
  /** Several batches in flight; 1 makes a serial sender. */
  readonly inFlightBatches: number;
}

export interface GroupPlan {
  readonly group: string;
  readonly mode: 'clustering' | 'broadcasting';
  readonly from: 'first' | 'last';
  /** Tags by topic; null: everything. A plan is kept as JSON. */
  readonly filters: Readonly<Record<string, readonly string[] | null>>;
  readonly ordered: boolean;
  readonly concurrency: number;
  readonly batchRecordsMax: number;
  readonly handlerMsMax: number;
  /** Of a hundred deliveries, those whose handler fails at first. */
  readonly failPercent: number;
  readonly members: number;
  readonly membersMax: number;
  /** When the first members join, and the mean time between two who come or go. */
  readonly joinAtMs: number;
  readonly churnMs: number;
  /** Of a hundred who go, those who are killed. */
  readonly killPercent: number;
  /** When the offsets are reset, and where to. */
  readonly resets: readonly { readonly atMs: number; readonly to: 'first' | 'last' }[];
}

/** What the applications of a run do: plain data, so that a plan can be kept, shown and shortened. */
export interface WorkloadPlan {
  /** How long producers send and members come and go. */
  readonly loadMs: number;
  readonly topics: readonly TopicPlan[];
  readonly senders: readonly SenderPlan[];
  readonly groups: readonly GroupPlan[];
  /** Mean time between two readers that read everything and leave. */
  readonly readersMs: number;
}

export interface WorkloadDraw {
  readonly loadMs: number;
  /** No member is killed. */
  readonly calm: boolean;
  /** Messages in all, about. Default 1000. */
  readonly messages?: number;
}

export const TAGS: readonly string[] = ['red', 'green', 'blue', 'grey'];

const MESSAGES = 1_000;

const pick = <T>(random: Random, items: readonly T[]): T => items[random.below(items.length)] as T;
const chance = (random: Random, percent: number): boolean => random.below(100) < percent;
const between = (random: Random, from: number, to: number): number => from + random.below(to - from + 1);

/** Each plan draws its own mix, so that rare ones get long clean stretches too. */
export function drawWorkload(random: Random, draw: WorkloadDraw): WorkloadPlan {
  const { loadMs } = draw;
  const topics = Array.from({ length: between(random, 1, 3) }, (_, i) => ({
    topic: `topic-${i + 1}`,
    queues: between(random, 1, 4),
  }));
  const names = topics.map(({ topic }) => topic);
  const senderCount = between(random, 2, 4);
  const groupCount = between(random, 1, 3);
  return {
    loadMs,
    topics,
    senders: Array.from({ length: senderCount }, (_, i) =>
      drawSender(random, `sender-${i + 1}`, names, loadMs, (draw.messages ?? MESSAGES) / senderCount),
    ),
    groups: Array.from({ length: groupCount }, (_, i) => drawGroup(random, `group-${i + 1}`, names, draw, i === 0)),
    readersMs: pick(random, [300_000, 3_600_000, 3_600_000]),
  };
}

function drawSender(random: Random, name: string, topics: readonly string[], loadMs: number, messages: number): SenderPlan {
  const burstMax = pick(random, [1, 4, 12, 40]);
  const batchPercent = pick(random, [0, 10, 50]);
  const batchRecordsMax = pick(random, [3, 8, 30]);
  const perBurst = ((1 + burstMax) / 2) * (1 + (batchPercent / 100) * ((1 + batchRecordsMax) / 2 - 1));
  return {
    name,
    topics: chance(random, 50) ? topics : [pick(random, topics)],
    ack: pick(random, ['committed', 'committed', 'committed', 'leader', 'none'] as const),
    keyedPercent: pick(random, [0, 50, 100]),
    keys: pick(random, [1, 5, 20]),
    batchPercent,
    batchRecordsMax,
    everyMs: Math.max(50, Math.round((loadMs * perBurst) / messages)),
    burstMax,
    paddingMax: pick(random, [10, 200, 2_000]),
    lingerMs: pick(random, [0, 0, 5, 50]),
    timeoutMs: pick(random, [30_000, 30_000, 4_000]),
    compress: chance(random, 15),
    inFlightBatches: pick(random, [1, 2, 5]),
  };
}

function drawGroup(random: Random, group: string, topics: readonly string[], draw: WorkloadDraw, first: boolean): GroupPlan {
  const { loadMs, calm } = draw;
  const mode = !first && chance(random, 35) ? 'broadcasting' : 'clustering';
  const taken = chance(random, 60) ? topics : [pick(random, topics)];
  const filters = Object.fromEntries(
    taken.map((topic) => [topic, chance(random, 30) ? TAGS.slice(0, between(random, 1, 2)) : null]),
  );
  const membersMax = mode === 'clustering' ? between(random, 1, 4) : between(random, 1, 2);
  const resets = mode === 'clustering' && chance(random, 20) ? [drawReset(random, loadMs)] : [];
  return {
    group,
    mode,
    from: first || chance(random, 60) ? 'first' : 'last',
    filters,
    ordered: chance(random, 40),
    concurrency: pick(random, [1, 4, 64]),
    batchRecordsMax: pick(random, [0, 0, 10]),
    handlerMsMax: pick(random, [0, 0, 20, 800]),
    failPercent: pick(random, [0, 0, 2]),
    members: between(random, 1, membersMax),
    membersMax,
    joinAtMs: random.below(Math.max(1, Math.floor(loadMs / 10))),
    churnMs: mode === 'broadcasting' ? Number.MAX_SAFE_INTEGER : pick(random, [20_000, 60_000, 240_000]),
    killPercent: calm ? 0 : pick(random, [0, 30, 80]),
    resets,
  };
}

const drawReset = (random: Random, loadMs: number): GroupPlan['resets'][number] => ({
  atMs: Math.floor(loadMs * (0.3 + 0.5 * random.fraction())),
  to: chance(random, 70) ? 'first' : 'last',
});
