import { checkProperties, readProperties } from '../../packages/core/src/wire/properties.ts';
import { bytesOf, concat, equal, must, refusing, wellFormed } from './rules.mjs';

const text = (value) => concat([Uint8Array.of(bytesOf(value).length), bytesOf(value)]);
const encode = (pairs) => concat([Uint8Array.of(pairs.length), ...pairs.flat().map(text)]);

export default {
  seeds: () => [
    encode([]),
    encode([['a', 'b']]),
    encode([
      ['__proto__', 'x'],
      ['constructor', ''],
      ['a', 'b'],
      ['a', 'c'],
    ]),
  ],
  words: [bytesOf('__proto__'), bytesOf('constructor'), Uint8Array.of(0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f)],
  run(input) {
    const checked = refusing(['INVALID_BATCH'], () => checkProperties(input, 0) ?? true);
    const read = refusing(['INVALID_BATCH'], () => readProperties(input, 0));
    if (checked === undefined || read === undefined) {
      must((checked === undefined) === (read === undefined), 'checked and read differ');
      return;
    }
    must(Object.getPrototypeOf(read) === null, 'properties have a prototype');
    const names = Object.keys(read);
    must(
      names.every((name) => typeof read[name] === 'string'),
      'a value that is no text',
    );
    must({}.x === undefined && {}.a === undefined, 'the prototype of all objects is changed');
    const long = (text) => bytesOf(text).length > 100;
    if (!wellFormed(read) || names.length > 100 || names.some((name) => long(name) || long(read[name]))) return;
    must(equal(readProperties(encode(names.map((name) => [name, read[name]])), 0), read), 'encoding gives other properties');
  },
};
