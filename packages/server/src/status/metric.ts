/** One metric of a kind of node: what it is called, and how it is read from the figures of an engine. */
export interface Metric<E> {
  /** With its unit last; of a counter with `_total`. */
  readonly name: string;
  readonly help: string;
  readonly type: 'counter' | 'gauge';
  /** Names of the labels beside `node`. */
  readonly labels?: readonly string[];
  /** The present values; each with the values of the labels, in their order. */
  read(engine: E): Iterable<readonly [value: number, ...labels: string[]]>;
}
