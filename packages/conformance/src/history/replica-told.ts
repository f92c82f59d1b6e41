import { isObject, type JsonObject } from '../json.ts';
import type { View } from './view.ts';

/** What the subject, a broker, was told to be in its group; undefined: it is a broker alone. */
export function replicaTold(view: View): JsonObject | undefined {
  for (const { args } of view.notes('setup')) if (isObject(args) && isObject(args.replication)) return args.replication;
  return undefined;
}
