/**
 * The texts of a vector file: one a line, in quotes or not; lines that begin with `;` are comments, `\u{…}` is a code point.
 */
export const textLines = (file: string): readonly string[] =>
  file
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith(';'))
    .map((line) =>
      unquoted(line).replace(/\\u\{([0-9a-f]+)\}/g, (_, code: string) => String.fromCodePoint(Number.parseInt(code, 16))),
    );

const unquoted = (text: string): string => text.replace(/^"(.*)"$/s, '$1');

/** A line of filters-valid.txt: a filter, and the tags that it lets through; null for everything. */
export function filterLine(line: string): { readonly filter: string; readonly tags: readonly string[] | null } {
  const [filter, tags] = line.split(' => ') as [string, string];
  return { filter: unquoted(filter), tags: JSON.parse(tags) };
}
