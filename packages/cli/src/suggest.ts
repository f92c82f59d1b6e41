const DISTANCE_MAX = 2;
/** The shorter of the two has at least as many characters when one begins with the other. */
const PREFIX_LENGTH_MIN = 2;

/** Edits (insert, delete, replace, swap of neighbours) that make `b` of `a`. */
export function editDistance(a: string, b: string): number {
  let before: number[] = [];
  let above = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1];
      let least = Math.min((above[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1, (above[j - 1] ?? 0) + (same ? 0 : 1));
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) least = Math.min(least, (before[j - 2] ?? 0) + 1);
      row.push(least);
    }
    before = above;
    above = row;
  }
  return above[b.length] ?? 0;
}

/** How far a name is from the one that was meant, or undefined when nobody would have meant it. */
function rank(name: string, candidate: string): number | undefined {
  const [a, b] = [name.toLowerCase(), candidate.toLowerCase()];
  // t1 is no slip for t2.
  if (a !== b && a.replace(/\d+/g, '0') === b.replace(/\d+/g, '0')) return undefined;
  // Nearly every name of three characters is two edits from every other.
  const distanceMax = Math.min(DISTANCE_MAX, Math.floor(Math.max(a.length, b.length) / 2));
  const distance = Math.abs(a.length - b.length) > DISTANCE_MAX ? Number.POSITIVE_INFINITY : editDistance(a, b);
  if (distance <= distanceMax) return distance;
  const shorter = Math.min(a.length, b.length);
  return shorter >= PREFIX_LENGTH_MIN && (a.startsWith(b) || b.startsWith(a))
    ? DISTANCE_MAX + 1 + Math.abs(a.length - b.length)
    : undefined;
}

/** The name that was probably meant. */
export function suggest(name: string, candidates: readonly string[]): string | undefined {
  let best: string | undefined;
  let bestRank = Number.POSITIVE_INFINITY;
  for (const candidate of [...candidates].sort()) {
    const candidateRank = candidate === name ? undefined : rank(name, candidate);
    if (candidateRank === undefined || candidateRank >= bestRank) continue;
    best = candidate;
    bestRank = candidateRank;
  }
  return best;
}
