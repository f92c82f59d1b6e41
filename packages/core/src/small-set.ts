/** As long as there are no more, looking at all is quicker than a table. */
const FEW_MAX = 16;

/**
 * A set that mostly has few members, which come and go with every message. V8's Set makes a new table when its last member
 * goes, and each old table holds the next one: once one of them has lived through two collections, so do all that follow, and
 * what they held.
 */
export class SmallSet<T> {
  #few: T[] = [];
  #many: Set<T> | undefined;

  get size(): number {
    return this.#many?.size ?? this.#few.length;
  }

  add(item: T): void {
    if (this.#many !== undefined) this.#many.add(item);
    else if (this.#few.includes(item)) return;
    else if (this.#few.length < FEW_MAX) this.#few.push(item);
    else {
      this.#many = new Set(this.#few).add(item);
      this.#few = [];
    }
  }

  delete(item: T): void {
    if (this.#many !== undefined) {
      this.#many.delete(item);
      if (this.#many.size === 0) this.#many = undefined;
      return;
    }
    const at = this.#few.indexOf(item);
    if (at < 0) return;
    this.#few.copyWithin(at, at + 1);
    this.#few.pop();
  }

  /** Empties the set. @returns what was in it, in the order in which it came; to be read only. */
  take(): readonly T[] {
    const items = this.#items();
    this.#many = undefined;
    if (this.#few.length > 0) this.#few = [];
    return items;
  }

  /** What is in it now: members may come and go meanwhile. */
  [Symbol.iterator](): IterableIterator<T> {
    return this.#items().slice()[Symbol.iterator]();
  }

  #items(): readonly T[] {
    return this.#many === undefined ? this.#few : [...this.#many];
  }
}
