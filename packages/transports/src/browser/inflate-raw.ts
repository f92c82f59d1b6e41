import { BitReader } from './bit-reader.ts';
import { InflatedBytes } from './inflated-bytes.ts';
import { PrefixCode } from './prefix-code.ts';

const END_OF_BLOCK = 256;
/** Symbols that a block may use; the fixed codes have two more of each, which stand for nothing. */
const LITERAL_SYMBOLS = 286;
const DISTANCE_SYMBOLS = 30;
/** The order in which the lengths of the code for lengths come (RFC 1951, 3.2.7). */
const LENGTH_ORDER = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];

/** What the symbols 257 … 285 and the distances 0 … 29 begin at, and the number of their further bits (3.2.5). */
const LENGTH_BITS = [0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0];
const LENGTHS = [
  3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195, 227, 258,
];
const DISTANCE_BITS = Array.from({ length: DISTANCE_SYMBOLS }, (_, symbol) => Math.max(0, (symbol >> 1) - 1));
const DISTANCES = DISTANCE_BITS.map((bits, symbol) => (symbol < 2 ? 1 + symbol : 1 + ((2 + (symbol & 1)) << bits)));

interface BlockCodes {
  readonly literals: PrefixCode;
  readonly distances: PrefixCode;
}

/**
 * Raw inflate (RFC 1951), as strict as zlib: a library that takes damaged bytes for good would let one client read what another
 * refuses.
 * @throws RangeError when the bytes are not raw deflate or would inflate to more than `bytesMax`: nothing beyond it is inflated.
 */
export function inflateRaw(bytes: Uint8Array, bytesMax: number): Uint8Array {
  const reader = new BitReader(bytes);
  const inflated = new InflatedBytes(bytesMax);
  for (let last = false; !last; ) {
    last = reader.number(1) === 1;
    const kind = reader.number(2);
    if (kind === 0) inflated.append(storedBlock(reader));
    else if (kind === 1) inflateBlock(reader, fixedCodes(), inflated);
    else if (kind === 2) inflateBlock(reader, readCodes(reader), inflated);
    else throw new RangeError('a block of no known kind');
  }
  return inflated.whole;
}

function storedBlock(reader: BitReader): Uint8Array {
  const [low = 0, high = 0, notLow = 0, notHigh = 0] = reader.bytes(4);
  if ((low ^ notLow) !== 0xff || (high ^ notHigh) !== 0xff) throw new RangeError('a stored block of a damaged length');
  return reader.bytes(low | (high << 8));
}

function inflateBlock(reader: BitReader, { literals, distances }: BlockCodes, inflated: InflatedBytes): void {
  for (;;) {
    const symbol = reader.symbol(literals);
    if (symbol === END_OF_BLOCK) return;
    if (symbol < END_OF_BLOCK) inflated.push(symbol);
    else {
      const length = readRun(reader, symbol - END_OF_BLOCK - 1, LENGTHS, LENGTH_BITS);
      inflated.repeat(length, readRun(reader, reader.symbol(distances), DISTANCES, DISTANCE_BITS));
    }
  }
}

function readRun(reader: BitReader, symbol: number, firsts: readonly number[], bits: readonly number[]): number {
  const first = firsts[symbol];
  if (first === undefined) throw new RangeError('a reserved symbol');
  return first + reader.number(bits[symbol] as number);
}

let fixed: BlockCodes | undefined;

/** The codes of 3.2.6; made when they are first needed. */
function fixedCodes(): BlockCodes {
  const lengths = new Uint8Array(288).fill(8).fill(9, 144, 256).fill(7, 256, 280);
  fixed ??= { literals: new PrefixCode(lengths), distances: new PrefixCode(new Uint8Array(32).fill(5)) };
  return fixed;
}

/** The codes of a dynamic block (3.2.7). */
function readCodes(reader: BitReader): BlockCodes {
  const literals = reader.number(5) + 257;
  const distances = reader.number(5) + 1;
  if (literals > LITERAL_SYMBOLS || distances > DISTANCE_SYMBOLS) throw new RangeError('too many symbols');
  const order = LENGTH_ORDER.slice(0, reader.number(4) + 4);
  const codeLengths = new Uint8Array(LENGTH_ORDER.length);
  for (const symbol of order) codeLengths[symbol] = reader.number(3);
  const lengths = readLengths(reader, new PrefixCode(codeLengths, true), literals + distances);
  return { literals: new PrefixCode(lengths.subarray(0, literals)), distances: new PrefixCode(lengths.subarray(literals)) };
}

function readLengths(reader: BitReader, code: PrefixCode, count: number): Uint8Array {
  const lengths = new Uint8Array(count);
  for (let at = 0; at < count; ) {
    const symbol = reader.symbol(code);
    if (symbol < 16) lengths[at++] = symbol;
    else {
      if (symbol === 16 && at === 0) throw new RangeError('a length that repeats nothing');
      const repeated = symbol === 16 ? (lengths[at - 1] as number) : 0;
      const end = at + (symbol === 16 ? 3 + reader.number(2) : symbol === 17 ? 3 + reader.number(3) : 11 + reader.number(7));
      if (end > count) throw new RangeError('more lengths than symbols');
      lengths.fill(repeated, at, end);
      at = end;
    }
  }
  return lengths;
}
