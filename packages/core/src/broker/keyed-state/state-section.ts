import type { KeyedStateInit, SnapshotInit } from '../../wire/gen/messages.ts';
import { encodeStateEntries } from '../../wire/state-entry.ts';
import { SLICE_ITEMS, type SnapshotSection } from '../snapshot-section.ts';
import { answered } from './queue-state.ts';
import { Chunk } from './sorted-entries.ts';

/** So many bytes of values are as much work as one item. */
const BYTES_PER_ITEM = 128;
const PIECE_BYTES = (SLICE_ITEMS / 4) * BYTES_PER_ITEM;
const NO_CHUNK = new Chunk([], []);

/** A part of a snapshot: a chunk of a queue's entries, or an empty one for the queue itself. */
export interface StatePart {
  readonly topicId: number;
  readonly queue: number;
  /** Of the queue, when the snapshot was begun. */
  readonly version: number;
  readonly chunk: Chunk;
}

/** The queue itself, which has a version even when no entry is left. */
export const bareQueue = (topicId: number, queue: number, version: number): StatePart => ({
  topicId,
  queue,
  version,
  chunk: NO_CHUNK,
});

/** The keyed state of all queues in a snapshot, chunk by chunk. */
export class StateSection implements SnapshotSection<StatePart, StatePart> {
  readonly #parts: readonly StatePart[];
  readonly #byChunk = new Map<Chunk, StatePart>();

  constructor(parts: readonly StatePart[]) {
    this.#parts = parts;
    for (const part of parts) if (part.chunk !== NO_CHUNK) this.#byChunk.set(part.chunk, part);
  }

  /** What the snapshot calls a chunk; undefined for one that is younger. */
  keyOf(chunk: Chunk): StatePart | undefined {
    return this.#byChunk.get(chunk);
  }

  keys(): readonly StatePart[] {
    return this.#parts;
  }

  capture(part: StatePart): StatePart {
    const { keys, entries } = part.chunk;
    return { ...part, chunk: new Chunk(keys.slice(), entries.slice()) };
  }

  weigh({ chunk: { entries } }: StatePart): number {
    let bytes = 0;
    for (const { value } of entries) bytes += value.length;
    return entries.length + bytes / BYTES_PER_ITEM;
  }

  pieces(part: StatePart): readonly StatePart[] {
    const { keys, entries } = part.chunk;
    const pieces: StatePart[] = [];
    let from = 0;
    let bytes = 0;
    for (let i = 0; i <= entries.length; i++) {
      const more = entries[i]?.value.length ?? Number.POSITIVE_INFINITY;
      if (i > from && bytes + more > PIECE_BYTES) {
        pieces.push({ ...part, chunk: new Chunk(keys.slice(from, i), entries.slice(from, i)) });
        from = i;
        bytes = 0;
      }
      bytes += more;
    }
    return pieces;
  }

  slice(parts: readonly StatePart[]): SnapshotInit {
    return { keyedStates: parts.map(stateOf) };
  }
}

function stateOf({ topicId, queue, version, chunk: { keys, entries } }: StatePart): KeyedStateInit {
  return { topicId, queue, version, entries: encodeStateEntries(keys.map((key, i) => answered(key, entries[i]))) };
}
