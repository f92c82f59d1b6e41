import { availableParallelism } from 'node:os';
import { PerformanceObserver } from 'node:perf_hooks';
import { getHeapSpaceStatistics, setFlagsFromString } from 'node:v8';

/** By how much the heap may grow between two collections of all of it; V8 allows a small heap some 10 MB. */
const GROWTH_PERCENT = 1_000;
/** With so few processors the helpers of a collection wait for those that the node and its clients are on. */
const PROCESSORS_FOR_HELPERS = 3;
/** Where new objects lie: two halves of 8 MB. V8 would go to two of 16 MB. */
const NEW_SPACE_BYTES_MAX = 16 * 1024 * 1024;

/**
 * For a process that is a broker and nothing else. The heap of a broker is small (10 MB), but what messages need passes through
 * it, and so V8 would mark all of it three times a second under load, on all processors at once: a pause of 10 ms for everybody.
 * The limit of the heap (`--max-old-space-size`) holds as before.
 */
export function collectSeldom(): void {
  setFlagsFromString(`--heap-growing-percent=${GROWTH_PERCENT}`);
}

const newSpaceBytes = (): number =>
  getHeapSpaceStatistics().find(({ space_name }) => space_name === 'new_space')?.space_size ?? 0;

/**
 * For a process that is an MQTT bridge and nothing else. What lives on of the new objects is copied at each collection: with less
 * room each pause is shorter. The room is also memory that is counted for each of ten thousand idle devices. V8 has no limit that
 * can be set in a process that runs, but the factor by which the room grows can be: it is 1 as long as there is enough. V8
 * shrinks the room of a process that does little.
 */
export function keepNewSpaceSmall(): void {
  let grows = true;
  new PerformanceObserver(() => {
    const mayGrow = newSpaceBytes() < NEW_SPACE_BYTES_MAX;
    if (mayGrow === grows) return;
    grows = mayGrow;
    setFlagsFromString(`--semi-space-growth-factor=${grows ? 2 : 1}`);
  }).observe({ entryTypes: ['gc'] });
}

/**
 * For every server. Little of what is new lives on when a server collects it, 100 kB: the threads that V8 wakes to help cost more
 * than they spare where they have no processor of their own. A pause of 0.9 ms became one of 0.6 ms on two processors.
 */
export function collectWithoutHelpers(): void {
  if (availableParallelism() < PROCESSORS_FOR_HELPERS) setFlagsFromString('--no-parallel-scavenge');
}
