/** Bits of the longest code that deflate has. */
const LONGEST_CODE = 15;

/** A prefix code of deflate (RFC 1951, 3.2.2) as a table: the bits that come next are the index of the symbol they begin with. */
export class PrefixCode {
  /** Length of the longest code. */
  readonly bits: number;
  /** For each sequence of `bits` bits `symbol << 4 | length`, or 0 where no code begins so. */
  readonly table: Uint16Array;

  /**
   * @param lengths length of the code of each symbol in bits, 0 for a symbol without one.
   * @param whole whether a code of a single bit that leaves the other bit open is refused too.
   * @throws RangeError when the lengths give more codes than there are, or leave some open.
   */
  constructor(lengths: Uint8Array, whole = false) {
    const counts = new Uint16Array(LONGEST_CODE + 1);
    for (const length of lengths) counts[length] = (counts[length] as number) + 1;
    counts[0] = 0;
    this.bits = Math.max(
      0,
      counts.findLastIndex((count) => count > 0),
    );
    const open = openCodes(counts);
    if (open < 0 || (open > 0 && this.bits > (whole ? 0 : 1))) throw new RangeError('the lengths make no prefix code');
    this.table = new Uint16Array(1 << this.bits);
    this.#fill(lengths, counts);
  }

  /** Canonical codes: shorter ones first, those of one length in the order of their symbols. */
  #fill(lengths: Uint8Array, counts: Uint16Array): void {
    const next = new Uint16Array(LONGEST_CODE + 2);
    for (let bits = 1; bits <= LONGEST_CODE; bits++) next[bits + 1] = ((next[bits] as number) + (counts[bits] as number)) << 1;
    for (let symbol = 0; symbol < lengths.length; symbol++) {
      const length = lengths[symbol] as number;
      if (length === 0) continue;
      const code = next[length] as number;
      next[length] = code + 1;
      // Codes are packed from their highest bit on, everything else from the lowest.
      const step = 1 << length;
      for (let at = reversed(code, length); at < this.table.length; at += step) this.table[at] = (symbol << 4) | length;
    }
  }
}

/** How many codes of the greatest length are left over; below 0 there are too few. */
function openCodes(counts: Uint16Array): number {
  let open = 1;
  for (let bits = 1; bits <= LONGEST_CODE; bits++) {
    open = open * 2 - (counts[bits] as number);
    if (open < 0) break;
  }
  return open;
}

function reversed(code: number, length: number): number {
  let result = 0;
  for (let bit = 0; bit < length; bit++) result |= ((code >>> bit) & 1) << (length - 1 - bit);
  return result;
}
