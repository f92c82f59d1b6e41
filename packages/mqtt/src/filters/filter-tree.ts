interface Level<Value> {
  readonly below: Map<string, Level<Value>>;
  /** What subscribed with a filter that ends here. */
  readonly values: Map<string, Value>;
}

const newLevel = <Value>(): Level<Value> => ({ below: new Map(), values: new Map() });

/**
 * Values under topic filters: which of them select a topic is found by walking the topic's levels, not by trying every filter.
 * Under one filter a value is known by a key of the caller's choice.
 */
export class FilterTree<Value> {
  readonly #root: Level<Value> = newLevel();
  #size = 0;

  /** Number of values. */
  get size(): number {
    return this.#size;
  }

  /** @returns the value that stood there before. */
  set(filter: string, key: string, value: Value): Value | undefined {
    let level = this.#root;
    for (const name of filter.split('/')) {
      let next = level.below.get(name);
      if (next === undefined) {
        next = newLevel();
        level.below.set(name, next);
      }
      level = next;
    }
    const before = level.values.get(key);
    if (!level.values.has(key)) this.#size++;
    level.values.set(key, value);
    return before;
  }

  /** @returns whether something stood there. */
  delete(filter: string, key: string): boolean {
    const names = filter.split('/');
    const path: Level<Value>[] = [this.#root];
    for (const name of names) {
      const next = path.at(-1)?.below.get(name);
      if (next === undefined) return false;
      path.push(next);
    }
    if (path.at(-1)?.values.delete(key) !== true) return false;
    this.#size--;
    this.#prune(path, names);
    return true;
  }

  #prune(path: readonly Level<Value>[], names: readonly string[]): void {
    for (let i = names.length; i > 0; i--) {
      const level = path[i] as Level<Value>;
      if (level.values.size > 0 || level.below.size > 0) return;
      path[i - 1]?.below.delete(names[i - 1] as string);
    }
  }

  /** Calls `found` with each value whose filter selects the topic; a wildcard in front selects no topic that begins with `$`. */
  match(topic: string, found: (value: Value, key: string) => void): void {
    this.#walk(this.#root, topic.split('/'), 0, topic.startsWith('$'), found);
  }

  #walk(
    level: Level<Value>,
    names: readonly string[],
    at: number,
    hidden: boolean,
    found: (value: Value, key: string) => void,
  ): void {
    const wild = !(hidden && at === 0);
    // `a/#` selects `a` too.
    if (wild) level.below.get('#')?.values.forEach(found);
    if (at === names.length) {
      level.values.forEach(found);
      return;
    }
    const exact = level.below.get(names[at] as string);
    if (exact !== undefined) this.#walk(exact, names, at + 1, hidden, found);
    const any = wild ? level.below.get('+') : undefined;
    if (any !== undefined) this.#walk(any, names, at + 1, hidden, found);
  }
}
