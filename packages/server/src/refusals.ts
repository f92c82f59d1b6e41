import type { OnRefused } from '@qanat/transports/tls';
import type { Logger } from './logger.ts';

/** Lines about peers that were refused, in REFUSALS_MS. Whoever knocks all the time does not fill the disk. */
export const REFUSALS_LOGGED_MAX = 10;
export const REFUSALS_MS = 10_000;

/** Logs peers that do not speak as the listener does. */
export function refusalLog(log: Logger, nowMs: () => number = () => performance.now()): OnRefused {
  let sinceMs = Number.NEGATIVE_INFINITY;
  let count = 0;
  return (remote, error) => {
    if (nowMs() - sinceMs >= REFUSALS_MS) {
      const unlogged = Math.max(0, count - REFUSALS_LOGGED_MAX);
      if (unlogged > 0) log('warn', 'more peers were refused', { count: unlogged });
      sinceMs = nowMs();
      count = 0;
    }
    if (count++ < REFUSALS_LOGGED_MAX)
      log('warn', 'peer refused', { remote, code: error.code, why: error.message, hint: error.hint });
  };
}
