// Watches the free space of the store (spec, chapter of the broker: a full disk).
import type { Timer } from '../../timers.ts';
import type { LogHost } from './log-host.ts';

const NEAR_MS = 1_000;
const FAR_MS = 10_000;

/** Full below the reserve; no longer full above twice the reserve, so that sends do not flap. */
export class FreeSpaceWatch {
  readonly #host: LogHost;
  readonly #reserveBytes: number;
  #full = false;
  #near = false;
  #asking = false;
  #stopped = false;
  #timer: Timer | undefined;
  /** What may be written before the disk is asked again. */
  #untilAskedBytes = Number.POSITIVE_INFINITY;

  constructor(host: LogHost, reserveBytes: number) {
    this.#host = host;
    this.#reserveBytes = reserveBytes;
  }

  get full(): boolean {
    return this.#full;
  }

  /** Asks now, and from then on every second while free space is not above twice the reserve, every 10 s otherwise. */
  check(done?: () => void): void {
    if (this.#stopped || this.#asking) return;
    this.#asking = true;
    this.#untilAskedBytes = Number.POSITIVE_INFINITY;
    this.#timer?.cancel();
    this.#host.storage({ op: 'freeSpace' }, (error, result) => {
      this.#asking = false;
      if (error === undefined) this.#take(result as number);
      else this.#host.log('warn', 'log.free-space.unknown', { error: error.message });
      if (!this.#stopped) {
        this.#timer = this.#host.timers.at(this.#host.nowMs() + (this.#near ? NEAR_MS : FAR_MS), () => this.check());
      }
      done?.();
    });
  }

  /** A fast producer must not use the reserve up between two questions. */
  written(bytes: number): void {
    this.#untilAskedBytes -= bytes;
    if (this.#untilAskedBytes < 0) this.check();
  }

  stop(): void {
    this.#stopped = true;
    this.#timer?.cancel();
  }

  #take(freeBytes: number): void {
    const full = freeBytes < this.#reserveBytes || (this.#full && freeBytes <= 2 * this.#reserveBytes);
    if (full !== this.#full) {
      this.#host.log(full ? 'error' : 'info', full ? 'log.disk.full' : 'log.disk.free', {
        freeBytes,
        reserveBytes: this.#reserveBytes,
      });
    }
    this.#full = full;
    this.#near = freeBytes <= 2 * this.#reserveBytes;
    if (!full) this.#untilAskedBytes = (freeBytes - this.#reserveBytes) / 2;
  }
}
