import { readFileSync } from 'node:fs';
import { checkName, nameError, tagError } from '../../packages/core/src/model/names.ts';
import { bytesOf, must, refusing, textOf } from './rules.mjs';

const lines = (name) =>
  readFileSync(new URL(`../../spec/v1/vectors/${name}`, import.meta.url), 'utf8')
    .split('\n')
    .map(bytesOf);

export default {
  seeds: () => ['names-valid.txt', 'names-invalid.txt', 'tags-valid.txt', 'tags-invalid.txt'].flatMap(lines),
  words: ['../', '..%2f', '\u0000', '__proto__', '.', '-', '\n', '\u2028', '\u202e'].map(bytesOf),
  run(input) {
    const text = textOf(input);
    const named = refusing(['INVALID_NAME'], () => checkName('topic', text) ?? true) === true;
    must(named === (nameError(text) === undefined), 'two verdicts on a name');
    if (named) must(/^\w[\w.-]{0,126}$/.test(text), 'a name outside the grammar');
    if (tagError(text) !== undefined) return;
    must(text !== '' && bytesOf(text).length <= 127 && !/^[ *]| $/.test(text), 'a tag outside the grammar');
    for (const char of text) must(char >= ' ' && char !== '\u007f' && char !== '|', 'a tag with a control character or bar');
  },
};
