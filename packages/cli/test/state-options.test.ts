import { expect, it } from 'vitest';
import { stateLimits } from '../src/commands/state-options.ts';

it('gives the limits of keyed state in bytes, and leaves those that are not said to the broker', () => {
  expect(stateLimits({ stateQueueMib: 2, stateMib: 3 })).toEqual({ stateQueueBytesMax: 2_097_152, stateBytesMax: 3_145_728 });
  expect(stateLimits({})).toEqual({});
});
