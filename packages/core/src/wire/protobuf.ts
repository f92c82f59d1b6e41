// The rules of the specification on top of Protocol Buffers: checked integers, named limits, required fields, known enum values.
import { QanatError } from '../errors.ts';
import { utf8Length } from './bytes.ts';
import { ProtobufReader } from './protobuf-reader.ts';
import { ProtobufWriter } from './protobuf-writer.ts';

export const NO_BYTES: Uint8Array = new Uint8Array(0);

export type Encode<Init> = (value: Init) => Uint8Array;
export type Decode<Value> = (bytes: Uint8Array) => Value;

/** Encodes and decodes one message of the schema. */
export interface MessageType<Value, Init> {
  readonly name: string;
  /** Absent fields take the default of their type. @throws QanatError INVALID_ARGUMENT for an integer outside its range. */
  readonly encode: Encode<Init>;
  /**
   * The value owns no bytes of `bytes` but its `bytes` fields, which are copies.
   * @throws QanatError MALFORMED_FRAME when the bytes are no message of this type, INVALID_ARGUMENT or INVALID_NAME when a
   * field breaks a rule of the schema (QNT-TYP).
   */
  readonly decode: Decode<Value>;
}

export type Write<Init> = (w: ProtobufWriter, value: Init) => ProtobufWriter;
export type Read<Value> = (r: ProtobufReader, end: number) => Value;

export function messageType<Value, Init>(name: string, write: Write<Init>, read: Read<Value>): MessageType<Value, Init> {
  return { name, encode: encoder(write), decode: decoder(name, read) };
}

/** All messages are written with it, one after the other. */
const writer = /* @__PURE__ */ new ProtobufWriter();

export function encoder<Init>(write: Write<Init>): Encode<Init> {
  return (value) => write(writer.restart(), value).finish();
}

export function decoder<Value>(name: string, read: Read<Value>): Decode<Value> {
  return (bytes) => {
    try {
      return read(new ProtobufReader(bytes), bytes.length);
    } catch (error) {
      if (QanatError.is(error)) throw error;
      throw new QanatError('MALFORMED_FRAME', `${name}: ${(error as Error).message}`, { cause: error });
    }
  };
}

const invalid = (where: string, why: string): never => {
  throw new QanatError('INVALID_ARGUMENT', `${where} ${why}`);
};

export function missing(where: string): never {
  return invalid(where, 'is missing');
}

export function checkCount(count: number, max: number, where: string): void {
  if (count >= max) invalid(where, `has more than ${max} items`);
}

export function checkUint32(value: number, where: string): number {
  if (!Number.isInteger(value) || value < 0 || value > 0xffffffff) invalid(where, `is no 32-bit integer: ${value}`);
  return value;
}

/** Checks an integer of 0 … 2^53−1, the only 64-bit integers that the protocol has (QNT-TYP). */
export function checkUint64(value: number, where: string): number {
  if (!Number.isSafeInteger(value) || value < 0) invalid(where, `is no integer of 0 … 2^53-1: ${value}`);
  return value;
}

export function readUint64(r: ProtobufReader, where: string): number {
  const value = r.uint64();
  return Number.isSafeInteger(value) ? value : invalid(where, 'is above 2^53-1');
}

export function readEnum<E extends number>(r: ProtobufReader, names: readonly string[], where: string): E {
  const value = r.uint32();
  return value < names.length ? (value as E) : invalid(where, `has the unknown value ${value}`);
}

function boundedEnd(r: ProtobufReader, max: number, where: string): number {
  const length = r.uint32();
  return length > max ? invalid(where, `is longer than ${max} bytes`) : r.end(length);
}

export function readString(r: ProtobufReader, max: number, where: string): string {
  const text = r.text(boundedEnd(r, max, where));
  // A byte that is no UTF-8 becomes U+FFFD, which has three: such a text must not grow past the limit when it is sent on.
  if (text.length * 3 > max && text.includes('\ufffd') && utf8Length(text) > max) invalid(where, `is longer than ${max} bytes`);
  return text;
}

export function readBytes(r: ProtobufReader, max: number, where: string): Uint8Array {
  const end = boundedEnd(r, max, where);
  const bytes = r.bytes.slice(r.pos, end);
  r.pos = end;
  return bytes;
}

export function checkEnd(r: ProtobufReader, end: number): void {
  if (r.pos !== end) throw new RangeError('a field runs over the end of its message');
}
