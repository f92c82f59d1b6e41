// Messages of a WebSocket, read without a socket.
import { BegunFrames, FRAMES_PER_TURN_MAX, LIMITS, type QanatError } from '@qanat/core';
import { shortFrame, testFrame } from '@qanat/core/testing';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { applyMask } from '../src/websocket/masking.ts';
import { MESSAGE_PIECES_MAX, MessageReader } from '../src/websocket/message-reader.ts';
import { WholeMessages } from '../src/websocket/whole-messages.ts';
import { Opcode } from '../src/websocket/wire-format.ts';
import { joined, piece } from './websocket-peers.ts';

const { BINARY, CLOSE, CONTINUATION, PING, PONG, TEXT } = Opcode;

interface Read {
  readonly frames: Uint8Array[];
  readonly pings: Uint8Array[];
  error: QanatError | undefined;
}

function reader(options: { masked?: boolean; begun?: BegunFrames } = {}): { reader: MessageReader; read: Read } {
  const read: Read = { frames: [], pings: [], error: undefined };
  const made = new MessageReader({
    masked: options.masked ?? true,
    begun: options.begun,
    onPing: (payload) => read.pings.push(payload),
    onGivenUp: (error) => {
      read.error = error;
    },
  });
  return { reader: made, read };
}

/** Gives everything in chunks of a size, each in memory that is overwritten afterwards. */
function feed({ reader: one, read }: ReturnType<typeof reader>, bytes: Uint8Array, size = bytes.length): void {
  for (let at = 0; at < bytes.length && read.error === undefined; at += size) {
    const chunk = bytes.slice(at, at + size);
    one.push(chunk);
    read.error ??= one.give((frame) => read.frames.push(frame.slice()));
    one.keep();
    chunk.fill(0xee);
    for (; !one.isEmpty && read.error === undefined; ) {
      one.nextTurn();
      read.error ??= one.give((frame) => read.frames.push(frame.slice()));
    }
  }
}

const cases = (bytes: Uint8Array): Read => {
  const made = reader();
  feed(made, bytes);
  return made.read;
};

const frame = shortFrame(1);

describe('a reader of messages', () => {
  it('gives the frames of any messages in any pieces and chunks, with pings between [QNT-WSK-008, QNT-WSK-013]', () => {
    const message = fc.record({
      frames: fc.array(fc.record({ length: fc.integer({ min: 12, max: 700 }), seed: fc.nat(99) }), {
        minLength: 1,
        maxLength: 4,
      }),
      cuts: fc.array(fc.nat(3_000), { maxLength: 5 }),
      pings: fc.boolean(),
    });
    fc.assert(
      fc.property(
        fc.array(message, { minLength: 1, maxLength: 6, size: 'max' }),
        fc.integer({ min: 1, max: 4_000 }),
        fc.boolean(),
        fc.uint8Array({ minLength: 4, maxLength: 4 }),
        (messages, size, masked, mask) => {
          const frames = messages.flatMap((one) => one.frames.map(({ length, seed }) => testFrame(length, seed)));
          const bytes: Uint8Array[] = [];
          for (const { frames: sizes, cuts, pings } of messages) {
            const whole = joined(...sizes.map(({ length, seed }) => testFrame(length, seed)));
            const ends = [...new Set(cuts.filter((cut) => cut < whole.length)), whole.length].sort((a, b) => a - b);
            ends.forEach((end, i) => {
              const options = { final: i === ends.length - 1, mask: masked ? mask : undefined };
              bytes.push(piece(i === 0 ? BINARY : CONTINUATION, whole.slice(ends[i - 1] ?? 0, end), options));
              if (pings) bytes.push(piece(PING, whole.slice(0, end % 126), { mask: options.mask }));
            });
          }
          const made = reader({ masked });
          feed(made, joined(...bytes), size);
          expect(made.read.error).toBeUndefined();
          expect(made.read.frames.map((one) => Buffer.from(one))).toEqual(frames.map((one) => Buffer.from(one)));
        },
      ),
      { numRuns: 300 },
    );
  });

  it.each<[string, Uint8Array, RegExp]>([
    ['a message that ends inside a frame', piece(BINARY, frame.slice(0, 15)), /ends inside a frame/],
    ['a message that ends inside a length field', piece(BINARY, joined(frame, frame.slice(0, 3))), /ends inside a frame/],
    ['an empty message', piece(BINARY, new Uint8Array(0)), /holds no frame/],
    [
      'an empty message in pieces',
      joined(piece(BINARY, new Uint8Array(0), { final: false }), piece(CONTINUATION, new Uint8Array(0))),
      /holds no frame/,
    ],
    ['a length field below the least', piece(BINARY, Uint8Array.of(0, 0, 0, 11, 1, 2, 3)), /the least is 12/],
  ])('calls %s malformed, and closes cleanly [QNT-WSK-010]', (_name, bytes, words) => {
    for (const size of [1, 7, bytes.length]) {
      const made = reader();
      feed(made, bytes, size);
      expect([made.read.error?.code, made.reader.closeCode]).toEqual(['MALFORMED_FRAME', 1000]);
      expect(made.read.error?.message).toMatch(words);
    }
  });

  it('calls a text message malformed, and closes with 1003 [QNT-WSK-011]', () => {
    const made = reader();
    feed(made, joined(piece(BINARY, frame), piece(TEXT, new TextEncoder().encode('{}')), piece(BINARY, frame)));
    expect([made.read.error?.code, made.reader.closeCode, made.reader.isDone]).toEqual(['MALFORMED_FRAME', 1003, true]);
    expect(made.read.error?.message).toContain('binary');
    expect(made.read.frames).toHaveLength(1);
  });

  it.each<[string, Uint8Array]>([
    ['a compressed message', Uint8Array.of(0xc2, 0x80, 0, 0, 0, 0)],
    ['another reserved bit', Uint8Array.of(0x92, 0x80, 0, 0, 0, 0)],
    ['a message without a mask', piece(BINARY, frame, { mask: undefined })],
    ['an unknown operation on data', piece(0x3, frame)],
    ['an unknown control operation', piece(0xb, new Uint8Array(0))],
    ['a piece that goes on with nothing', piece(CONTINUATION, frame)],
    ['a message inside another', joined(piece(BINARY, frame, { final: false }), piece(BINARY, frame))],
    ['a ping in pieces', piece(PING, new Uint8Array(0), { final: false })],
    ['a ping that is too long', piece(PING, new Uint8Array(126))],
    ['a close message with half a code', piece(CLOSE, Uint8Array.of(3))],
    ['a close code that nobody may send', piece(CLOSE, Uint8Array.of(0x03, 0xee))],
  ])('calls %s malformed, and closes with 1002', (_name, bytes) => {
    const made = reader();
    feed(made, bytes);
    expect([made.read.error?.code, made.reader.closeCode, made.reader.isDone]).toEqual(['MALFORMED_FRAME', 1002, true]);
  });

  it('takes no mask from a server', () => {
    const made = reader({ masked: false });
    feed(made, piece(BINARY, frame));
    expect(made.read.error?.message).toContain('a server masks nothing');
  });

  it('calls a message too long by what its header claims, as soon as that is there [QNT-WSK-012]', () => {
    const longest = 4 + LIMITS.FRAME_BEFORE_HELLO_BYTES_MAX;
    const fits = reader();
    feed(fits, piece(BINARY, testFrame(LIMITS.FRAME_BEFORE_HELLO_BYTES_MAX, 1)));
    expect(fits.read.frames).toHaveLength(1);
    for (const length of [longest + 1, 4 * 1_048_576, 2 ** 40]) {
      const made = reader();
      const header = Buffer.from([0x82, 0xff, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4]);
      header.writeBigUInt64BE(BigInt(length), 2);
      feed(made, header);
      expect([made.read.error?.code, made.reader.closeCode]).toEqual(['FRAME_TOO_LARGE', 1000]);
    }
    const pieces = reader();
    const half = new Uint8Array(longest / 2 + 1);
    half[2] = 0x40;
    feed(pieces, joined(piece(BINARY, half, { final: false }), piece(CONTINUATION, half)));
    expect(pieces.read.error?.code).toBe('FRAME_TOO_LARGE');
  });

  it('takes a message in MESSAGE_PIECES_MAX pieces and no more [QNT-WSK-014]', () => {
    const one = testFrame(MESSAGE_PIECES_MAX, 3);
    const cut = (count: number): Uint8Array =>
      joined(
        ...Array.from({ length: count }, (_, i) =>
          piece(i === 0 ? BINARY : CONTINUATION, one.slice(i, i === count - 1 ? undefined : i + 1), { final: i === count - 1 }),
        ),
      );
    expect(cases(cut(MESSAGE_PIECES_MAX)).frames).toHaveLength(1);
    const made = reader();
    feed(made, cut(MESSAGE_PIECES_MAX + 1));
    expect([made.read.error?.code, made.reader.closeCode]).toEqual(['MALFORMED_FRAME', 1008]);
    expect(made.read.error?.message).toContain('MESSAGE_PIECES_MAX');
  });

  it('ends a message in empty pieces without end [QNT-WSK-014]', () => {
    const empty = piece(CONTINUATION, new Uint8Array(0), { final: false });
    const made = reader();
    feed(made, joined(piece(BINARY, new Uint8Array(0), { final: false }), ...Array.from({ length: 5_000 }, () => empty)));
    expect(made.read.error?.message).toContain('MESSAGE_PIECES_MAX');
  });

  it('counts what has begun against the memory that all share, by what has come, and drops the one that began first [QNT-WSK-015]', () => {
    const begun = new BegunFrames(1_000_000);
    const made = Array.from({ length: 12 }, () => reader({ begun }));
    const head = piece(BINARY, testFrame(4_000_000, 1)).subarray(0, 100_000);
    for (const one of made) one.reader.setFrameBytesMax(LIMITS.FRAME_BYTES_MAX);
    // In pieces of 64 KiB, as they come.
    for (const one of made.slice(0, 4)) feed(one, head, 65_536);
    expect(begun.bytes).toBeLessThanOrEqual(4 * 2 * 100_000 + 4 * 65_536);
    for (const one of made.slice(4)) feed(one, head, 65_536);
    expect(begun.bytes).toBeLessThanOrEqual(1_000_000);
    expect(made[0]?.read.error?.code).toBe('TOO_MANY_CONNECTIONS');
    expect(made.at(-1)?.read.error).toBeUndefined();
    for (const one of made) one.reader.stop();
    expect(begun.bytes).toBe(0);
  });

  it('leaves others their turn between pings, pieces and frames [QNT-SEC-003]', () => {
    const flood = (...parts: Uint8Array[]): number => {
      const { reader: one } = reader();
      one.push(joined(...parts));
      expect(one.give(() => undefined)).toBeUndefined();
      expect(one.isEmpty).toBe(false);
      let turns = 1;
      for (; !one.isEmpty; turns++) {
        one.nextTurn();
        one.give(() => undefined);
      }
      return turns;
    };
    const count = 1_000;
    const least = Math.floor(count / FRAMES_PER_TURN_MAX);
    const many = (bytes: Uint8Array): Uint8Array[] => Array.from({ length: count }, () => bytes);
    expect(flood(...many(piece(PING, new Uint8Array(0))))).toBeGreaterThanOrEqual(least);
    expect(flood(...many(piece(PONG, new Uint8Array(3))))).toBeGreaterThanOrEqual(least);
    expect(flood(...many(piece(BINARY, frame)))).toBeGreaterThanOrEqual(least);
    const empty = many(piece(CONTINUATION, new Uint8Array(0), { final: false }));
    expect(flood(piece(BINARY, frame, { final: false }), ...empty)).toBeGreaterThanOrEqual(least);
  });

  it('tells how the peer ended once everything before it was given, and reads nothing behind it', () => {
    const made = reader();
    const close = piece(CLOSE, joined(Uint8Array.of(0x03, 0xe9), new TextEncoder().encode('bye')));
    feed(made, joined(piece(BINARY, frame), close, piece(TEXT, frame)), 5);
    expect(made.read.frames).toHaveLength(1);
    expect(made.reader.end).toEqual({ code: 1001, reason: 'bye' });
    const without = reader();
    feed(without, piece(CLOSE, new Uint8Array(0)));
    expect(without.reader.end).toEqual({ code: 1005, reason: '' });
  });

  it('finds the end of the peer behind frames that are dropped', () => {
    const made = reader();
    made.reader.stop();
    feed(made, joined(piece(BINARY, testFrame(100_000)), piece(BINARY, new Uint8Array(3)), piece(CLOSE, new Uint8Array(0))), 999);
    expect(made.read).toMatchObject({ frames: [], error: undefined });
    expect(made.reader.end?.code).toBe(1005);
  });

  it('says that nothing came last when the stream breaks off [QNT-WSK-020]', () => {
    const made = reader();
    made.reader.push(joined(piece(BINARY, frame), piece(BINARY, frame).slice(0, 9)));
    made.reader.cutOff();
    expect(made.reader.end).toBeUndefined();
    expect(made.reader.give((one) => made.read.frames.push(one))).toBeUndefined();
    expect(made.read.frames).toHaveLength(1);
    expect(made.reader.end).toEqual({ code: 1006, reason: '' });
  });
});

describe('whole messages', () => {
  it('are judged as those of a stream are [QNT-WSK-010, QNT-WSK-012]', () => {
    for (const [message, code] of [
      [new Uint8Array(0), 'MALFORMED_FRAME'],
      [frame.slice(0, 15), 'MALFORMED_FRAME'],
      [new Uint8Array(5 + LIMITS.FRAME_BEFORE_HELLO_BYTES_MAX), 'FRAME_TOO_LARGE'],
    ] as const) {
      const inbox = new WholeMessages();
      inbox.push(joined(frame, frame));
      inbox.push(message);
      inbox.push(frame);
      let frames = 0;
      expect(inbox.give(() => void frames++)?.code).toBe(code);
      expect([frames, inbox.isEmpty]).toEqual([2, true]);
    }
  });
});

describe('a mask', () => {
  it('is put on and taken off at every place of memory, in parts of any length', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 300, size: 'max' }),
        fc.nat(9),
        fc.nat(300),
        fc.uint8Array({ minLength: 4, maxLength: 4 }),
        (bytes, offset, place, mask) => {
          const cut = Math.min(place, bytes.length);
          const memory = new Uint8Array(bytes.length + offset);
          const view = memory.subarray(offset);
          view.set(bytes);
          applyMask(view.subarray(0, cut), mask, 0);
          applyMask(view.subarray(cut), mask, cut);
          expect([...view]).toEqual([...bytes].map((byte, i) => byte ^ (mask[i % 4] as number)));
          applyMask(view, mask, 0);
          expect([...view]).toEqual([...bytes]);
        },
      ),
      { numRuns: 500 },
    );
  });
});
