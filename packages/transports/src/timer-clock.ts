import type { Clock } from '@qanat/core';

/** Every platform runs a timer at once whose delay does not fit into 31 bits. */
const TIMEOUT_MS_MAX = 0x7fff_ffff;

/**
 * A clock of `performance.now`, `Date.now` and `setTimeout`, which Node and browsers have alike.
 * @param soon runs something in the next turn of the event loop, and returns what cancels it.
 */
export function timerClock(soon: (run: () => void) => () => void): Clock {
  return {
    nowMs: () => performance.now(),
    wallMs: () => Date.now(),
    at: (timeMs, run) => {
      let cancel: () => void;
      // Timers count whole milliseconds and may fire a fraction early; the port promises "at or after".
      const arm = (): void => {
        const delayMs = timeMs - performance.now();
        if (delayMs <= 0) {
          cancel = soon(run);
          return;
        }
        const timer = setTimeout(ring, Math.min(Math.ceil(delayMs), TIMEOUT_MS_MAX));
        cancel = () => clearTimeout(timer);
      };
      const ring = (): void => {
        if (performance.now() >= timeMs) run();
        else arm();
      };
      arm();
      return () => cancel();
    },
  };
}
