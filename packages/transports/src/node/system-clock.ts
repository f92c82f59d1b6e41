import type { Clock } from '@qanat/core';

/**
 * The clock of the operating system. A timer keeps the process alive; one that is due already runs in the next turn of the
 * event loop instead of after Node's least delay of one millisecond.
 */
export const systemClock: Clock = {
  nowMs: () => performance.now(),
  wallMs: () => Date.now(),
  at: (timeMs, run) => {
    let timer: NodeJS.Timeout | undefined;
    let turn: NodeJS.Immediate | undefined;
    // Node's timers count whole milliseconds and may fire a fraction early; the port promises "at or after".
    const arm = (): void => {
      const delayMs = timeMs - performance.now();
      if (delayMs <= 0) turn = setImmediate(run);
      else timer = setTimeout(ring, Math.min(Math.ceil(delayMs), TIMEOUT_MS_MAX));
    };
    const ring = (): void => {
      if (performance.now() >= timeMs) run();
      else arm();
    };
    arm();
    return () => {
      if (timer !== undefined) clearTimeout(timer);
      if (turn !== undefined) clearImmediate(turn);
    };
  },
};

/** Node runs a timer at once whose delay does not fit into 31 bits. */
const TIMEOUT_MS_MAX = 0x7fff_ffff;
