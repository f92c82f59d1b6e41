/**
 * The member, by its index, that has the queue at `queueIndex` when sorted queues are dealt out like cards: five queues and two
 * members give [0,2,4] and [1,3] (spec, chapter of groups). A member's share of each broker is as even as its share of the whole.
 */
export const allocateByCircle = (queueIndex: number, memberCount: number): number => queueIndex % memberCount;
