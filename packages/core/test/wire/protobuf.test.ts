// Goal: what the core writes is Protocol Buffers, and what it reads is what another library has written.
import fc from 'fast-check';
import { Reader, Writer } from 'protobufjs/minimal.js';
import { describe, expect, it } from 'vitest';
import { readUtf8, utf8, utf8Length } from '../../src/wire/bytes.ts';
import { ProtobufReader } from '../../src/wire/protobuf-reader.ts';
import { ProtobufWriter } from '../../src/wire/protobuf-writer.ts';

type Value =
  | { readonly kind: 'uint32' | 'uint64'; readonly value: number }
  | { readonly kind: 'bool'; readonly value: boolean }
  | { readonly kind: 'string'; readonly value: string }
  | { readonly kind: 'bytes'; readonly value: Uint8Array }
  | { readonly kind: 'message'; readonly value: readonly Value[] };

const text = fc.string({ unit: 'binary', maxLength: 200, size: 'max' });
const { values } = fc.letrec<{ value: Value; values: readonly Value[] }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small' },
    fc.record({ kind: fc.constant('uint32' as const), value: fc.nat(0xffff_ffff) }),
    fc.record({ kind: fc.constant('uint64' as const), value: fc.maxSafeNat() }),
    fc.record({ kind: fc.constant('bool' as const), value: fc.boolean() }),
    fc.record({ kind: fc.constant('string' as const), value: text }),
    fc.record({ kind: fc.constant('bytes' as const), value: fc.uint8Array({ maxLength: 300, size: 'max' }) }),
    fc.record({ kind: fc.constant('message' as const), value: tie('values') }),
  ),
  values: fc.array(tie('value'), { maxLength: 8, size: 'max' }),
}));

interface AnyWriter {
  uint32(value: number): unknown;
  uint64(value: number): unknown;
  bool(value: boolean): unknown;
  string(value: string): unknown;
  bytes(value: Uint8Array): unknown;
  fork(): unknown;
  ldelim(): unknown;
}

function write(writer: AnyWriter, list: readonly Value[]): void {
  for (const { kind, value } of list) {
    if (kind === 'message') {
      writer.fork();
      write(writer, value);
      writer.ldelim();
    } else writer[kind](value as never);
  }
}

function read(reader: ProtobufReader, like: readonly Value[]): Value[] {
  return like.map(({ kind, value }): Value => {
    if (kind === 'message') {
      reader.end();
      return { kind, value: read(reader, value) };
    }
    if (kind === 'string') return { kind, value: reader.text(reader.end()) };
    if (kind === 'bytes') {
      const end = reader.end();
      const bytes = reader.bytes.slice(reader.pos, end);
      reader.pos = end;
      return { kind, value: bytes };
    }
    return { kind, value: reader[kind]() } as Value;
  });
}

const ours = new ProtobufWriter();
const encode = (list: readonly Value[]): Uint8Array => {
  write(ours.restart(), list);
  return ours.finish();
};

describe('Protocol Buffers', () => {
  it('are written as protobufjs writes them, and read as they were written', () => {
    fc.assert(
      fc.property(values, (list) => {
        const theirs = new Writer();
        write(theirs, list);
        const encoded = encode(list);
        expect(encoded).toEqual(new Uint8Array(theirs.finish()));
        const reader = new ProtobufReader(encoded);
        expect(read(reader, list)).toEqual(list);
        expect(reader.pos).toBe(encoded.length);
      }),
      { numRuns: 500 },
    );
  });

  it('have messages in messages whose length takes more bytes than were left for it', () => {
    const deep: Value = { kind: 'message', value: [{ kind: 'bytes', value: new Uint8Array(20_000).fill(7) }] };
    const list: Value[] = [{ kind: 'message', value: [deep, { kind: 'uint32', value: 300 }] }];
    const encoded = encode(list);
    expect(encoded.length).toBe(3 + 3 + 3 + 20_000 + 2);
    expect(read(new ProtobufReader(encoded), list)).toEqual(list);
  });

  it('lose nothing when a message before was not written to its end', () => {
    write(ours.restart(), [{ kind: 'string', value: 'begun' }]);
    ours.fork();
    expect(encode([{ kind: 'bool', value: true }])).toEqual(Uint8Array.of(1));
  });

  it('keep of any number the low 32 bits where a field has no more, and tell those beyond 2^53-1 (QNT-TYP-001)', () => {
    fc.assert(
      fc.property(fc.bigInt(0n, 0xffff_ffff_ffff_ffffn), (value) => {
        const bytes: number[] = [];
        for (let rest = value; bytes.length === 0 || rest > 0n; rest >>= 7n) bytes.push(Number(rest & 0x7fn) | 0x80);
        bytes[bytes.length - 1] = (bytes.at(-1) as number) & 0x7f;
        const encoded = Uint8Array.from(bytes);
        expect(new ProtobufReader(encoded).uint32()).toBe(Number(value & 0xffff_ffffn));
        const read64 = new ProtobufReader(encoded).uint64();
        if (value <= BigInt(Number.MAX_SAFE_INTEGER)) expect(read64).toBe(Number(value));
        else expect(Number.isSafeInteger(read64)).toBe(false);
      }),
      { numRuns: 500 },
    );
  });

  it('are refused where they break off, in a number, a text or a field that is skipped', () => {
    const broken = [[0x80], [0xff, 0xff, 0xff, 0xff, 0xff], []];
    for (const bytes of broken) {
      expect(() => new ProtobufReader(Uint8Array.from(bytes)).uint32()).toThrow(RangeError);
      expect(() => new ProtobufReader(Uint8Array.from(bytes)).uint64()).toThrow(RangeError);
    }
    expect(() => new ProtobufReader(Uint8Array.of(5, 1)).end()).toThrow(RangeError);
    const skips: readonly (readonly [number, number])[] = [
      [8, 0],
      [9, 7],
      [10, 0],
      [13, 3],
    ];
    for (const [tag, length] of skips)
      expect(() => new ProtobufReader(new Uint8Array(length)).skip(tag), `tag ${tag}`).toThrow(RangeError);
  });

  it('have fields that nobody knows: what protobufjs skips is skipped, but groups, the field 0 and endless numbers', () => {
    fc.assert(
      fc.property(
        fc.nat(7),
        fc.integer({ min: 0, max: 40 }),
        fc.uint8Array({ maxLength: 30, size: 'max' }),
        (wire, field, bytes) => {
          const reader = new ProtobufReader(bytes);
          const theirs = new Reader(bytes);
          const skipped = outcome(
            () => reader.skip((field << 3) | wire),
            () => reader.pos,
          );
          const expected =
            field === 0 || wire === 3 || wire === 4
              ? -1
              : outcome(
                  () => theirs.skipType(wire),
                  () => (wire === 0 && theirs.pos > 10 ? -1 : theirs.pos),
                );
          expect(skipped).toBe(expected);
        },
      ),
      { numRuns: 2_000 },
    );
  });
});

function outcome(run: () => void, place: () => number): number {
  try {
    run();
  } catch {
    return -1;
  }
  return place();
}

describe('UTF-8', () => {
  const decoder = new TextDecoder('utf-8', { ignoreBOM: true });

  it('is written as the platform writes it, half of a surrogate pair as U+FFFD (QNT-TYP-009)', () => {
    const units = fc.array(fc.oneof(fc.nat(0x7f), fc.nat(0xffff), fc.integer({ min: 0xd800, max: 0xdfff })), {
      maxLength: 90,
      size: 'max',
    });
    fc.assert(
      fc.property(units, (codes) => {
        const written = String.fromCharCode(...codes);
        const expected = new TextEncoder().encode(written);
        expect(utf8Length(written)).toBe(expected.length);
        expect(utf8(written)).toEqual(new Uint8Array(expected));
      }),
      { numRuns: 1_000 },
    );
  });

  it('is read as the platform reads it, whatever the bytes are', () => {
    const ascii = fc.uint8Array({ maxLength: 90, size: 'max', max: 0x7f });
    const some = fc.oneof(ascii, text.map(utf8), fc.uint8Array({ maxLength: 90, size: 'max' }));
    fc.assert(
      fc.property(some, fc.nat(3), (bytes, from) => {
        const begin = Math.min(from, bytes.length);
        expect(readUtf8(bytes, begin, bytes.length)).toBe(decoder.decode(bytes.subarray(begin)));
      }),
      { numRuns: 1_000 },
    );
  });
});
