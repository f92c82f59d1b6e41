// Fixed-width integers, varints and strings at a place in a byte array: what the record batch and the commit log are made of.

const HIGH = 0x1_0000_0000;

export function readUint32(b: Uint8Array, at: number): number {
  return (((b[at] as number) << 24) | ((b[at + 1] as number) << 16) | ((b[at + 2] as number) << 8) | (b[at + 3] as number)) >>> 0;
}

export function writeUint32At(b: Uint8Array, at: number, value: number): void {
  b[at] = value >>> 24;
  b[at + 1] = value >>> 16;
  b[at + 2] = value >>> 8;
  b[at + 3] = value;
}

export function readUint16(b: Uint8Array, at: number): number {
  return ((b[at] as number) << 8) | (b[at + 1] as number);
}

export function writeUint16At(b: Uint8Array, at: number, value: number): void {
  b[at] = value >>> 8;
  b[at + 1] = value;
}

/** A 64-bit integer of 0 … 2^53−1; NaN when it is larger. */
export function readUint53(b: Uint8Array, at: number): number {
  const high = readUint32(b, at);
  return high > 0x1f_ffff ? Number.NaN : high * HIGH + readUint32(b, at + 4);
}

export function writeUint53At(b: Uint8Array, at: number, value: number): void {
  writeUint32At(b, at, Math.floor(value / HIGH));
  writeUint32At(b, at + 4, value >>> 0);
}

/** Bytes that `value` takes as an unsigned LEB128 varint; at most 2^53−1. */
export function varintLength(value: number): number {
  if (value < 0x80) return 1;
  if (value < 0x4000) return 2;
  let rest = value;
  let length = 1;
  while (rest >= 0x80) {
    rest = Math.floor(rest / 0x80);
    length++;
  }
  return length;
}

/** Writes an unsigned varint and gives the place behind it. */
export function writeVarint(b: Uint8Array, at: number, value: number): number {
  if (value < 0x80) {
    b[at] = value;
    return at + 1;
  }
  if (value < 0x4000) {
    b[at] = (value & 0x7f) | 0x80;
    b[at + 1] = value >>> 7;
    return at + 2;
  }
  let rest = value;
  let to = at;
  while (rest >= 0x80) {
    b[to++] = (rest % 0x80) | 0x80;
    rest = Math.floor(rest / 0x80);
  }
  b[to++] = rest;
  return to;
}

/** ZigZag: small negative numbers become small positive ones. */
export const zigzag = (value: number): number => (value >= 0 ? value * 2 : -value * 2 - 1);
export const unzigzag = (value: number): number => (value % 2 === 0 ? value / 2 : -(value + 1) / 2);

/** From this length on the platform's decoder is faster than one character after the other. */
const DECODER_BYTES_MIN = 64;
/** Every platform has it; no library that the core is compiled with declares it. */
declare const TextDecoder: new (
  encoding: string,
  options: { readonly ignoreBOM: boolean },
) => { decode(bytes: Uint8Array): string };
const decoder = /* @__PURE__ */ new TextDecoder('utf-8', { ignoreBOM: true });
/** U+FFFD stands for half of a surrogate pair, which is no character and has no UTF-8; both take three bytes (QNT-TYP-009). */
const REPLACEMENT = 0xfffd;

export function utf8Length(text: string): number {
  let length = text.length;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit < 0x80) continue;
    length += unit < 0x800 ? 1 : 2;
    // A pair has four bytes for its two units.
    if (isPair(text, i)) i++;
  }
  return length;
}

/** Writes `text` as UTF-8 and gives the place behind it. */
export function writeUtf8(b: Uint8Array, at: number, text: string): number {
  let to = at;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit < 0x80) b[to++] = unit;
    else if (unit < 0x800) {
      b[to++] = (unit >>> 6) | 0xc0;
      b[to++] = (unit & 0x3f) | 0x80;
    } else if (isPair(text, i)) {
      const code = text.codePointAt(i++) as number;
      b[to++] = (code >>> 18) | 0xf0;
      b[to++] = ((code >>> 12) & 0x3f) | 0x80;
      b[to++] = ((code >>> 6) & 0x3f) | 0x80;
      b[to++] = (code & 0x3f) | 0x80;
    } else {
      const code = (unit & 0xf800) === 0xd800 ? REPLACEMENT : unit;
      b[to++] = (code >>> 12) | 0xe0;
      b[to++] = ((code >>> 6) & 0x3f) | 0x80;
      b[to++] = (code & 0x3f) | 0x80;
    }
  }
  return to;
}

const isPair = (text: string, i: number): boolean =>
  (text.charCodeAt(i) & 0xfc00) === 0xd800 && (text.charCodeAt(i + 1) & 0xfc00) === 0xdc00;

/** Reads UTF-8; what is none becomes U+FFFD. */
export function readUtf8(b: Uint8Array, from: number, to: number): string {
  if (to - from >= DECODER_BYTES_MIN) return decoder.decode(b.subarray(from, to));
  let text = '';
  let at = from;
  // Four at a time: a string that grows by one character after the other is slow to use.
  for (; at + 3 < to; at += 4) {
    const [c0, c1, c2, c3] = [b[at] as number, b[at + 1] as number, b[at + 2] as number, b[at + 3] as number];
    if ((c0 | c1 | c2 | c3) >= 0x80) return text + decoder.decode(b.subarray(at, to));
    text += String.fromCharCode(c0, c1, c2, c3);
  }
  for (; at < to; at++) {
    const unit = b[at] as number;
    if (unit >= 0x80) return text + decoder.decode(b.subarray(at, to));
    text += String.fromCharCode(unit);
  }
  return text;
}

export function utf8(text: string): Uint8Array {
  const bytes = new Uint8Array(utf8Length(text));
  writeUtf8(bytes, 0, text);
  return bytes;
}
