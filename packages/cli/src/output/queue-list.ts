import type { QueueId } from '@qanat/core';

/** Queues in little room, neighbours joined: `broker-a/0..3 broker-b/1`. With several topics each is named. */
export function formatQueues(queues: readonly QueueId[]): string {
  const severalTopics = new Set(queues.map(({ topic }) => topic)).size > 1;
  const groups = new Map<string, number[]>();
  for (const { topic, broker, queue } of queues) {
    const name = severalTopics ? `${topic} ${broker}` : broker;
    const numbers = groups.get(name) ?? [];
    numbers.push(queue);
    groups.set(name, numbers);
  }
  return [...groups]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, numbers]) => `${name}/${formatRanges(numbers)}`)
    .join(' ');
}

function formatRanges(numbers: readonly number[]): string {
  const ranges: { first: number; last: number }[] = [];
  for (const number of [...numbers].sort((a, b) => a - b)) {
    const open = ranges.at(-1);
    if (open !== undefined && number === open.last + 1) open.last = number;
    else ranges.push({ first: number, last: number });
  }
  return ranges.map(({ first, last }) => (first === last ? `${first}` : `${first}..${last}`)).join(',');
}
