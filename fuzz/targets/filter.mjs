import { readFileSync } from 'node:fs';
import { canonicalFilter, parseFilter } from '../../packages/core/src/model/filter.ts';
import { tagError } from '../../packages/core/src/model/names.ts';
import { bytesOf, must, refusing, textOf } from './rules.mjs';

const lines = (name) =>
  readFileSync(new URL(`../../spec/v1/vectors/${name}`, import.meta.url), 'utf8')
    .split('\n')
    .map(bytesOf);

export default {
  seeds: () => [...lines('filters-valid.txt'), ...lines('filters-invalid.txt'), ...lines('tags-valid.txt')],
  words: ['||', '|', '*', ' ', 'a', ' || ', '\u00a0', '\t', '\u0000', '\ud83d\ude00'].map(bytesOf),
  run(input) {
    const text = textOf(input);
    const tags = refusing(['INVALID_ARGUMENT'], () => parseFilter(text) ?? new Set());
    if (tags === undefined) return;
    must(tags.size <= 64, 'tags:', tags.size);
    for (const tag of tags) must(tagError(tag) === undefined, 'a tag that is none');
    const canonical = canonicalFilter(text);
    // The canonical text puts blanks where the filter had none, and may pass the limit by that.
    if (bytesOf(canonical).length > 1024) return;
    must(canonicalFilter(canonical) === canonical, 'the canonical filter has another canonical filter');
    const again = parseFilter(canonical) ?? new Set();
    must(again.size === tags.size && [...tags].every((tag) => again.has(tag)), 'the canonical filter is another one');
  },
};
