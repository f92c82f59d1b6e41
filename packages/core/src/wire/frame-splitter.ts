import { QanatError } from '../errors.ts';
import { BEGUN_COUNTED_BYTES_MIN, type BegunFrames, type FrameHolder } from './begun-frames.ts';
import { readUint32 } from './bytes.ts';
import { FRAME_LENGTH_MIN } from './frame.ts';
import { LIMITS } from './gen/registry.ts';

const LENGTH_FIELD_BYTES = 4;
const NO_BYTES = new Uint8Array(0);
/** Of a peer that was dialled, and has sent so much of a frame, memory for so many times of it is reserved at once. */
const TRUSTED_BYTES = 32_768;
const TRUSTED_GROWTH = 32;

/**
 * Cuts a stream of bytes into whole frames, their length fields included (spec, chapter of frames). A frame that lies whole in
 * one chunk is given as a part of that chunk; one that spans chunks is assembled once. What a peer claims as a length costs
 * nothing: what is allocated is bounded by what has arrived, at most twice of it where the peer was not dialled (QNT-FRM-003).
 */
export class FrameSplitter implements FrameHolder {
  /** The longest frame taken, its length field not counted. Holds for frames whose length field has not arrived yet. */
  frameBytesMax: number = LIMITS.FRAME_BEFORE_HELLO_BYTES_MAX;
  /** So many more frames are given; what comes behind the last of them waits for `takeRest`. Counted down here. */
  framesLeft: number = Number.POSITIVE_INFINITY;
  #begun: Uint8Array = NO_BYTES;
  /** It is memory that goes back. */
  #borrowed = false;
  #have = 0;
  /** The whole length of the begun frame, 0 while its length field is incomplete. */
  #need = 0;
  #stopped = false;
  #rest: Uint8Array = NO_BYTES;
  readonly #shared: BegunFrames | undefined;
  readonly #onGivenUp: (error: QanatError) => void;

  /**
   * @param shared what this splitter's connection shares with others, if anything: frames hold only until `onFrame` returns
   * then.
   * @param onGivenUp called when a begun frame is dropped for their sake; nothing more is taken then.
   */
  constructor(shared?: BegunFrames, onGivenUp: (error: QanatError) => void = () => {}) {
    this.#shared = shared;
    this.#onGivenUp = onGivenUp;
  }

  /** Bytes of a frame that has begun and not ended. */
  get pendingBytes(): number {
    return this.#have;
  }

  /** Whether bytes wait for `takeRest`. */
  get hasRest(): boolean {
    return this.#rest.length > 0;
  }

  /** What the last chunk holds behind the last frame that was to be given: it has to be pushed before the next chunk. */
  takeRest(): Uint8Array {
    const rest = this.#rest;
    this.#rest = NO_BYTES;
    return rest;
  }

  /** No frame is given any more, also when called from `onFrame`. */
  stop(): void {
    this.#stopped = true;
    this.#rest = NO_BYTES;
    this.#forget();
  }

  giveUp(error: QanatError): void {
    this.stop();
    this.#onGivenUp(error);
  }

  /**
   * Takes a chunk, whose bytes may not change afterwards (but where memory is shared), and gives the frames that it ends, in
   * order.
   * @returns MALFORMED_FRAME or FRAME_TOO_LARGE when the bytes are no frames: then nothing more is taken.
   */
  push(chunk: Uint8Array, onFrame: (frame: Uint8Array) => void): QanatError | undefined {
    if (this.#stopped) return undefined;
    let at = 0;
    if (this.#have > 0) {
      if (this.#need === 0) {
        at = this.#fill(chunk, at, LENGTH_FIELD_BYTES);
        if (this.#have < LENGTH_FIELD_BYTES) return undefined;
        const length = readUint32(this.#begun, 0);
        const error = this.#check(length);
        if (error !== undefined) return error;
        this.#need = LENGTH_FIELD_BYTES + length;
      }
      at = this.#fill(chunk, at, this.#need);
      if (this.#have < this.#need) return undefined;
      this.#giveBegun(onFrame);
    }
    return this.#cut(chunk, at, onFrame);
  }

  #giveBegun(onFrame: (frame: Uint8Array) => void): void {
    const begun = this.#begun;
    const frame = this.#borrowed ? begun.subarray(0, this.#need) : begun;
    const borrowed = this.#borrowed;
    this.#borrowed = false;
    this.#forget();
    this.framesLeft--;
    onFrame(frame);
    if (borrowed) this.#shared?.buffers.give(begun);
  }

  #cut(chunk: Uint8Array, from: number, onFrame: (frame: Uint8Array) => void): QanatError | undefined {
    let at = from;
    while (!this.#stopped && this.framesLeft > 0 && chunk.length - at >= LENGTH_FIELD_BYTES) {
      const length = readUint32(chunk, at);
      const error = this.#check(length);
      if (error !== undefined) return error;
      const end = at + LENGTH_FIELD_BYTES + length;
      if (end > chunk.length) {
        this.#need = LENGTH_FIELD_BYTES + length;
        break;
      }
      this.framesLeft--;
      onFrame(at === 0 && end === chunk.length ? chunk : chunk.subarray(at, end));
      at = end;
    }
    if (this.#stopped || at === chunk.length) return undefined;
    if (this.framesLeft <= 0) this.#rest = this.#shared === undefined ? chunk.subarray(at) : chunk.slice(at);
    else this.#fill(chunk, at, this.#need === 0 ? LENGTH_FIELD_BYTES : this.#need);
    return undefined;
  }

  #check(length: number): QanatError | undefined {
    if (length >= FRAME_LENGTH_MIN && length <= this.frameBytesMax) return undefined;
    this.stop();
    return length < FRAME_LENGTH_MIN
      ? new QanatError('MALFORMED_FRAME', `a frame claims ${length} bytes; the least is ${FRAME_LENGTH_MIN}`)
      : new QanatError('FRAME_TOO_LARGE', `a frame of ${length} bytes; the limit in force is ${this.frameBytesMax}`);
  }

  /** Copies what the begun frame lacks up to `upTo` bytes. @returns where the rest of the chunk begins. */
  #fill(chunk: Uint8Array, at: number, upTo: number): number {
    const end = Math.min(chunk.length, at + upTo - this.#have);
    const have = this.#have + end - at;
    if (have > this.#begun.length) this.#grow(have, upTo);
    this.#begun.set(at === 0 && end === chunk.length ? chunk : chunk.subarray(at, end), this.#have);
    this.#have = have;
    return end;
  }

  #grow(have: number, upTo: number): void {
    const borrowed = this.#need > BEGUN_COUNTED_BYTES_MIN ? this.#shared?.buffers.take(upTo) : undefined;
    const trusted = this.#shared === undefined && have >= TRUSTED_BYTES;
    const bytesMax = trusted ? TRUSTED_GROWTH * have : Math.max(have, 2 * this.#begun.length);
    const grown = borrowed ?? new Uint8Array(Math.min(upTo, bytesMax));
    grown.set(this.#begun.subarray(0, this.#have));
    this.#begun = grown;
    this.#borrowed = borrowed !== undefined;
    const bytes = Math.min(upTo, grown.length);
    if (bytes > BEGUN_COUNTED_BYTES_MIN) this.#shared?.hold(this, bytes);
  }

  #forget(): void {
    if (this.#begun.length > BEGUN_COUNTED_BYTES_MIN) this.#shared?.release(this);
    if (this.#borrowed) this.#shared?.buffers.give(this.#begun);
    this.#borrowed = false;
    this.#begun = NO_BYTES;
    this.#have = 0;
    this.#need = 0;
  }
}
