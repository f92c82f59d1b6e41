// The properties of a record (spec, chapter of the record batch): a count, then names and values.
import { QanatError } from '../errors.ts';
import { readUtf8, utf8Length, varintLength, writeUtf8, writeVarint } from './bytes.ts';
import { LIMITS } from './gen/registry.ts';
import { checkLength } from './text-bytes.ts';

/** Properties as a record holds them: encoded once for many messages that have the same ones. */
export class EncodedProperties {
  readonly bytes: Uint8Array;

  /** @throws QanatError INVALID_BATCH, not sent, beyond PROPERTIES_BYTES_MAX. */
  constructor(properties: Readonly<Record<string, string>>) {
    this.bytes = new Uint8Array(propertiesLength(properties));
    writeProperties(this.bytes, 0, properties);
  }
}

/** Bytes of properties in a record. @throws QanatError INVALID_BATCH, not sent, beyond PROPERTIES_BYTES_MAX. */
export function propertiesLength(properties: Readonly<Record<string, string>>): number {
  let bytes = 0;
  let payload = 0;
  let count = 0;
  for (const name in properties) {
    const nameBytes = utf8Length(name);
    const valueBytes = utf8Length(properties[name] as string);
    bytes += varintLength(nameBytes) + nameBytes + varintLength(valueBytes) + valueBytes;
    payload += nameBytes + valueBytes;
    count++;
  }
  checkLength('properties', payload, LIMITS.PROPERTIES_BYTES_MAX);
  return bytes + varintLength(count);
}

/** Writes properties, and gives the place behind them. */
export function writeProperties(out: Uint8Array, at: number, properties: Readonly<Record<string, string>> | undefined): number {
  if (properties === undefined) {
    out[at] = 0;
    return at + 1;
  }
  const names = Object.keys(properties);
  let to = writeVarint(out, at, names.length);
  for (const name of names) {
    const value = properties[name] as string;
    to = writeUtf8(out, writeVarint(out, to, utf8Length(name)), name);
    to = writeUtf8(out, writeVarint(out, to, utf8Length(value)), value);
  }
  return to;
}

const SHORT_BYTES = 64;

/** Writes encoded properties, and gives the place behind them. */
export function writeEncoded(out: Uint8Array, at: number, { bytes }: EncodedProperties): number {
  const { length } = bytes;
  // The call of a copy costs more than a few bytes.
  if (length > SHORT_BYTES) out.set(bytes, at);
  else for (let i = 0; i < length; i++) out[at + i] = bytes[i] as number;
  return at + length;
}

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
