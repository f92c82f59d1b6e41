// Explains a control header or a state record, field by field; knows the schema from a generated table.
import { readUtf8 } from '../wire/bytes.ts';
import { FIELDS, type Field, VALUE_NAMES } from './gen/fields.ts';
import { PartReader } from './part.ts';

const VARINT_BYTES_MAX = 10;
/** Nested deeper than this no message of the schema is. */
const DEPTH_MAX = 16;

/** Adds the parts of the message `name` that lies between `reader.at` and `reader.end`. */
export function annotateMessage(name: string, reader: PartReader, depth = 0): void {
  const fields = FIELDS[name] ?? [];
  while (reader.left > 0) {
    const tag = varintAt(reader.peek(VARINT_BYTES_MAX), 0);
    if (tag === undefined) return reader.takeWrong(reader.left, 'the number of a field runs over the end', depth);
    const number = Math.floor(tag.value / 8);
    const field = fields.find((one) => one.number === number);
    const wireType = tag.value % 8;
    if (wireType === 0) annotateNumber(reader, tag.length, number, field, depth);
    else if (wireType === 2) annotateLengthDelimited(reader, tag.length, number, field, depth);
    else if (wireType === 1 || wireType === 5) annotateFixed(reader, tag.length + (wireType === 1 ? 8 : 4), number, depth);
    else return reader.takeWrong(reader.left, `field ${number} has wire type ${wireType}, which is not used`, depth);
  }
}

function annotateNumber(reader: PartReader, tagLength: number, number: number, field: Field | undefined, depth: number): void {
  const value = varintAt(reader.peek(tagLength + VARINT_BYTES_MAX), tagLength);
  if (value === undefined) return reader.takeWrong(reader.left, `the value of field ${number} runs over the end`, depth);
  const length = tagLength + value.length;
  if (field === undefined) return reader.take(length, `${number} unknown field = ${value.value}`, depth);
  if (!isNumber(field)) return reader.takeWrong(length, `${number} ${field.name} is no number`, depth);
  reader.take(length, `${number} ${field.name} = ${valueText(field, value.value)}`, depth);
}

function annotateLengthDelimited(
  reader: PartReader,
  tagLength: number,
  number: number,
  field: Field | undefined,
  depth: number,
): void {
  const size = varintAt(reader.peek(tagLength + VARINT_BYTES_MAX), tagLength);
  const head = tagLength + (size?.length ?? 0);
  const name = field === undefined ? `${number} unknown field` : `${number} ${field.name}`;
  if (size === undefined || size.value > reader.left - head)
    return reader.takeWrong(reader.left, `${name} runs over the end`, depth);
  const content = reader.peek(head + size.value).subarray(head);
  if (field === undefined || field.kind === 'bytes') reader.take(head + size.value, `${name} = "${hexOf(content)}"`, depth);
  else if (field.kind === 'message') {
    if (depth >= DEPTH_MAX) return reader.takeWrong(head + size.value, `${name} is nested too deep`, depth);
    reader.take(head, `${name}, ${size.value} bytes`, depth);
    const inner = new PartReader(content, 0, content.length, reader.parts);
    annotateMessage(field.of as string, inner, depth + 1);
    reader.at += size.value;
  } else if (field.kind === 'string')
    reader.take(head + size.value, `${name} = ${JSON.stringify(readUtf8(content, 0, content.length))}`, depth);
  else if (field.repeated === true) reader.take(head + size.value, `${name} = [${packed(field, content).join(', ')}]`, depth);
  else reader.takeWrong(head + size.value, `${name} is one number`, depth);
}

function annotateFixed(reader: PartReader, length: number, number: number, depth: number): void {
  if (reader.needs(length, `field ${number}`, depth)) reader.take(length, `${number} unknown field`, depth);
}

function packed(field: Field, content: Uint8Array): string[] {
  const values: string[] = [];
  for (let at = 0; at < content.length; ) {
    const value = varintAt(content, at);
    if (value === undefined) return [...values, '…'];
    values.push(valueText(field, value.value));
    at += value.length;
  }
  return values;
}

const isNumber = (field: Field): boolean => !['string', 'bytes', 'message'].includes(field.kind);

function valueText(field: Field, value: number): string {
  if (field.kind === 'bool') return value === 0 ? 'false' : 'true';
  const name = field.of === undefined ? undefined : VALUE_NAMES[field.of]?.get(value);
  if (field.kind === 'enum' && name !== undefined) return `"${name}"`;
  return name === undefined ? String(value) : `${value} (${name})`;
}

/** A varint of any size; above 2^53 the number is not exact. */
function varintAt(bytes: Uint8Array, at: number): { readonly value: number; readonly length: number } | undefined {
  let value = 0;
  let scale = 1;
  for (let i = at; i < bytes.length && i < at + VARINT_BYTES_MAX; i++) {
    const byte = bytes[i] as number;
    value += (byte & 0x7f) * scale;
    if (byte < 0x80) return { value, length: i - at + 1 };
    scale *= 0x80;
  }
  return undefined;
}

const hexOf = (bytes: Uint8Array): string => Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
