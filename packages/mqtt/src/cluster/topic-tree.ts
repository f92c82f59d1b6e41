interface Level<Value> {
  readonly below: Map<string, Level<Value>>;
  value: Value | undefined;
}

const newLevel = <Value>(): Level<Value> => ({ below: new Map(), value: undefined });

/**
 * Values under topic names: which of them a filter selects is found by walking the filter's levels. The mirror image of
 * FilterTree.
 */
export class TopicTree<Value extends object> {
  readonly #root: Level<Value> = newLevel();
  #size = 0;

  get size(): number {
    return this.#size;
  }

  get(topic: string): Value | undefined {
    let level: Level<Value> | undefined = this.#root;
    for (const name of topic.split('/')) level = level?.below.get(name);
    return level?.value;
  }

  set(topic: string, value: Value): void {
    let level = this.#root;
    for (const name of topic.split('/')) {
      let next = level.below.get(name);
      if (next === undefined) {
        next = newLevel();
        level.below.set(name, next);
      }
      level = next;
    }
    if (level.value === undefined) this.#size++;
    level.value = value;
  }

  delete(topic: string): void {
    const names = topic.split('/');
    const path: Level<Value>[] = [this.#root];
    for (const name of names) {
      const next = path.at(-1)?.below.get(name);
      if (next === undefined) return;
      path.push(next);
    }
    const last = path.at(-1) as Level<Value>;
    if (last.value === undefined) return;
    last.value = undefined;
    this.#size--;
    for (let i = names.length; i > 0; i--) {
      const level = path[i] as Level<Value>;
      if (level.value !== undefined || level.below.size > 0) return;
      path[i - 1]?.below.delete(names[i - 1] as string);
    }
  }

  /** The values whose topics a filter selects; a wildcard in front selects no topic that begins with `$` [MQTT-4.7.2-1]. */
  *match(filter: string): Generator<Value> {
    yield* walk(this.#root, filter.split('/'), 0);
  }
}

function* walk<Value>(level: Level<Value>, names: readonly string[], at: number): Generator<Value> {
  if (at === names.length) {
    if (level.value !== undefined) yield level.value;
    return;
  }
  const name = names[at] as string;
  if (name === '#') {
    yield* all(level, at === 0);
    return;
  }
  if (name !== '+') {
    const next = level.below.get(name);
    if (next !== undefined) yield* walk(next, names, at + 1);
    return;
  }
  for (const [other, next] of level.below) if (at > 0 || !other.startsWith('$')) yield* walk(next, names, at + 1);
}

/** `a/#` selects `a` too. */
function* all<Value>(level: Level<Value>, first: boolean): Generator<Value> {
  if (level.value !== undefined) yield level.value;
  for (const [name, next] of level.below) if (!first || !name.startsWith('$')) yield* all(next, false);
}
