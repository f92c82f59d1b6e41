import type { EngineHost } from '../../context.ts';
import { Silence } from '../../timers.ts';

/** An end that the master's log had, and when the slave asked last at that time. */
interface Mark {
  readonly end: number;
  readonly asked: Silence;
}

/** What a master knows of one life of a slave. */
export class Follower {
  readonly replica: number;
  readonly incarnation: number;
  /** Below it the slave has stored everything that the master has; it has said so in this term. */
  stored = 0;
  /** Since when it was heard; undefined: never in this term. */
  heardMs: number | undefined;
  /** When it had everything that there was; undefined: never in this term. Silence that is our own fault does not count. */
  #caughtUp: Silence | undefined;
  #mark: Mark | undefined;

  constructor(replica: number, incarnation: number) {
    this.replica = replica;
    this.incarnation = incarnation;
  }

  /** A member on record has its time to be heard, from the beginning of the term on. */
  grantTime(host: EngineHost): void {
    this.#caughtUp = new Silence(host.timers, host.nowMs());
  }

  /**
   * The slave said what it has stored.
   * @param end of the master's log, as far as it is written.
   */
  heard(stored: number, end: number, host: EngineHost): void {
    const asked = new Silence(host.timers, host.nowMs());
    this.heardMs = host.nowMs();
    if (stored > this.stored) this.stored = stored;
    if (this.stored >= end) this.#caughtUp = asked;
    else if (this.#mark !== undefined && this.stored >= this.#mark.end) this.#caughtUp = this.#mark.asked;
    if (this.#mark === undefined || this.stored >= this.#mark.end) this.#mark = { end, asked };
  }

  /** When it will have lagged for too long; undefined: it was never caught up. */
  lagsAtMs(lagMs: number): number | undefined {
    return this.#caughtUp?.endsMs(lagMs);
  }
}
