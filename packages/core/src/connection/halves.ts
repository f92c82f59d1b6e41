/** What is joined again inside of an item: the shares of one topic, and what a member holds. */
const NESTED = ['routes', 'assignment'];

/**
 * Cuts a control header into two that MORE joins again: its longest list is divided, other lists and messages are in the first
 * one, what has one value is in both (spec, chapter of framing). @returns undefined where nothing can be divided.
 */
export function halvesOf<T extends object>(header: T): readonly [T, T] | undefined {
  const longest = longestList(header);
  if (longest !== undefined && longest[1].length > 1) {
    const [name, items] = longest;
    const middle = items.length >> 1;
    return [{ ...header, [name]: items.slice(0, middle) }, { ...plainFields(header), [name]: items.slice(middle) } as T];
  }
  for (const name of NESTED) {
    const value = (header as Record<string, unknown>)[name];
    const item: unknown = Array.isArray(value) ? value[0] : value;
    const halves = typeof item === 'object' && item !== null ? halvesOf(item) : undefined;
    if (halves === undefined) continue;
    const [first, second] = Array.isArray(value) ? halves.map((half) => [half]) : halves;
    return [{ ...header, [name]: first }, { ...plainFields(header), [name]: second } as T];
  }
  return undefined;
}

function longestList(header: object): readonly [string, readonly unknown[]] | undefined {
  let longest: readonly [string, readonly unknown[]] | undefined;
  for (const [name, value] of Object.entries(header))
    if (Array.isArray(value) && value.length > (longest?.[1].length ?? 0)) longest = [name, value];
  return longest;
}

/** Numbers, texts, bytes and flags. */
const plainFields = (header: object): object =>
  Object.fromEntries(Object.entries(header).filter(([, value]) => typeof value !== 'object' || value instanceof Uint8Array));
