// Makes a new input of one or two that reached something: bits, bytes, integers of interest, blocks that move, words of a target.
const INPUT_BYTES_MAX = 16_384;

/** A 32-bit xorshift: fast, and the same input for the same seed. */
export class Dice {
  #state;

  constructor(seed) {
    this.#state = seed | 0 || 1;
  }

  next() {
    let x = this.#state;
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    this.#state = x;
    return x >>> 0;
  }

  /** 0 … `below` - 1. */
  below(below) {
    return below <= 1 ? 0 : this.next() % below;
  }
}

const INTERESTING = [
  0, 1, 2, 3, 4, 7, 8, 9, 12, 15, 16, 20, 31, 32, 63, 64, 100, 126, 127, 128, 129, 253, 254, 255, 256, 257, 511, 512, 1023, 1024,
  4095, 4096, 4097, 16383, 16384, 16385, 32767, 32768, 32769, 65535, 65536, 65537, 4194304, 4194305, 4259840, 4259841, 16777216,
  16777217, 0x1fffff, 0x200000, 0x7fffffff, 0x80000000, 0xfffffffe, 0xffffffff,
];

export class Mutator {
  #dice;
  #words;
  #bytes = new Uint8Array(INPUT_BYTES_MAX);
  #length = 0;

  constructor(dice, words = []) {
    this.#dice = dice;
    this.#words = words;
  }

  /** A changed copy of `parent`; `other` is one to take parts of. */
  mutate(parent, other) {
    this.#length = Math.min(parent.length, INPUT_BYTES_MAX);
    this.#bytes.set(parent.subarray(0, this.#length));
    for (let left = 1 << this.#dice.below(5); left > 0; left--) this.#step(other);
    return this.#bytes.slice(0, this.#length);
  }

  #step(other) {
    const dice = this.#dice;
    const bytes = this.#bytes;
    const at = dice.below(this.#length);
    if (this.#length === 0) return this.#insert(0, Uint8Array.of(dice.below(256)));
    switch (dice.below(12)) {
      case 0:
        bytes[at] ^= 1 << dice.below(8);
        return undefined;
      case 1:
        bytes[at] = dice.below(256);
        return undefined;
      case 2:
        bytes[at] += dice.below(2) === 0 ? 1 : 255;
        return undefined;
      case 3:
      case 4:
        return this.#integer(at);
      case 5:
        return this.#remove(at, 1 + dice.below(dice.below(2) === 0 ? 4 : this.#length));
      case 6:
        return this.#insert(at, bytes.slice(at, at + 1 + dice.below(32)));
      case 7:
        return this.#insert(
          at,
          Uint8Array.from({ length: 1 + dice.below(8) }, () => dice.below(256)),
        );
      case 8:
        bytes.copyWithin(at, dice.below(this.#length), this.#length);
        return undefined;
      case 9:
        if (this.#words.length > 0) this.#put(at, this.#words[dice.below(this.#words.length)]);
        return undefined;
      case 10:
        if (other.length > 0) this.#put(at, other.subarray(dice.below(other.length)));
        return undefined;
      default:
        this.#length = dice.below(4) === 0 ? at : this.#length;
        return undefined;
    }
  }

  /** A big-endian integer of 1, 2 or 4 bytes, or a varint. */
  #integer(at) {
    const value = INTERESTING[this.#dice.below(INTERESTING.length)];
    const width = [1, 2, 4, 0][this.#dice.below(4)];
    if (width === 0) {
      const varint = [];
      for (let rest = value; ; rest = Math.floor(rest / 128)) {
        varint.push(rest >= 128 ? (rest % 128) | 128 : rest);
        if (rest < 128) break;
      }
      return this.#put(at, Uint8Array.from(varint));
    }
    for (let i = 0; i < width && at + i < this.#length; i++) this.#bytes[at + i] = value >>> (8 * (width - 1 - i));
    return undefined;
  }

  /** Over what is there, or between. */
  #put(at, part) {
    if (this.#dice.below(2) === 0) return this.#insert(at, part);
    this.#bytes.set(part.subarray(0, this.#length - at), at);
    return undefined;
  }

  #insert(at, part) {
    const count = Math.min(part.length, INPUT_BYTES_MAX - this.#length);
    this.#bytes.copyWithin(at + count, at, this.#length);
    this.#bytes.set(part.subarray(0, count), at);
    this.#length += count;
  }

  #remove(at, count) {
    const end = Math.min(this.#length, at + count);
    this.#bytes.copyWithin(at, end, this.#length);
    this.#length -= end - at;
  }
}
