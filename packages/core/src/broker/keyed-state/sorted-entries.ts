/** What a key has. */
export interface StoredEntry {
  readonly version: number;
  /** Of this store alone. */
  readonly value: Uint8Array;
}

/** Keys of one chunk; a full one is cut in half. */
const CHUNK_KEYS_MAX = 512;

/** Neighbouring keys in their order, and what they have. */
export class Chunk {
  readonly keys: string[];
  readonly entries: StoredEntry[];

  constructor(keys: string[], entries: StoredEntry[]) {
    this.keys = keys;
    this.entries = entries;
  }
}

/**
 * Entries in the order of their keys: chunks of sorted arrays, so that one that comes or goes moves a few hundred places however
 * many there are. A key is a text of one character for each byte: its order is that of the bytes.
 */
export class SortedEntries {
  #chunks: Chunk[] = [];
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** What there is now; the list is the caller's, the chunks go on to change. */
  chunks(): Chunk[] {
    return this.#chunks.slice();
  }

  get(key: string): StoredEntry | undefined {
    const chunk = this.chunkOf(key);
    if (chunk === undefined) return undefined;
    const at = lowerBound(chunk.keys, key);
    return chunk.keys[at] === key ? chunk.entries[at] : undefined;
  }

  /** The chunk that a change of the key would change; undefined where there is none yet. */
  chunkOf(key: string): Chunk | undefined {
    return this.#chunks[this.#indexOf(key)];
  }

  set(key: string, entry: StoredEntry): void {
    const index = this.#indexOf(key);
    const chunk = this.#chunks[index];
    if (chunk === undefined) {
      this.#chunks.push(new Chunk([key], [entry]));
      this.#size++;
      return;
    }
    const at = lowerBound(chunk.keys, key);
    if (chunk.keys[at] === key) {
      chunk.entries[at] = entry;
      return;
    }
    chunk.keys.splice(at, 0, key);
    chunk.entries.splice(at, 0, entry);
    this.#size++;
    if (chunk.keys.length > CHUNK_KEYS_MAX) this.#cut(index, chunk);
  }

  delete(key: string): void {
    const index = this.#indexOf(key);
    const chunk = this.#chunks[index];
    if (chunk === undefined) return;
    const at = lowerBound(chunk.keys, key);
    if (chunk.keys[at] !== key) return;
    chunk.keys.splice(at, 1);
    chunk.entries.splice(at, 1);
    this.#size--;
    if (chunk.keys.length === 0) this.#chunks.splice(index, 1);
  }

  /** Keys from `from` on, in order. Not across changes. */
  *from(from: string): Generator<readonly [string, StoredEntry]> {
    let index = this.#indexOf(from);
    let chunk = this.#chunks[index];
    let at = chunk === undefined ? 0 : lowerBound(chunk.keys, from);
    while (chunk !== undefined) {
      for (; at < chunk.keys.length; at++) yield [chunk.keys[at] as string, chunk.entries[at] as StoredEntry];
      chunk = this.#chunks[++index];
      at = 0;
    }
  }

  /** A run of keys in one order leaves full chunks behind, not half ones. */
  #cut(index: number, chunk: Chunk): void {
    const isLast = index === this.#chunks.length - 1;
    const at = isLast ? CHUNK_KEYS_MAX : CHUNK_KEYS_MAX / 2;
    this.#chunks.splice(index + 1, 0, new Chunk(chunk.keys.splice(at), chunk.entries.splice(at)));
  }

  /** The last chunk whose first key is not behind `key`, or the first one. */
  #indexOf(key: string): number {
    const chunks = this.#chunks;
    let low = 0;
    let high = chunks.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (((chunks[middle] as Chunk).keys[0] as string) <= key) low = middle + 1;
      else high = middle;
    }
    return Math.max(0, low - 1);
  }
}

/** The first place whose key is not before `key`. */
function lowerBound(keys: readonly string[], key: string): number {
  let low = 0;
  let high = keys.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((keys[middle] as string) < key) low = middle + 1;
    else high = middle;
  }
  return low;
}
