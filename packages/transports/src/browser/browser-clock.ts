import type { Clock } from '@qanat/core';
import { timerClock } from '../timer-clock.ts';

/**
 * The clock of a page or a worker. A browser makes timers late: by 4 ms where they follow each other, to whole seconds and
 * minutes in a tab that nobody looks at, and for as long as it likes while the tab is frozen or the machine asleep. The engine
 * knows such a tick by how late it comes, and does not hold against its peers what it was too late to hear.
 */
export const browserClock: Clock = timerClock((run) => {
  const timer = setTimeout(run);
  return () => clearTimeout(timer);
});
