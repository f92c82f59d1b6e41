import type { View } from './view.ts';

/** Remembers what a function found out about a history: many clauses ask the same. */
export function once<T>(find: (view: View) => T): (view: View) => T {
  const found = new WeakMap<View, { readonly value: T }>();
  return (view) => {
    const known = found.get(view) ?? { value: find(view) };
    found.set(view, known);
    return known.value;
  };
}
