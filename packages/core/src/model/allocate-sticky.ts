/**
 * Divides the queues of one broker so that as few as possible change hands: each member gets as many as `averagely` would give
 * it here, keeps what it holds up to that number, the lowest first, and the free ones go to who lacks some (spec, chapter of
 * groups).
 *
 * @param averagely the owner of each queue by the strategy AVERAGELY; undefined where nobody is alive.
 * @param members sorted by label, then id.
 * @param holder who holds a queue now; undefined for nobody.
 * @returns the owner of each queue.
 */
export function allocateSticky(
  averagely: readonly string[],
  members: readonly string[],
  holder: (queue: number) => string | undefined,
): string[] {
  const left = new Map<string, number>();
  for (const owner of averagely) left.set(owner, (left.get(owner) ?? 0) + 1);
  const take = (member: string | undefined): string | undefined => {
    const count = member === undefined ? 0 : (left.get(member) ?? 0);
    if (member === undefined || count === 0) return undefined;
    left.set(member, count - 1);
    return member;
  };
  const kept = averagely.map((_, queue) => take(holder(queue)));
  // Whoever lacks nothing any more stays so: the search never goes back.
  let next = 0;
  const lacking = (): string | undefined => {
    while (next < members.length && (left.get(members[next] as string) ?? 0) === 0) next++;
    return take(members[next]);
  };
  return kept.map((owner) => (owner ?? lacking()) as string);
}
