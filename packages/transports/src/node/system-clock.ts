import type { Clock } from '@qanat/core';
import { timerClock } from '../timer-clock.ts';

/**
 * The clock of the operating system. A timer keeps the process alive; one that is due already runs in the next turn of the
 * event loop instead of after Node's least delay of one millisecond.
 */
export const systemClock: Clock = timerClock((run) => {
  const turn = setImmediate(run);
  return () => clearImmediate(turn);
});
