import type { Clock, QueueId } from '@qanat/core';
import { CLAIM_SLOW_MS, CLAIMS_MAX } from './limits.ts';
import { queueName } from './state-keys.ts';
import { Slots } from './waiting.ts';

/** How much is claimed at a time: by state queue, so that claims whose broker is away take the place of no others. */
export class ClaimSlots {
  readonly #clock: Clock;
  readonly #slots = new Map<string, Slots>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** At most CLAIMS_MAX for a state queue, but for those that take longer than CLAIM_SLOW_MS. */
  run(queue: QueueId, work: () => Promise<void>): Promise<void> {
    const name = queueName(queue);
    const slots = this.#slots.get(name) ?? new Slots(CLAIMS_MAX);
    this.#slots.set(name, slots);
    return slots.run((leave) => {
      const cancel = this.#clock.at(this.#clock.nowMs() + CLAIM_SLOW_MS, leave);
      return work().finally(cancel);
    });
  }
}
