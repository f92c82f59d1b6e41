import type { Random } from '@qanat/core';
import type { LinkConditions } from '../virtual-network.ts';
import type { DiskOperation } from './disk-faults.ts';
import type { Fault, FaultKind } from './fault.ts';

/** What there is to strike. Clients are struck by number: who lives at that time is counted. */
export interface Targets {
  readonly nameServers: readonly string[];
  readonly brokers: readonly string[];
  readonly clients: number;
}

/** `client 3`: the fourth of the clients that live, counted round. */
export const clientTarget = (number: number): string => `client ${number}`;

type AnywhereKind = Exclude<FaultKind, 'rot' | 'storeAway' | 'storeErrors'>;

/** Every kind but rot, which makes a run of its own, and those of a consensus store, which few runs have. */
const KINDS: readonly AnywhereKind[] = [
  'kill',
  'powerCut',
  'stop',
  'pause',
  'cut',
  'reset',
  'mute',
  'badLink',
  'clockStep',
  'diskFull',
  'syncFails',
  'diskError',
  'slowDisk',
];
/** Of a hundred runs, those in which a kind happens at all. */
const ENABLED_PERCENT = 35;
/** Mean times between two faults of a kind. */
const EVERY_MS: readonly number[] = [12_000, 30_000, 75_000, 200_000];
const QUIET_MS_MAX = 200_000;
const HOUR_MS = 3_600_000;
const DISK_OPERATIONS: readonly DiskOperation[] = ['append', 'append', 'read', 'create', 'replace', 'truncate', 'unlink'];

const pick = <T>(random: Random, items: readonly T[]): T => items[random.below(items.length)] as T;
const chance = (random: Random, percent: number): boolean => random.below(100) < percent;

/** Milliseconds up to `max`, short ones as likely as long ones. */
const duration = (random: Random, max: number): number => Math.round(max ** random.fraction() * 10) / 10;

/**
 * Draws which kinds of faults a run has, how often each comes, and the quiet stretches without any; all of it between
 * `fromMs` and `untilMs`, when everything heals.
 */
export function drawFaults(random: Random, targets: Targets, fromMs: number, untilMs: number): readonly Fault[] {
  const faults: Fault[] = [];
  for (const kind of KINDS) {
    const everyMs = pick(random, EVERY_MS);
    if (!chance(random, ENABLED_PERCENT)) continue;
    for (let atMs = next(random, fromMs, everyMs); atMs < untilMs; atMs = next(random, atMs, everyMs)) {
      faults.push(drawFault(random, kind, targets, atMs));
    }
  }
  const quiet = Array.from({ length: random.below(4) }, () => {
    const start = fromMs + random.fraction() * (untilMs - fromMs);
    return { start, end: start + random.fraction() * QUIET_MS_MAX };
  });
  return faults
    .filter(({ atMs }) => !quiet.some(({ start, end }) => atMs >= start && atMs < end))
    .sort((a, b) => a.atMs - b.atMs);
}

/** Bytes rot once, and the broker starts again some time later. */
export function drawRot(random: Random, targets: Targets, fromMs: number, untilMs: number): readonly Fault[] {
  const target = pick(random, targets.brokers);
  const rotMs = Math.round(fromMs + (untilMs - fromMs) * (0.3 + 0.6 * random.fraction()));
  const startMs = Math.round(rotMs + (untilMs - rotMs) * random.fraction());
  return [
    { atMs: rotMs, kind: 'rot', target, file: chance(random, 80) ? 'log' : 'snapshot', at: random.fraction() },
    { atMs: startMs, kind: chance(random, 50) ? 'kill' : 'stop', target, downMs: 1_000, silent: false } as Fault,
  ];
}

function next(random: Random, fromMs: number, everyMs: number): number {
  return Math.round(fromMs - Math.log(1 - random.fraction()) * everyMs);
}

function drawFault(random: Random, kind: AnywhereKind, targets: Targets, atMs: number): Fault {
  const { brokers, nameServers } = targets;
  const broker = (): string => pick(random, brokers);
  const server = (): string => (chance(random, 75) ? broker() : pick(random, nameServers));
  const client = (): string => clientTarget(random.below(targets.clients));
  const anybody = (): string => (chance(random, 60) ? server() : client());
  const link = (): { target: string; peer: string } => {
    const target = server();
    const others = [...brokers, ...nameServers].filter((name) => name !== target);
    return { target, peer: others.length > 0 && chance(random, 30) ? pick(random, others) : client() };
  };
  switch (kind) {
    case 'kill':
      return { atMs, kind, target: server(), downMs: downMs(random) };
    case 'powerCut':
      return { atMs, kind, target: server(), downMs: downMs(random), silent: chance(random, 50) };
    case 'stop':
      return { atMs, kind, target: server(), downMs: downMs(random) };
    case 'pause':
      return { atMs, kind, target: anybody(), forMs: duration(random, 25_000) };
    case 'cut':
      return drawCut(random, atMs, link(), anybody());
    case 'reset':
      return { atMs, kind, ...link() };
    case 'mute':
      return { atMs, kind, ...link() };
    case 'badLink':
      return { atMs, kind, ...link(), conditions: drawConditions(random), forMs: duration(random, 60_000) };
    case 'clockStep':
      return { atMs, kind, target: anybody(), byMs: (chance(random, 50) ? 1 : -1) * Math.round(duration(random, HOUR_MS)) };
    case 'diskFull':
      return { atMs, kind, target: broker(), leftBytes: random.below(60_000), forMs: duration(random, 60_000) };
    case 'syncFails':
      return { atMs, kind, target: broker(), pages: pick(random, ['drop', 'keep'] as const) };
    case 'diskError':
      return { atMs, kind, target: broker(), operation: pick(random, DISK_OPERATIONS), count: 1 + random.below(2) };
    case 'slowDisk':
      return { atMs, kind, target: broker(), factor: pick(random, [20, 300, 5_000]), forMs: duration(random, 30_000) };
  }
}

function drawCut(random: Random, atMs: number, link: { target: string; peer: string }, alone: string): Fault {
  const common = { atMs, kind: 'cut', bothWays: chance(random, 60), forMs: duration(random, 45_000) } as const;
  return chance(random, 60) ? { ...common, ...link } : { ...common, target: alone };
}

/** Most processes come back soon, some stay away for longer than anybody waits. */
const downMs = (random: Random): number => duration(random, chance(random, 80) ? 5_000 : 80_000);

function drawConditions(random: Random): LinkConditions {
  const drawn: LinkConditions = {
    ...(chance(random, 60) ? { jitterMs: duration(random, 400) } : {}),
    ...(chance(random, 50) ? { spikeRate: pick(random, [0.01, 0.1, 0.3]), spikeMs: duration(random, 8_000) } : {}),
    ...(chance(random, 25) ? { bytesPerMs: pick(random, [1, 10, 100]) } : {}),
    ...(chance(random, 40) ? { dialLossRate: pick(random, [0.2, 0.6, 1]) } : {}),
  };
  return drawn;
}
