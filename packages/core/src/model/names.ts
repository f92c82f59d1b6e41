import { QanatError } from '../errors.ts';
import { utf8Length } from '../wire/bytes.ts';
import { LIMITS } from '../wire/gen/registry.ts';

/**
 * Topics, groups, brokers and clusters: ASCII letters, digits, `_`, `-`, `.`; the first one is a letter, digit or `_` (spec,
 * chapter of names).
 */
const NAME = /^[A-Za-z0-9_][A-Za-z0-9_.-]*$/;
// biome-ignore lint/suspicious/noControlCharactersInRegex: the rule is about control characters.
const TAG = /^[^\u0000-\u0020\u007f|*][^\u0000-\u001f\u007f|]*$/;

/** Why `name` is no name, or undefined when it is one. */
export function nameError(name: string, bytesMax: number = LIMITS.TOPIC_NAME_BYTES_MAX): string | undefined {
  if (name.length === 0) return 'a name has at least one character';
  if (name.length > bytesMax) return `a name has at most ${bytesMax} bytes`;
  return NAME.test(name)
    ? undefined
    : 'a name has only letters, digits, "_", "-" and ".", and begins with a letter, a digit or "_"';
}

/**
 * Why `tag` is no tag, or undefined when it is one: no control character, no `|`, no `*` or blank at its begin, no blank at its
 * end.
 */
export function tagError(tag: string): string | undefined {
  if (utf8Length(tag) > LIMITS.TAG_BYTES_MAX) return `a tag has at most ${LIMITS.TAG_BYTES_MAX} bytes`;
  return TAG.test(tag) && !tag.endsWith(' ')
    ? undefined
    : 'a tag has no control character, no "|", no blank at its ends and does not begin with "*"';
}

/** @throws QanatError INVALID_NAME. */
export function checkName(what: 'topic' | 'group' | 'broker' | 'cluster', name: string): void {
  const error = nameError(name);
  if (error !== undefined) throw new QanatError('INVALID_NAME', `${what} name ${JSON.stringify(name.slice(0, 80))}: ${error}`);
}
