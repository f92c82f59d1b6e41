import { joinParts, type LiveFrame } from '@qanat/core';
import { OPCODES, type PieceToSend } from '../../ground/websocket/piece.ts';
import { bytesOf, isObject, type JsonObject } from '../../json.ts';
import type { HandmadeMessage } from '../../play/handmade-message.ts';
import { countOf, flagOf, listOf, numberOf, objectOf, type Step, sizeOf, textOf } from '../../play/program.ts';

/** Pieces of one message, and requests in it, at the most, whatever a program says. */
const PIECES_MOST = 5_000;
const REQUESTS_MOST = 2_000;
const NO_BYTES = new Uint8Array(0);
/** An opcode that RFC 6455 leaves for later versions, and the bit of a compressed message. */
const UNKNOWN_OPCODE = 3;
const COMPRESSED = 4;

type Pieces = readonly [PieceToSend, ...PieceToSend[]];

/** What a message may break of RFC 6455, by name, with what becomes of its pieces. */
const BREACHES: Readonly<Record<string, (pieces: Pieces) => readonly PieceToSend[]>> = {
  'the wrong mask': (pieces) => pieces,
  'the bit of compression': ([first, ...others]) => [{ ...first, reserved: COMPRESSED }, ...others],
  'an unknown opcode': ([first, ...others]) => [{ ...first, opcode: UNKNOWN_OPCODE }, ...others],
  'no beginning': ([first, ...others]) => [{ ...first, opcode: OPCODES.continuation }, ...others],
  'another message inside': ([first]) => [
    { ...first, final: false },
    { opcode: OPCODES.binary, payload: NO_BYTES },
  ],
  'a ping in pieces': ([first]) => [{ opcode: OPCODES.ping, payload: first.payload.subarray(0, 1), final: false }],
};

export const BREACH_NAMES: readonly string[] = Object.keys(BREACHES);

/** Makes a request with a number of its own. */
export type MakeRequest = (frame: LiveFrame, header: JsonObject, payload?: Uint8Array) => Uint8Array;

/**
 * Lays out a message. What is in it: `hello` (a HELLO first), `pings` (so many PING requests), `pad` (bytes of payload in the
 * last of them), `requests` (`[{ frame, header }]`), `extra` (hex behind them), as `text`. Its pieces: they end at `cut` (places)
 * or are `each` so long, with `empty` ones before the last, and a ping of WebSocket `between` them. It may claim to be `claims`
 * bytes long, or have a `breach`. `chunk`: bytes that are written at a time.
 *
 * @param isClient whether the kit is one here, so that it masks.
 */
export function layOut(step: Step, isClient: boolean, request: MakeRequest): HandmadeMessage {
  const frames = framesOf(step, request);
  const payload = joinParts([...frames, bytesOf(textOf(step, 'extra'))]);
  const isText = flagOf(step, 'text');
  const breach = Object.hasOwn(BREACHES, textOf(step, 'breach')) ? textOf(step, 'breach') : undefined;
  const parts = partsOf(step, payload);
  const length = Math.max(payload.length, sizeOf(step, 'claims'));
  const usual = piecesOf(parts, isText ? OPCODES.text : OPCODES.binary, length - payload.length);
  const pieces = breach === undefined ? usual : (BREACHES[breach]?.(usual) ?? usual);
  return {
    pieces: flagOf(step, 'between') ? withPings(pieces) : pieces,
    options: {
      ...(breach === 'the wrong mask' ? { masked: !isClient } : {}),
      ...(typeof step.chunk === 'number' ? { chunk: countOf(step, 'chunk') } : {}),
    },
    frames: isText || breach !== undefined ? [] : frames,
    seen: {
      type: isText ? 'text' : 'binary',
      length,
      pieces: parts.length,
      bytes: payload,
      ...(breach === undefined ? {} : { breach }),
    },
  };
}

function framesOf(step: Step, request: MakeRequest): readonly Uint8Array[] {
  const pings = Math.min(countOf(step, 'pings', 0), REQUESTS_MOST);
  const padding = new Uint8Array(sizeOf(step, 'pad'));
  return [
    ...(flagOf(step, 'hello') ? [request('HELLO', { software: 'qanat-conformance' })] : []),
    ...Array.from({ length: pings }, (_, i) => request('PING', {}, i === pings - 1 ? padding : NO_BYTES)),
    ...listOf(step, 'requests')
      .filter(isObject)
      .map((one) => request(textOf(one, 'frame', 'PING') as LiveFrame, objectOf(one, 'header'))),
  ];
}

/** The bytes of the pieces. */
function partsOf(step: Step, payload: Uint8Array): readonly Uint8Array[] {
  const each = countOf(step, 'each', 0);
  const places = each > 0 ? Array.from({ length: Math.floor(payload.length / each) }, (_, i) => (i + 1) * each) : cutsOf(step);
  const inside = [...new Set(places)].filter((at) => at > 0 && at < payload.length).sort((a, b) => a - b);
  const ends = [...inside.slice(0, PIECES_MOST), payload.length];
  const parts = ends.map((end, i) => payload.slice(ends[i - 1] ?? 0, end));
  const empty = Array.from({ length: Math.min(countOf(step, 'empty', 0), PIECES_MOST) }, () => NO_BYTES);
  return [...parts.slice(0, -1), ...empty, ...parts.slice(-1)];
}

const cutsOf = (step: Step): readonly number[] => listOf(step, 'cut').filter((at) => typeof at === 'number');

/** @param more bytes that the last piece claims to have besides its own. */
const piecesOf = (parts: readonly Uint8Array[], opcode: number, more: number): Pieces =>
  parts.map((payload, i) => ({
    opcode: i === 0 ? opcode : OPCODES.continuation,
    payload,
    final: i === parts.length - 1,
    ...(more > 0 && i === parts.length - 1 ? { claims: BigInt(payload.length + more) } : {}),
  })) as unknown as Pieces;

/** A ping before each piece that goes on with a message. */
const withPings = (pieces: readonly PieceToSend[]): readonly PieceToSend[] =>
  pieces.flatMap((piece, i) => (i === 0 ? [piece] : [{ opcode: OPCODES.ping, payload: Uint8Array.of(i & 0xff) }, piece]));

const NUMBER_BYTES = 4;

/** `count` pings of WebSocket at once, each with a payload of its own: `pieces` says how many, `bytes` is the newest. */
export function layOutPings(step: Step): HandmadeMessage {
  const count = Math.min(countOf(step, 'count'), PIECES_MOST);
  const from = numberOf(step, 'from', 0);
  const payloads = Array.from({ length: count }, (_, i) => numbered(from + i));
  return {
    pieces: payloads.map((payload) => ({ opcode: OPCODES.ping, payload })),
    options: {},
    frames: [],
    seen: { type: 'ping', length: count * NUMBER_BYTES, pieces: count, bytes: payloads.at(-1) ?? NO_BYTES },
  };
}

function numbered(number: number): Uint8Array {
  const bytes = new Uint8Array(NUMBER_BYTES);
  new DataView(bytes.buffer).setUint32(0, number);
  return bytes;
}
