// The rules of the specification on top of protobufjs: checked integers, named limits, required fields, known enum values.
import { Reader, Writer } from 'protobufjs/minimal.js';
import { QanatError } from '../errors.ts';
import { utf8Length } from './bytes.ts';

export const NO_BYTES: Uint8Array = new Uint8Array(0);
const VARINT_BYTES_MAX = 10;

/** Encodes and decodes one message of the schema. */
export interface MessageType<Value, Init> {
  readonly name: string;
  /** Absent fields take the default of their type. @throws QanatError INVALID_ARGUMENT for an integer outside its range. */
  encode(value: Init): Uint8Array;
  /**
   * The value owns no bytes of `bytes` but its `bytes` fields, which are copies.
   * @throws QanatError MALFORMED_FRAME when the bytes are no message of this type, INVALID_ARGUMENT or INVALID_NAME when a
   * field breaks a rule of the schema (QNT-TYP).
   */
  decode(bytes: Uint8Array): Value;
}

export function messageType<Value, Init>(
  name: string,
  write: (w: Writer, value: Init) => Writer,
  read: (r: Reader, end: number) => Value,
): MessageType<Value, Init> {
  return {
    name,
    encode: (value) => write(Writer.create(), value).finish(),
    decode(bytes) {
      try {
        return read(Reader.create(bytes), bytes.length);
      } catch (error) {
        if (QanatError.is(error)) throw error;
        throw new QanatError('MALFORMED_FRAME', `${name}: ${(error as Error).message}`, { cause: error });
      }
    },
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

/** Writes an integer of 0 … 2^53−1, the only 64-bit integers that the protocol has (QNT-TYP). */
export function writeUint64(w: Writer, value: number, where: string): void {
  if (!Number.isSafeInteger(value) || value < 0) invalid(where, `is no integer of 0 … 2^53-1: ${value}`);
  w.uint64(value);
}

export function readUint64(r: Reader, where: string): number {
  const read = r.uint64() as unknown as number | { toNumber(): number };
  const value = typeof read === 'number' ? read : read.toNumber();
  return Number.isSafeInteger(value) && value >= 0 ? value : invalid(where, 'is above 2^53-1');
}

export function readEnum<E extends number>(r: Reader, names: readonly string[], where: string): E {
  const value = r.uint32();
  return value < names.length ? (value as E) : invalid(where, `has the unknown value ${value}`);
}

function boundedLength(r: Reader, max: number, where: string): void {
  const start = r.pos;
  const length = r.uint32();
  if (length > max) invalid(where, `is longer than ${max} bytes`);
  r.pos = start;
}

export function readString(r: Reader, max: number, where: string): string {
  boundedLength(r, max, where);
  const text = r.string();
  // A byte that is no UTF-8 becomes U+FFFD, which has three: such a text must not grow past the limit when it is sent on.
  if (text.length * 3 > max && text.includes('\ufffd') && utf8Length(text) > max) invalid(where, `is longer than ${max} bytes`);
  return text;
}

export function readBytes(r: Reader, max: number, where: string): Uint8Array {
  boundedLength(r, max, where);
  return new Uint8Array(r.bytes());
}

/** Reads the length of a sub-message and gives where it ends. */
export function endOf(r: Reader): number {
  const length = r.uint32();
  const end = r.pos + length;
  if (end > r.len) throw new RangeError('length beyond the end');
  return end;
}

export function checkEnd(r: Reader, end: number): void {
  if (r.pos !== end) throw new RangeError('a field runs over the end of its message');
}

export function skipField(r: Reader, tag: number): void {
  const field = tag >>> 3;
  const wire = tag & 7;
  if (field === 0 || wire === 3 || wire === 4) throw new RangeError(`bad tag ${tag}`);
  const start = r.pos;
  r.skipType(wire);
  // The library skips a number of any length.
  if (wire === 0 && r.pos - start > VARINT_BYTES_MAX) throw new RangeError(`a number of ${r.pos - start} bytes`);
}
