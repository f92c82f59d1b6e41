/**
 * Divides `queueCount` sorted queues among `memberCount` sorted members: contiguous runs whose lengths differ by at most one,
 * the longer ones first. Five queues and two members give [0,1,2] and [3,4]; members beyond the queues get nothing (spec,
 * chapter of groups).
 *
 * @returns the first queue and the number of queues of the member at `index`.
 */
export function allocateAveragely(
  queueCount: number,
  memberCount: number,
  index: number,
): { readonly start: number; readonly count: number } {
  const share = Math.floor(queueCount / memberCount);
  const longer = queueCount % memberCount;
  return { start: index * share + Math.min(index, longer), count: share + (index < longer ? 1 : 0) };
}
