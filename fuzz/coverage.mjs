// The map of branches that an execution took, and which of them were ever taken how often.
const MAP_BYTES = 65_536;

const counters = new Uint8Array(MAP_BYTES);
const words = new Int32Array(counters.buffer);
/** Bit n of a byte: the branch was once taken as often as class n says (1, 2, 3, 4-7, 8-15, 16-31, 32-127, more). */
const seen = new Uint8Array(MAP_BYTES);
let used = 0;

const CLASS = Uint8Array.from({ length: 256 }, (_, taken) => {
  const bounds = [1, 2, 3, 4, 8, 16, 32, 128];
  return taken === 0 ? 0 : 1 << (bounds.filter((least) => taken >= least).length - 1);
});

/** The counters of a module: the loader puts the call in front of it. */
globalThis.__qanatCoverage = (count) => {
  const from = used;
  used += count;
  if (used > MAP_BYTES) throw new Error(`the map of branches holds ${MAP_BYTES}`);
  return counters.subarray(from, used);
};

export const clearTaken = () => counters.fill(0, 0, used);

/** Whether eight words from `at` on hold anything: nearly none does, so that the map is passed in large steps. */
const anyOf = (at) =>
  words[at] | words[at + 1] | words[at + 2] | words[at + 3] | words[at + 4] | words[at + 5] | words[at + 6] | words[at + 7];

/** Adds what was taken since `clearTaken`. @returns how many branches were new, or newly often taken. */
export function addTaken() {
  let fresh = 0;
  for (let from = 0; from < used; from += 32) {
    if (anyOf(from >> 2) === 0) continue;
    for (let at = from; at < from + 32; at++) {
      const bit = CLASS[counters[at]];
      if ((seen[at] & bit) === bit) continue;
      seen[at] |= bit;
      fresh++;
    }
  }
  return fresh;
}

/** Branches that were taken at least once, and branches that there are. */
export function coverage() {
  let taken = 0;
  for (let at = 0; at < used; at++) if (seen[at] !== 0) taken++;
  return { taken, branches: used };
}

/** Forgets everything that was seen, and counts anew from the next input on. */
export const forgetSeen = () => seen.fill(0);
