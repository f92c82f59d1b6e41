// The properties of a record (spec, chapter of the record batch): a count, then names and values.
import { QanatError } from '../errors.ts';
import { readUtf8 } from './bytes.ts';

/** Walks the names and values of the properties that begin at `at`, in turn. @throws QanatError INVALID_BATCH. */
function walkProperties(bytes: Uint8Array, at: number, each: (from: number, to: number) => void): void {
  let place = at;
  const varint = (): number => {
    let value = 0;
    let scale = 1;
    for (let i = 0; i < 8; i++) {
      const byte = bytes[place++] ?? 0;
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
      scale *= 0x80;
    }
    return Number.POSITIVE_INFINITY;
  };
  const texts = varint() * 2;
  for (let i = 0; i < texts; i++) {
    const length = varint();
    const from = place;
    place = from + length;
    if (place > bytes.length) throw new QanatError('INVALID_BATCH', 'the properties run over the end of the batch');
    each(from, place);
  }
}

/** Decodes the properties that begin at `at`. A name that comes twice has its last value. @throws QanatError INVALID_BATCH. */
export function readProperties(bytes: Uint8Array, at: number): Readonly<Record<string, string>> {
  const properties: Record<string, string> = Object.create(null);
  let name: string | undefined;
  walkProperties(bytes, at, (from, to) => {
    const text = readUtf8(bytes, from, to);
    if (name === undefined) name = text;
    else {
      properties[name] = text;
      name = undefined;
    }
  });
  return properties;
}

/**
 * Whether the properties at `at` can be decoded: a handler must not be the one who finds out that they cannot, since it would
 * be given the message again for ever.
 *
 * @throws QanatError INVALID_BATCH.
 */
export function checkProperties(bytes: Uint8Array, at: number): void {
  if ((bytes[at] ?? 0) !== 0) walkProperties(bytes, at, () => {});
}
