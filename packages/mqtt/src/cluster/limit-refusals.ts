import { type Clock, type LogFields, RefusalLog } from '@qanat/core';
import type { StateLimits } from './kept-state.ts';

/** What is refused or dropped since the cluster keeps that much for devices (QNT-MQT-120, QNT-MQT-121): counted, and told. */
export class LimitRefusals {
  /** CONNECT. */
  sessions = 0;
  /** What was not retained. */
  retained = 0;
  readonly #limits: StateLimits;
  readonly #clock: Clock;
  readonly #log: RefusalLog;

  constructor(limits: StateLimits, clock: Clock, warn: (event: string, fields: LogFields) => void) {
    this.#limits = limits;
    this.#clock = clock;
    this.#log = new RefusalLog(warn);
  }

  /** Tells operators, each limit once a minute. */
  tell(limit: keyof StateLimits, fields: LogFields): void {
    this.#log.tell(this.#clock.nowMs(), 'mqtt-limit-reached', limit, { limit, most: this.#limits[limit], ...fields });
  }
}
