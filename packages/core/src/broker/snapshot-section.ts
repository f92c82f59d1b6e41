import type { SnapshotInit } from '../wire/gen/messages.ts';

/** Queues, offsets, leases and remembered batches in one slice, about: what is made and encoded in one turn of the event loop. */
export const SLICE_ITEMS = 2_048;

/** One kind of things that a snapshot holds. */
export interface SnapshotSection<Key, Item> {
  /** What there is, in the order of the snapshot. */
  keys(): readonly Key[];
  /** What the snapshot says of one of them; undefined when it is gone. */
  capture(key: Key): Item | undefined;
  /** Cuts one that is too large for a slice; the reader of a snapshot joins the pieces. */
  pieces(item: Item): readonly Item[];
  /** How much work it is to encode. */
  weigh(item: Item): number;
  slice(items: readonly Item[]): SnapshotInit;
}
