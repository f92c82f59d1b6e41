import { once } from '../../history/once.ts';
import type { View } from '../../history/view.ts';
import { isObject, type Json } from '../../json.ts';
import { type User, usersIn } from '../../users/user.ts';

/** A change of the users, between two places of a history: the subject was told, and its driver said that it knows. */
export interface Change {
  readonly from: number;
  readonly to: number;
  /** From here on the subject knows. */
  readonly atMs: number;
  readonly before: readonly User[];
  readonly after: readonly User[];
}

interface Known {
  /** At the start; undefined where the program does not say. */
  readonly first: readonly User[] | undefined;
  readonly changes: readonly Change[];
}

const usersOf = (args: Json | undefined): readonly User[] | undefined => (isObject(args) ? usersIn(args.users) : undefined);

/** What the program has told of users. A call that failed has changed nothing. */
const knownIn = once((view): Known => {
  const first = usersOf(view.notes('setup')[0]?.args);
  const changes: Change[] = [];
  let before = first ?? [];
  for (const { call, result } of view.calls('users')) {
    const after = usersOf(call.args) ?? [];
    if (result?.error !== undefined) continue;
    const to = result?.index ?? view.events.length;
    changes.push({ from: call.index, to, atMs: result?.atMs ?? view.endMs, before, after });
    before = after;
  }
  return { first, changes };
});

/** The program has told its subject of users: it asks who its clients are. */
export const isTold = (view: View): boolean => knownIn(view).first !== undefined;

export const changesOf = (view: View): readonly Change[] => knownIn(view).changes;

/** Whom the subject surely knows at a place. Undefined where the program does not say, or a change is under way. */
export function usersAt(view: View, index: number): readonly User[] | undefined {
  const { first, changes } = knownIn(view);
  if (changes.some(({ from, to }) => from < index && index < to)) return undefined;
  return changes.findLast(({ to }) => to <= index)?.after ?? first;
}
