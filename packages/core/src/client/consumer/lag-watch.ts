import type { Timer } from '../../timers.ts';
import type { QueueLag } from '../host.ts';
import type { QueueStream } from './queue-stream.ts';
import type { ConsumerScope } from './scope.ts';

/** Between two looks. */
const LOOK_MS = 10_000;

/**
 * Tells when a consumer falls behind: a queue has `lagMessages` or more that are not handled, and not fewer than at the last
 * look. A backlog that shrinks is no news. Told once, and again after the lag has fallen below half of that.
 */
export class LagWatch {
  readonly #scope: ConsumerScope;
  readonly #streams: () => readonly QueueStream[];
  readonly #lastLag = new Map<QueueStream, number>();
  readonly #told = new Set<QueueStream>();
  #timer: Timer | undefined;

  constructor(scope: ConsumerScope, streams: () => readonly QueueStream[]) {
    this.#scope = scope;
    this.#streams = streams;
    this.#arm();
  }

  stop(): void {
    this.#timer?.cancel();
  }

  #arm(): void {
    const { engine } = this.#scope.host;
    this.#timer = engine.timers.at(engine.nowMs() + LOOK_MS, () => this.#look());
  }

  #look(): void {
    this.#arm();
    const streams = this.#streams();
    for (const known of [...this.#lastLag.keys()]) if (!streams.includes(known)) this.#forget(known);
    const behind: QueueLag[] = [];
    for (const stream of streams) {
      const lag = Math.max(0, Math.min(stream.highWatermark, stream.endOffset) - stream.position);
      if (this.#falls(stream, lag)) behind.push({ ...stream.id, lag });
      this.#lastLag.set(stream, lag);
    }
    if (behind.length > 0) this.#scope.event({ kind: 'lagging', consumer: this.#scope.id, queues: behind });
  }

  #falls(stream: QueueStream, lag: number): boolean {
    const { lagMessages } = this.#scope.settings;
    if (lag < lagMessages / 2) this.#told.delete(stream);
    const before = this.#lastLag.get(stream);
    if (lag < lagMessages || before === undefined || lag < before || this.#told.has(stream) || stream.paused) return false;
    this.#told.add(stream);
    return true;
  }

  #forget(stream: QueueStream): void {
    this.#lastLag.delete(stream);
    this.#told.delete(stream);
  }
}
