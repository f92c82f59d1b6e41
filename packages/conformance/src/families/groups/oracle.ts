/** A queue of a topic over all brokers. */
export interface QueueAt {
  readonly broker: string;
  readonly queue: number;
}

export type Strategy = 'AVERAGELY' | 'CIRCLE' | 'STICKY';

/** Who shall own what is one of these; undefined: nobody is there. */
export type Owner = string | undefined;

// The pseudo-code of the chapter of groups, word for word: what the engines do is judged by it, not by their own code.

export function allocate<Q>(queues: readonly Q[], members: readonly string[], member: string): readonly Q[] {
  const index = members.indexOf(member);
  const share = Math.floor(queues.length / members.length);
  const longer = queues.length % members.length;
  const start = index * share + Math.min(index, longer);
  return queues.slice(start, start + share + (index < longer ? 1 : 0));
}

export function circle<Q>(queues: readonly Q[], members: readonly string[], member: string): readonly Q[] {
  return queues.filter((_, index) => index % members.length === members.indexOf(member));
}

export function stick(owners: readonly Owner[], members: readonly string[], held: readonly Owner[]): Owner[] {
  const left = new Map<Owner, number>(members.map((member) => [member, owners.filter((owner) => owner === member).length]));
  const take = (member: Owner): boolean => {
    const count = left.get(member) ?? 0;
    if (count > 0) left.set(member, count - 1);
    return count > 0;
  };
  const kept = owners.map((_, queue) => (take(held[queue]) ? held[queue] : undefined));
  return kept.map((owner) => owner ?? members.find(take));
}

export function target(
  queues: readonly QueueAt[],
  members: readonly string[],
  broker: string,
  strategy: Strategy,
  held: readonly Owner[],
): Owner[] {
  const owners: Owner[] = [];
  const share = strategy === 'CIRCLE' ? circle : allocate;
  for (const member of members) {
    for (const { broker: at, queue } of share(queues, members, member)) if (at === broker) owners[queue] = member;
  }
  for (const { broker: at, queue } of queues) if (at === broker) owners[queue] ??= undefined;
  return strategy === 'STICKY' ? stick(owners, members, held) : owners;
}

/** The queues of a topic over all brokers, sorted by broker, then number. */
export function queuesOf(shares: ReadonlyMap<string, number>): QueueAt[] {
  const brokers = [...shares.keys()].sort((a, b) => (a < b ? -1 : 1));
  return brokers.flatMap((broker) => Array.from({ length: shares.get(broker) ?? 0 }, (_, queue) => ({ broker, queue })));
}
