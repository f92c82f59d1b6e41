const DISTANCE_MAX = 2;

/** The least number of inserted, removed, changed or swapped neighbouring characters, or `most + 1` when it is more. */
export function editDistance(a: string, b: string, most: number): number {
  if (Math.abs(a.length - b.length) > most) return most + 1;
  let before: number[] = [];
  let last: number[] = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1];
      let least = Math.min((last[j] as number) + 1, (row[j - 1] as number) + 1, (last[j - 1] as number) + (same ? 0 : 1));
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      if (swapped) least = Math.min(least, (before[j - 2] as number) + 1);
      row.push(least);
    }
    before = last;
    last = row;
  }
  return Math.min(last[b.length] as number, most + 1);
}

/**
 * The name that was probably meant: the nearest one by at most two slips of the pen, else the shortest one that goes on from
 * it, or that it goes on from.
 */
export function didYouMean(name: string, names: readonly string[]): string | undefined {
  const wanted = name.toLowerCase();
  let best: string | undefined;
  let bestRank = Number.POSITIVE_INFINITY;
  for (const candidate of [...names].sort()) {
    if (candidate === name) continue;
    const known = candidate.toLowerCase();
    const distance = editDistance(wanted, known, DISTANCE_MAX);
    const isPrefix = known.startsWith(wanted) || wanted.startsWith(known);
    // Two slips in a name of two characters are another name.
    const near = distance <= DISTANCE_MAX && distance < wanted.length;
    const rank = near ? distance : isPrefix ? DISTANCE_MAX + Math.abs(known.length - wanted.length) : Number.POSITIVE_INFINITY;
    if (rank < bestRank) {
      best = candidate;
      bestRank = rank;
    }
  }
  return best;
}
