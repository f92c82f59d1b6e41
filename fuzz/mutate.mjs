// Makes a new input of one or two that reached something: bits, bytes, integers of interest, blocks that move, words of a target.
const INPUT_BYTES_MAX = 16_384;
const REPEATED_MAX = 32;

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

function varint(value) {
  const bytes = [];
  let rest = value;
  for (; rest >= 128; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | 128);
  bytes.push(rest);
  return Uint8Array.from(bytes);
}

const VARINTS = INTERESTING.map(varint);
/** Bytes of an integer; 0: a varint. */
const WIDTHS = [1, 2, 4, 0];

/** Most parts are so short that a loop is done before a view of them is made. */
const SHORT = 32;

function copy(source, from, count, target, at) {
  if (count > SHORT) target.set(source.subarray(from, from + count), at);
  else for (let i = 0; i < count; i++) target[at + i] = source[from + i];
}

export class Mutator {
  #dice;
  #words;
  #bytes = new Uint8Array(INPUT_BYTES_MAX);
  #length = 0;
  /** Bytes that are drawn or repeated: too few for an array of their own each time. */
  #part = new Uint8Array(REPEATED_MAX);

  constructor(dice, words = []) {
    this.#dice = dice;
    this.#words = words;
  }

  /** A changed copy of `parent`; `other` is one to take parts of. */
  mutate(parent, other) {
    this.#length = Math.min(parent.length, INPUT_BYTES_MAX);
    this.#bytes.set(parent.length > INPUT_BYTES_MAX ? parent.subarray(0, INPUT_BYTES_MAX) : parent);
    for (let left = 1 << this.#dice.below(5); left > 0; left--) this.#step(other);
    return this.#bytes.slice(0, this.#length);
  }

  #step(other) {
    const dice = this.#dice;
    const bytes = this.#bytes;
    const at = dice.below(this.#length);
    if (this.#length === 0) return this.#insert(0, this.#random(1), 0, 1);
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
        return this.#repeat(at, 1 + dice.below(REPEATED_MAX));
      case 7: {
        const count = 1 + dice.below(8);
        return this.#insert(at, this.#random(count), 0, count);
      }
      case 8:
        bytes.copyWithin(at, dice.below(this.#length), this.#length);
        return undefined;
      case 9:
        if (this.#words.length > 0) this.#put(at, this.#words[dice.below(this.#words.length)], 0);
        return undefined;
      case 10:
        if (other.length > 0) this.#put(at, other, dice.below(other.length));
        return undefined;
      default:
        this.#length = dice.below(4) === 0 ? at : this.#length;
        return undefined;
    }
  }

  /** A big-endian integer of 1, 2 or 4 bytes, or a varint. */
  #integer(at) {
    const chosen = this.#dice.below(INTERESTING.length);
    const width = WIDTHS[this.#dice.below(4)];
    if (width === 0) return this.#put(at, VARINTS[chosen], 0);
    const value = INTERESTING[chosen];
    for (let i = 0; i < width && at + i < this.#length; i++) this.#bytes[at + i] = value >>> (8 * (width - 1 - i));
    return undefined;
  }

  #random(count) {
    for (let i = 0; i < count; i++) this.#part[i] = this.#dice.below(256);
    return this.#part;
  }

  /** What stands at `at` comes twice. */
  #repeat(at, wanted) {
    const count = Math.min(wanted, INPUT_BYTES_MAX - at);
    for (let i = 0; i < count; i++) this.#part[i] = this.#bytes[at + i];
    this.#insert(at, this.#part, 0, count);
  }

  /** The bytes of `source` from `from` on: over what is there, or between. */
  #put(at, source, from) {
    const length = source.length - from;
    if (this.#dice.below(2) === 0) return this.#insert(at, source, from, length);
    copy(source, from, Math.min(length, this.#length - at), this.#bytes, at);
    return undefined;
  }

  #insert(at, source, from, length) {
    const count = Math.min(length, INPUT_BYTES_MAX - this.#length);
    this.#bytes.copyWithin(at + count, at, this.#length);
    copy(source, from, count, this.#bytes, at);
    this.#length += count;
  }

  #remove(at, count) {
    const end = Math.min(this.#length, at + count);
    this.#bytes.copyWithin(at, end, this.#length);
    this.#length -= end - at;
  }
}
