import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { closeCodeOf, closePayload } from '../../src/ground/websocket/close-codes.ts';
import { MessageCutter } from '../../src/ground/websocket/message-cutter.ts';
import { type Message, MessageReader } from '../../src/ground/websocket/message-reader.ts';
import { encodePiece, OPCODES, PieceReader } from '../../src/ground/websocket/piece.ts';
import { agreeingText, headOf, requestText, statusOf } from '../../src/ground/websocket/upgrade.ts';
import { bytesOf, hexOf } from '../../src/json.ts';

const RUNS = 200;
const MASK = Uint8Array.of(0, 0x11, 0x22, 0x33);
const FRAME_HEAD_BYTES = 16;

/** What a reader makes of bytes: the stream in its messages, the messages, and why it gave up. */
function read(bytes: Uint8Array, peerMasks = true): { stream: Buffer; messages: Message[]; broken: string[] } {
  const parts: Uint8Array[] = [];
  const messages: Message[] = [];
  const broken: string[] = [];
  const reader = new MessageReader(peerMasks, {
    onBytes: (part) => parts.push(part),
    onMessage: (message) => messages.push(message),
    onBroken: (why) => broken.push(why),
  });
  reader.push(bytes);
  return { stream: Buffer.concat(parts), messages, broken };
}

/** A frame whose length field is right. */
function frameOf(payloadBytes: number): Uint8Array {
  const frame = new Uint8Array(FRAME_HEAD_BYTES + payloadBytes).fill(0x5a);
  new DataView(frame.buffer).setUint32(0, frame.length - 4);
  return frame;
}

describe("the kit's own encoder of WebSocket", () => {
  it('writes the example of the specification', () => {
    const payload = bytesOf('0000000c000100000000000100000000');
    const piece = encodePiece({ opcode: OPCODES.binary, payload }, MASK);
    expect(hexOf(piece)).toBe('8290001122330011223f001022330011223200112233');
  });

  it.each([0, 125, 126, 65_535, 65_536])('writes and reads a piece of %i bytes', (bytes) => {
    const payload = new Uint8Array(bytes).fill(7);
    for (const mask of [undefined, MASK]) {
      const [piece, ...others] = new PieceReader().push(encodePiece({ opcode: 2, payload, final: false }, mask));
      expect(others).toEqual([]);
      expect(piece).toMatchObject({ opcode: 2, final: false, reserved: 0, masked: mask !== undefined });
      expect(Buffer.compare(piece?.payload as Uint8Array, payload)).toBe(0);
    }
  });

  it('gives back any stream of frames, however it is cut', () => {
    const cuts = fc.array(fc.integer({ min: 1, max: 40 }), { maxLength: 30 });
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 60 }), { minLength: 1, maxLength: 8 }), cuts, (lengths, steps) => {
        const stream = Buffer.concat(lengths.map(frameOf));
        const cutter = new MessageCutter();
        const pieces = [];
        let at = 0;
        for (const step of [...steps, stream.length]) {
          pieces.push(...cutter.push(stream.subarray(at, at + step)));
          at += step;
        }
        const got = read(Buffer.concat(pieces.map((piece) => encodePiece(piece, MASK))));
        expect(got.broken).toEqual([]);
        expect(hexOf(got.stream)).toBe(hexOf(stream));
        expect(got.messages.reduce((sum, { length }) => sum + length, 0)).toBe(stream.length);
      }),
      { numRuns: RUNS },
    );
  });

  it('QNT-WSK-009: joins frames up to the length that everybody takes, and QNT-WSK-014: no more pieces than everybody takes', () => {
    const joined = new MessageCutter().push(Buffer.concat([frameOf(9_000), frameOf(9_000), frameOf(20_000), frameOf(0)]));
    expect(joined.map(({ payload, final = true }) => [payload.length, final])).toEqual([
      [9_016, true],
      [9_016, true],
      [20_016, true],
      [16, true],
    ]);
    const cutter = new MessageCutter();
    const frame = frameOf(3_000);
    const pieces = Array.from(frame, (byte) => cutter.push(Uint8Array.of(byte))).flat();
    expect(pieces.length).toBeLessThanOrEqual(1_024);
    expect(pieces.at(-1)?.final).toBe(true);
    expect(Buffer.concat(pieces.map(({ payload }) => payload)).equals(frame)).toBe(true);
  });
});

describe('what is no WebSocket', () => {
  const masked = (opcode: number, more: object = {}): Uint8Array =>
    encodePiece({ opcode, payload: new Uint8Array(3), ...more }, MASK);
  it.each([
    ['a reserved bit', masked(2, { reserved: 4 }), /reserved bit/],
    ['no mask', encodePiece({ opcode: 2, payload: new Uint8Array(3) }), /masks everything/],
    ['an unknown opcode', masked(3), /opcode 3/],
    ['a piece that goes on with nothing', masked(0), /no message/],
    ['a message inside of another one', Buffer.concat([masked(2, { final: false }), masked(2)]), /inside of another/],
    ['a ping in pieces', masked(9, { final: false }), /one piece/],
    ['a long ping', masked(9, { payload: new Uint8Array(126) }), /one piece/],
    ['a length that nobody may send', masked(2, { claims: 2n ** 40n }), /a piece of/],
    ['text', masked(1), /text message/],
  ])('%s is told', (_, bytes, why) => {
    expect(read(bytes).broken).toEqual([expect.stringMatching(why)]);
  });

  it('is a mask of a server', () => {
    expect(read(masked(2), false).broken).toEqual(['a server masks nothing']);
  });
});

it('reads heads', () => {
  const request = headOf(requestText('broker:7681', { Origin: 'https://a.example', 'Sec-WebSocket-Key': null }));
  expect(request.line).toBe('GET / HTTP/1.1');
  expect([request.headers.get('host'), request.headers.get('origin'), request.headers.has('sec-websocket-key')]).toEqual([
    'broker:7681',
    'https://a.example',
    false,
  ]);
  const answer = headOf(agreeingText(headOf(requestText('broker:7681'))));
  expect([statusOf(answer), answer.headers.get('sec-websocket-accept')]).toEqual([101, 's3pPLMBiTxaQ9kYGzzhZRbK+xOo=']);
});

it('writes and reads close codes', () => {
  expect(hexOf(closePayload(1000))).toBe('03e8');
  expect([closeCodeOf(closePayload(4999)), closeCodeOf(closePayload(undefined))]).toEqual([4999, undefined]);
});
