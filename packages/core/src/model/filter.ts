import { QanatError } from '../errors.ts';
import { utf8Length } from '../wire/bytes.ts';
import { LIMITS } from '../wire/gen/registry.ts';
import { tagError } from './names.ts';

/** The tags that a filter lets through; undefined lets everything through. */
export type TagFilter = ReadonlySet<string> | undefined;

/** Only the space is a blank: what else languages trim differs. */
const withoutBlanks = (text: string): string => text.replace(/^ +| +$/g, '');

/**
 * Reads a filter: empty or `*` for everything, or tags joined by `||` (spec, chapter of pull).
 * @throws QanatError INVALID_ARGUMENT.
 */
export function parseFilter(text: string): TagFilter {
  const trimmed = withoutBlanks(text);
  if (trimmed === '' || trimmed === '*') return undefined;
  if (utf8Length(text) > LIMITS.FILTER_BYTES_MAX)
    throw new QanatError('INVALID_ARGUMENT', `a filter has at most ${LIMITS.FILTER_BYTES_MAX} bytes`);
  const tags = trimmed.split('||').map(withoutBlanks);
  if (tags.length > LIMITS.FILTER_TAGS_MAX)
    throw new QanatError('INVALID_ARGUMENT', `a filter has at most ${LIMITS.FILTER_TAGS_MAX} tags`);
  for (const tag of tags) {
    const error = tag === '' ? 'a tag is missing' : tagError(tag);
    if (error !== undefined) throw new QanatError('INVALID_ARGUMENT', `filter ${JSON.stringify(text)}: ${error}`);
  }
  return new Set(tags);
}

/**
 * The one text of a filter: tags sorted by code unit, joined by ` || `; `*` for everything. Two filters are the same when these
 * are.
 */
export function canonicalFilter(text: string): string {
  const tags = parseFilter(text);
  return tags === undefined ? '*' : [...tags].sort().join(' || ');
}

/** Whether a message with this tag passes. */
export const passes = (filter: TagFilter, tag: string | undefined): boolean =>
  filter === undefined || (tag !== undefined && filter.has(tag));
