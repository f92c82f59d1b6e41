import { readBatchHeader } from '@qanat/core';
import type { BatchBytes } from './pulls.ts';

/** What the bytes of a record show that its fields do not. */
interface RecordForm {
  readonly attributes: number;
  /** Bytes behind its properties. */
  readonly extra: number;
  readonly names: readonly string[];
  readonly end: number;
}

const text = new TextDecoder();

function varint(bytes: Uint8Array, at: number): readonly [value: number, at: number] {
  let value = 0;
  let scale = 1;
  for (let i = at; i < Math.min(at + 8, bytes.length); i++) {
    value += ((bytes[i] as number) & 0x7f) * scale;
    if ((bytes[i] as number) < 0x80) return [value, i + 1];
    scale *= 0x80;
  }
  throw new RangeError('no varint');
}

function recordAt(bytes: Uint8Array, from: number): RecordForm {
  const [length, begin] = varint(bytes, from);
  const end = begin + length;
  let at = begin + 1;
  const skip = (less: number): void => {
    const [size, next] = varint(bytes, at);
    at = next + Math.max(0, size - less);
  };
  [, at] = varint(bytes, at);
  skip(1);
  skip(1);
  skip(0);
  const names: string[] = [];
  let [many, next] = varint(bytes, at);
  at = next;
  for (; many > 0; many--) {
    [, next] = varint(bytes, at);
    const nameAt = next;
    skip(0);
    names.push(text.decode(bytes.subarray(nameAt, at)));
    skip(0);
  }
  return { attributes: bytes[begin] as number, extra: end - at, names, end };
}

/** The records of a batch without compression; none where they cannot be read. */
function formsOf({ bytes, compressed, count }: BatchBytes): { readonly records: readonly RecordForm[]; readonly behind: number } {
  const { headerLength, attributes } = readBatchHeader(bytes);
  const columns = ((attributes & 0x100) !== 0 ? 1 : 0) + ((attributes & 0x200) !== 0 ? 1 : 0);
  const records: RecordForm[] = [];
  let at = headerLength + 4 * columns * count;
  try {
    for (let i = 0; i < count && !compressed; i++) {
      const record = recordAt(bytes, at);
      records.push(record);
      at = record.end;
    }
  } catch {
    return { records: [], behind: 0 };
  }
  return { records, behind: compressed ? 0 : bytes.length - at };
}

export const hasRecordAttributes = (batch: BatchBytes): boolean =>
  formsOf(batch).records.some(({ attributes }) => attributes !== 0);

export function hasExtraBytes(batch: BatchBytes): boolean {
  const { records, behind } = formsOf(batch);
  return behind > 0 || records.some(({ extra }) => extra > 0);
}

export const hasTwinProperties = (batch: BatchBytes): boolean =>
  formsOf(batch).records.some(({ names }) => new Set(names).size < names.length);
