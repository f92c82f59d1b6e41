import { Flag, LIMITS, PREFACE_BYTES } from '@qanat/core';
import type { Binding } from '../../ground/ground.ts';
import type { HistoryEvent } from '../../history/event.ts';

/** One frame as the subject reads it off the stream, however the kit cut the stream. */
export interface SentFrame {
  /** Place of the event with which its last byte was sent, and of the one with its first. */
  readonly index: number;
  readonly firstIndex: number;
  readonly atMs: number;
  readonly bytes: Uint8Array;
  readonly type: number;
  readonly flags: number;
  readonly reserved: number;
  readonly correlation: number;
  readonly control: Uint8Array;
  readonly payload: Uint8Array;
  readonly isResponse: boolean;
  readonly isOneWay: boolean;
  readonly more: boolean;
  /** It came in several pieces, or several frames in one. */
  readonly cut: boolean;
  /** Why its lengths end the connection. */
  readonly fault: Fault | undefined;
}

export type Fault = 'short' | 'too long' | 'control too long' | 'control over the end';

interface Piece {
  readonly bytes: Uint8Array;
  readonly index: number;
  readonly atMs: number;
}

const NO_BYTES = new Uint8Array(0);
const LENGTH_BYTES = 4;
const HEADER_BYTES = 16;
const LENGTH_MIN = HEADER_BYTES - LENGTH_BYTES;

export const uint32At = (bytes: Uint8Array, at: number): number => new DataView(bytes.buffer, bytes.byteOffset).getUint32(at);

/** Reads what the kit sends on one connection: the preface, where there is one, then frames. Nothing comes behind a fault. */
export class SentStream {
  /** The first bytes of a connection with prefaces. */
  preface = NO_BYTES;
  /** Bytes of a frame that is not whole. */
  rest = NO_BYTES;
  readonly #tcp: boolean;
  #pieces: Piece[] = [];
  #faulty = false;

  constructor(binding: Binding) {
    this.#tcp = binding === 'tcp';
  }

  /**
   * @param limit the longest frame that the server has to take, or undefined where that is not sure.
   * @returns frames that end in the event.
   */
  push(event: HistoryEvent & { readonly bytes: Uint8Array }, index: number, limit: () => number | undefined): SentFrame[] {
    if (this.#faulty) return [];
    let bytes = event.bytes;
    if (this.#tcp && this.preface.length < PREFACE_BYTES) {
      const missing = PREFACE_BYTES - this.preface.length;
      this.preface = joined(this.preface, bytes.subarray(0, missing));
      bytes = bytes.subarray(missing);
    }
    if (bytes.length === 0) return [];
    this.#pieces.push({ bytes, index, atMs: event.atMs });
    this.rest = joined(this.rest, bytes);
    return this.#cut(limit, index, event.atMs);
  }

  #cut(limit: () => number | undefined, index: number, atMs: number): SentFrame[] {
    const frames: SentFrame[] = [];
    while (this.rest.length >= LENGTH_BYTES && !this.#faulty) {
      const length = uint32At(this.rest, 0);
      const fault = faultOfLength(length, limit());
      if (fault !== undefined) {
        this.#faulty = true;
        frames.push(this.#frame(this.rest, index, atMs, fault, frames.length > 0));
        break;
      }
      const end = LENGTH_BYTES + length;
      if (this.rest.length < end) break;
      const bytes = this.rest.subarray(0, end);
      const controlFault = faultOfControl(bytes);
      this.#faulty = controlFault !== undefined;
      frames.push(this.#frame(bytes, index, atMs, controlFault, frames.length > 0 || this.rest.length > end));
      this.rest = this.rest.subarray(end);
      this.#drop(end);
    }
    return frames;
  }

  #frame(bytes: Uint8Array, index: number, atMs: number, fault: Fault | undefined, shares: boolean): SentFrame {
    const head = joined(bytes, new Uint8Array(Math.max(0, HEADER_BYTES - bytes.length)));
    const flags = head[6] as number;
    const controlEnd = HEADER_BYTES + (fault === undefined ? uint32At(head, 12) : 0);
    const isResponse = (flags & Flag.RESPONSE) !== 0;
    return {
      index,
      firstIndex: this.#pieces[0]?.index ?? index,
      atMs,
      bytes,
      type: ((head[4] as number) << 8) | (head[5] as number),
      flags,
      reserved: head[7] as number,
      correlation: uint32At(head, 8),
      control: head.subarray(HEADER_BYTES, controlEnd),
      payload: head.subarray(controlEnd),
      isResponse,
      isOneWay: !isResponse && (flags & Flag.ONEWAY) !== 0,
      more: (flags & Flag.MORE) !== 0,
      cut: shares || this.#pieces.length > 1,
      fault,
    };
  }

  /** Forgets the first bytes of what waits. */
  #drop(count: number): void {
    let left = count;
    while (left > 0) {
      const [first, ...others] = this.#pieces;
      if (first === undefined) return;
      if (first.bytes.length > left) {
        this.#pieces = [{ ...first, bytes: first.bytes.subarray(left) }, ...others];
        return;
      }
      left -= first.bytes.length;
      this.#pieces = others;
    }
  }
}

function faultOfLength(length: number, limit: number | undefined): Fault | undefined {
  if (length < LENGTH_MIN) return 'short';
  return length > (limit ?? Number.POSITIVE_INFINITY) ? 'too long' : undefined;
}

/** Why what came is no frame; undefined where it is one. */
export function faultOfBytes(bytes: Uint8Array): Fault | undefined {
  const length = bytes.length < LENGTH_BYTES ? 0 : uint32At(bytes, 0);
  if (length < LENGTH_MIN) return 'short';
  return bytes.length < LENGTH_BYTES + length ? 'too long' : faultOfControl(bytes);
}

function faultOfControl(bytes: Uint8Array): Fault | undefined {
  const length = uint32At(bytes, 12);
  if (length > bytes.length - HEADER_BYTES) return 'control over the end';
  return length > LIMITS.CONTROL_HEADER_BYTES_MAX ? 'control too long' : undefined;
}

function joined(one: Uint8Array, other: Uint8Array): Uint8Array<ArrayBuffer> {
  const both = new Uint8Array(one.length + other.length);
  both.set(one);
  both.set(other, one.length);
  return both;
}
