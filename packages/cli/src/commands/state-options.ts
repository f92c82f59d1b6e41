import type { BrokerLimits } from '@qanat/core';
import type { Command } from 'commander';
import { option, wholeNumber } from '../options.ts';

const MIB = 1024 * 1024;

/** Options of `qanat broker` about keyed state. */
export interface StateFlags {
  readonly stateQueueMib?: number;
  readonly stateMib?: number;
}

export function addStateOptions(command: Command): Command {
  return command
    .addOption(
      option('--state-queue-mib <n>', 'MiB of keyed state that a queue may hold; default 256', {
        parse: wholeNumber(1),
        env: 'QANAT_STATE_QUEUE_MIB',
      }),
    )
    .addOption(
      option('--state-mib <n>', 'MiB of keyed state that all queues may hold, in memory; default 1024', {
        parse: wholeNumber(1),
        env: 'QANAT_STATE_MIB',
      }),
    );
}

/** What was given; the broker has defaults for the rest. */
export function stateLimits({ stateQueueMib, stateMib }: StateFlags): Partial<BrokerLimits> {
  return {
    ...(stateQueueMib === undefined ? {} : { stateQueueBytesMax: stateQueueMib * MIB }),
    ...(stateMib === undefined ? {} : { stateBytesMax: stateMib * MIB }),
  };
}
