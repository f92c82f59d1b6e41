// Takes old segments off the log, by age and by size (spec, chapter of the log entry: retention).
import type { Timer } from '../../timers.ts';
import type { Background } from './background.ts';
import type { LogBlocks } from './log-blocks.ts';
import type { LogHost } from './log-host.ts';
import type { QueueIndex } from './queue-index.ts';
import type { Segment } from './segment.ts';
import { perform, type StorageTask } from './storage-task.ts';

const CHECK_MS = 10_000;

export interface RetentionLimits {
  /** Longest time that a message is kept for, by store time. */
  readonly retentionMs?: number;
  /** Bytes of the log above which its oldest segments go. */
  readonly retentionBytes?: number;
}

/** What retention looks at; `segments` are those of the log, the oldest first. */
export interface RetentionView {
  readonly segments: readonly Segment[];
  /** The log is applied up to here. */
  readonly applied: number;
  /** Position of the older of the two snapshots; 0 while there are not two. */
  readonly coveredTo: number;
  readonly wallMs: number;
}

export interface DueSegments {
  /** Leading segments that are too old or too many. */
  readonly due: number;
  /** Those of them that the older snapshot covers, so that they may go. */
  readonly removable: number;
}

/** The leading segments that are to go; never the last one, and never one that is not applied whole. */
export function dueSegments(
  { segments, applied, coveredTo, wallMs }: RetentionView,
  { retentionMs = Number.POSITIVE_INFINITY, retentionBytes = Number.POSITIVE_INFINITY }: RetentionLimits,
): DueSegments {
  let due = 0;
  let removable = 0;
  for (; due + 1 < segments.length; due++) {
    const { base, lastStoreTimeMs } = segments[due] as Segment;
    const next = segments[due + 1] as Segment;
    if (!next.ready || next.base > applied) break;
    const isOld = wallMs - lastStoreTimeMs > retentionMs;
    if (!isOld && applied - base <= retentionBytes) break;
    // Spec, QNT-LOG-008: the state must not need what is removed, even where the newer snapshot turns out to be damaged.
    if (next.base <= coveredTo) removable++;
  }
  return { due, removable };
}

export interface RetentionParts {
  readonly limits: RetentionLimits;
  readonly host: LogHost;
  readonly background: Background;
  readonly blocks: LogBlocks;
  readonly index: QueueIndex;
  readonly segments: Segment[];
  applied(): number;
  coveredTo(): number;
  /** The next entry begins a new segment. */
  roll(): void;
  /** The file of a segment is gone: what was derived from it goes too. */
  removed(segment: Segment): StorageTask<void>;
}

/** Looks every 10 s, and whenever it is told to: after a segment was begun, and after a snapshot. */
export class Retention {
  readonly #parts: RetentionParts;
  #timer: Timer | undefined;
  #running = false;
  #held = false;
  /** Segments wait for a snapshot for longer than one round: the log does not grow fast enough to have one soon. */
  wantsSnapshot = false;

  constructor(parts: RetentionParts) {
    this.#parts = parts;
    const { retentionMs, retentionBytes } = parts.limits;
    if (retentionMs !== undefined || retentionBytes !== undefined) this.#round();
  }

  stop(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  check(): void {
    if (this.#timer === undefined || this.#running) return;
    const { removable } = this.#look();
    if (removable === 0) return;
    this.#running = true;
    const { background, host } = this.#parts;
    background.run(this.#remove(removable), (error) => {
      this.#running = false;
      // What is left goes in a later round.
      if (error !== undefined && error.code !== 'CLOSED') host.log('warn', 'log.retention.failed', { error: error.message });
    });
  }

  #round(): void {
    const { host, limits, segments } = this.#parts;
    this.#timer = host.timers.at(host.nowMs() + CHECK_MS, () => this.#round());
    this.check();
    const { due, removable } = this.#look();
    this.wantsSnapshot = this.#held && due > removable;
    this.#held = due > removable;
    // A queue with little traffic must not keep its messages until a segment is full.
    const { firstStoreTimeMs } = segments.at(-1) as Segment;
    if (limits.retentionMs !== undefined && firstStoreTimeMs > 0 && host.wallMs() - firstStoreTimeMs > limits.retentionMs)
      this.#parts.roll();
  }

  #look(): DueSegments {
    const { host, limits, segments } = this.#parts;
    const view = { segments, applied: this.#parts.applied(), coveredTo: this.#parts.coveredTo(), wallMs: host.wallMs() };
    return dueSegments(view, limits);
  }

  /** The oldest first, each durably: what a crash leaves is a log without a gap. */
  *#remove(count: number): StorageTask<void> {
    const { blocks, host, index, segments } = this.#parts;
    for (let i = 0; i < count; i++) {
      const [segment, next] = segments as [Segment, Segment];
      // Nobody finds the segment any more; reads that are under way end before the file goes (the storage port's order).
      index.dropBelow(next.base);
      blocks.dropBelow(next.base);
      yield* perform({ op: 'unlink', name: segment.name });
      // Only now: what could not be removed is tried again before what follows it, or the log would have a gap.
      segments.shift();
      yield* this.#parts.removed(segment);
      host.log('info', 'log.segment.removed', { segment: segment.name, oldestPosition: next.base });
    }
  }
}
