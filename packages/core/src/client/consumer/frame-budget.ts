import { LIMITS } from '../../wire/gen/registry.ts';

/** Kept below CONTROL_HEADER_BYTES_MAX for the fields beside the list. */
const LIST_BYTES_MAX = LIMITS.CONTROL_HEADER_BYTES_MAX - 4_096;
/** More than the integers and field tags of any item take. */
const ITEM_BYTES = 40;

/** Cuts a list of queues so that each part fits in one control header; empty lists give none. */
export function partsOf<T extends { readonly topic: string }>(items: readonly T[]): T[][] {
  const parts: T[][] = [];
  let part: T[] = [];
  let bytes = 0;
  for (const item of items) {
    const itemBytes = ITEM_BYTES + item.topic.length;
    if (part.length > 0 && (bytes + itemBytes > LIST_BYTES_MAX || part.length >= LIMITS.LIST_ITEMS_MAX)) {
      parts.push(part);
      part = [];
      bytes = 0;
    }
    part.push(item);
    bytes += itemBytes;
  }
  if (part.length > 0) parts.push(part);
  return parts;
}

/** Whether `queues` queues of `topics`, whose names and filters have `textBytes`, fit in one PULL. */
export const pullFits = (queues: number, topics: number, textBytes: number): boolean =>
  queues <= LIMITS.LIST_ITEMS_MAX && (queues + topics) * ITEM_BYTES + textBytes <= LIST_BYTES_MAX;
