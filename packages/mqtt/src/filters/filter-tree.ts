/**
 * Where filters part or end. All but the first hold values or have several ways on: there are less than twice as many as there
 * are filters, however many levels these have.
 */
interface Node<Value> {
  /** Levels on the way here, behind the one by which the node is found, at which nothing parts or ends. */
  tail: readonly string[];
  /** The ways on, by their next level. */
  below: Map<string, Node<Value>> | undefined;
  /** The way on by `+`. */
  any: Node<Value> | undefined;
  /** What subscribed with a filter that ends here. */
  values: Map<string, Value> | undefined;
  /** What subscribed with a filter that ends with `#` behind this. */
  rest: Map<string, Value> | undefined;
}

const newNode = <Value>(tail: readonly string[]): Node<Value> => ({
  tail,
  below: undefined,
  any: undefined,
  values: undefined,
  rest: undefined,
});

const holdsValues = ({ values, rest }: Node<unknown>): boolean => values !== undefined || rest !== undefined;

const waysOn = ({ below, any }: Node<unknown>): number => (below?.size ?? 0) + (any === undefined ? 0 : 1);

/** The way on where there is one alone. */
function onlyWay<Value>(node: Node<Value>): readonly [string, Node<Value>] | undefined {
  if (waysOn(node) !== 1) return undefined;
  return node.any === undefined ? node.below?.entries().next().value : ['+', node.any];
}

const next = <Value>({ below, any }: Node<Value>, name: string): Node<Value> | undefined =>
  name === '+' ? any : below?.get(name);

function lead<Value>(node: Node<Value>, name: string, to: Node<Value>): void {
  if (name === '+') {
    node.any = to;
    return;
  }
  node.below ??= new Map();
  node.below.set(name, to);
}

function cut<Value>(node: Node<Value>, name: string): void {
  if (name === '+') node.any = undefined;
  else node.below?.delete(name);
  if (node.below?.size === 0) node.below = undefined;
}

/** How many levels of a tail a filter has, from a level on. */
function shared(tail: readonly string[], names: readonly string[], at: number): number {
  let count = 0;
  while (count < tail.length && tail[count] === names[at + count]) count++;
  return count;
}

/** Whether the levels of a topic, from one on, are what a tail asks for; there are as many. */
function passes(tail: readonly string[], names: readonly string[], at: number): boolean {
  for (let i = 0; i < tail.length; i++) {
    const wanted = tail[i];
    if (wanted !== '+' && wanted !== names[at + i]) return false;
  }
  return true;
}

function walk<Value>(
  node: Node<Value>,
  names: readonly string[],
  from: number,
  found: (value: Value, key: string) => void,
): void {
  const { tail, below, any } = node;
  const at = from + tail.length;
  if (at > names.length || !passes(tail, names, from)) return;
  // `a/#` selects `a` too.
  node.rest?.forEach(found);
  if (at === names.length) return node.values?.forEach(found);
  const exact = below?.get(names[at] as string);
  if (exact !== undefined) walk(exact, names, at + 1, found);
  if (any !== undefined) walk(any, names, at + 1, found);
}

/** The levels of a filter without `#`, and whether there was one. */
function wayOf(filter: string): { readonly names: string[]; readonly open: boolean } {
  const names = filter.split('/');
  const open = names.at(-1) === '#';
  if (open) names.pop();
  return { names, open };
}

/**
 * Values under topic filters: which of them select a topic is found by walking the topic's levels, not by trying every filter.
 * Under one filter a value is known by a key of the caller's choice.
 */
export class FilterTree<Value> {
  readonly #root: Node<Value> = newNode([]);
  #size = 0;
  #nodes = 1;

  /** Number of values. */
  get size(): number {
    return this.#size;
  }

  /** Number of nodes: what the tree costs, and the most that `match` looks at. */
  get nodes(): number {
    return this.#nodes;
  }

  /** @returns the value that stood there before. */
  set(filter: string, key: string, value: Value): Value | undefined {
    const { names, open } = wayOf(filter);
    const node = this.#reach(names);
    const values = (open ? node.rest : node.values) ?? new Map<string, Value>();
    if (open) node.rest = values;
    else node.values = values;
    const before = values.get(key);
    if (!values.has(key)) this.#size++;
    values.set(key, value);
    return before;
  }

  #reach(names: readonly string[]): Node<Value> {
    let node = this.#root;
    for (let at = 0; at < names.length; ) {
      const name = names[at++] as string;
      const there = next(node, name);
      if (there === undefined) return this.#add(node, name, names.slice(at));
      const count = shared(there.tail, names, at);
      if (count < there.tail.length) this.#split(there, count);
      at += count;
      node = there;
    }
    return node;
  }

  #add(node: Node<Value>, name: string, tail: readonly string[]): Node<Value> {
    const added = newNode<Value>(tail);
    lead(node, name, added);
    this.#nodes++;
    return added;
  }

  /** Cuts a node in two, so that something parts or ends behind some levels of its tail. */
  #split(node: Node<Value>, count: number): void {
    const { tail } = node;
    const behind = { ...node, tail: tail.slice(count + 1) };
    Object.assign(node, newNode(tail.slice(0, count)));
    lead(node, tail[count] as string, behind);
    this.#nodes++;
  }

  /** @returns whether something stood there. */
  delete(filter: string, key: string): boolean {
    const { names, open } = wayOf(filter);
    let parent: Node<Value> | undefined;
    let name = '';
    let node = this.#root;
    for (let at = 0; at < names.length; ) {
      parent = node;
      name = names[at++] as string;
      const there = next(node, name);
      if (there === undefined || shared(there.tail, names, at) < there.tail.length) return false;
      at += there.tail.length;
      node = there;
    }
    const values = open ? node.rest : node.values;
    if (values?.delete(key) !== true) return false;
    this.#size--;
    if (values.size === 0) this.#emptied(node, open);
    if (parent !== undefined) this.#prune(parent, name, node);
    return true;
  }

  #emptied(node: Node<Value>, open: boolean): void {
    if (open) node.rest = undefined;
    else node.values = undefined;
  }

  /** Where nothing parts or ends any more there is no node. */
  #prune(parent: Node<Value>, name: string, node: Node<Value>): void {
    if (waysOn(node) > 0) return this.#join(node);
    if (holdsValues(node)) return;
    cut(parent, name);
    this.#nodes--;
    if (parent !== this.#root) this.#join(parent);
  }

  /** Makes one of a node and the only one behind it. */
  #join(node: Node<Value>): void {
    const way = holdsValues(node) ? undefined : onlyWay(node);
    if (way === undefined) return;
    const [name, behind] = way;
    Object.assign(node, { ...behind, tail: [...node.tail, name, ...behind.tail] });
    this.#nodes--;
  }

  /**
   * Calls `found` with each value whose filter selects the topic; a wildcard in front selects no topic that begins with `$`.
   * Looks at each node once at most.
   */
  match(topic: string, found: (value: Value, key: string) => void): void {
    const names = topic.split('/');
    if (!topic.startsWith('$')) return walk(this.#root, names, 0, found);
    const hidden = this.#root.below?.get(names[0] as string);
    if (hidden !== undefined) walk(hidden, names, 1, found);
  }
}
