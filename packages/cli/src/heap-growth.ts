import { setFlagsFromString } from 'node:v8';

/** By how much the heap may grow between two collections of all of it; V8 allows a small heap some 10 MB. */
const GROWTH_PERCENT = 1_000;

/**
 * For a process that is a broker and nothing else. The heap of a broker is small (10 MB), but what messages need passes through
 * it, and so V8 would mark all of it three times a second under load, on all processors at once: a pause of 10 ms for everybody.
 * The limit of the heap (`--max-old-space-size`) holds as before.
 */
export function collectSeldom(): void {
  setFlagsFromString(`--heap-growing-percent=${GROWTH_PERCENT}`);
}
