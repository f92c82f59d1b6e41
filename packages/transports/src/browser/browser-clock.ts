import type { Clock } from '@qanat/core';
import { timerClock } from '../timer-clock.ts';
import { browserLater } from '../websocket/browser-socket.ts';

/**
 * The clock of a page or a worker. A browser makes timers late: by 4 ms where they follow each other, to whole seconds and then
 * minutes in a page that is hidden, and for as long as it likes while the page is frozen or the machine asleep. The engine knows
 * such a tick by how late it comes, and does not hold against its peers what it was too late to hear.
 */
export const browserClock: Clock = timerClock((run) => {
  let cancelled = false;
  browserLater(() => {
    if (!cancelled) run();
  });
  return () => {
    cancelled = true;
  };
});
