import { ReplicaRole } from '@qanat/core';
import type { View } from '../../history/view.ts';

const GROUPS = new WeakMap<View, ReadonlySet<string>>();

/** Whether the kit has registered replicas of a broker: what becomes of them is looked at by the family replication. */
export function isGroup(view: View, broker: string): boolean {
  const groups = GROUPS.get(view) ?? groupsIn(view);
  GROUPS.set(view, groups);
  return groups.has(broker);
}

const groupsIn = (view: View): ReadonlySet<string> =>
  new Set(
    view
      .requests('REGISTER_BROKER', 'kit')
      .filter(({ header }) => header !== undefined && (header.replica !== 0 || header.replicaRole === ReplicaRole.SLAVE))
      .map(({ header }) => header.broker),
  );
