// A bundle with one edit of a source, made of the bundle without it where that is safe: a tenth of the time of bundling anew.
import { transform } from 'esbuild';

/** Lines around the edit that may be needed to tell its place from others. */
const CONTEXT_MAX = 12;
/** What means the same everywhere, whatever a bundle renames. */
const KNOWN = new Set(
  [
    'break case catch const continue default do else false finally for if in instanceof let new null of return switch this',
    'throw true try typeof undefined var void while Infinity Math NaN Number',
  ].flatMap((words) => words.split(' ')),
);
/** Names that stand for themselves: of no member, and not inside of another word. */
const NAMES = /(?<![.#\w$])[A-Za-z_$][\w$]*/g;

async function linesOf(source) {
  const { code } = await transform(source, { loader: 'ts', format: 'esm', target: 'node20' });
  return code.split('\n');
}

const hasOnlyNamesOf = (text, known) => (text.match(NAMES) ?? []).every((name) => KNOWN.has(name) || known.includes(name));

/**
 * The lines of JavaScript that the edit changes, changed in the bundle too.
 * @returns undefined where that is not certain: they do not stand there once as they are, since a bundle renames what two files
 * call the same, or the edit brings names that were not there.
 */
export async function patched(bundle, source, edited) {
  const [before, after] = await Promise.all([linesOf(source), linesOf(edited)]);
  const shorter = Math.min(before.length, after.length);
  let head = 0;
  while (head < shorter && before[head] === after[head]) head++;
  let tail = 0;
  while (tail < shorter - head && before.at(-1 - tail) === after.at(-1 - tail)) tail++;
  for (let context = 1; context <= CONTEXT_MAX; context++) {
    const cut = (lines) =>
      `\n${lines.slice(Math.max(0, head - context), lines.length - Math.max(0, tail - context)).join('\n')}\n`;
    const [from, to] = [cut(before), cut(after)];
    const at = bundle.indexOf(from);
    if (at < 0) return undefined;
    if (bundle.includes(from, at + 1)) continue;
    return hasOnlyNamesOf(to, from.match(NAMES) ?? []) ? bundle.slice(0, at) + to + bundle.slice(at + from.length) : undefined;
  }
  return undefined;
}
