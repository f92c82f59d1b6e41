import { FRAMES, type LiveFrame } from '@qanat/core';
import { bytesOf, hexOf } from '../../json.ts';
import { type FrameParts, rawFrame } from '../../play/raw-frame.ts';

const utf8 = new TextEncoder();

/** Bytes of control headers and frames for programs, also such as no encoder makes. */
export function varintHex(value: number | bigint): string {
  const bytes: number[] = [];
  let rest = BigInt(value);
  while (rest >= 0x80n) {
    bytes.push(Number(rest & 0x7fn) | 0x80);
    rest >>= 7n;
  }
  bytes.push(Number(rest));
  return hexOf(Uint8Array.from(bytes));
}

export const numberField = (number: number, value: number | bigint): string => varintHex(number * 8) + varintHex(value);

export const bytesField = (number: number, hex: string): string => varintHex(number * 8 + 2) + varintHex(hex.length / 2) + hex;

export const textHex = (text: string): string => hexOf(utf8.encode(text));

export const textField = (number: number, text: string): string => bytesField(number, textHex(text));

export const typeOf = (name: LiveFrame): number => FRAMES[name].type;

/** A whole frame; its control header and payload in hex. */
export const frameHex = (parts: Omit<FrameParts, 'control' | 'payload'> & { control?: string; payload?: string }): string =>
  hexOf(rawFrame({ ...parts, control: bytesOf(parts.control ?? ''), payload: bytesOf(parts.payload ?? '') }));

/** Fields that are never assigned: a number, a text, eight bytes, four bytes. */
export const UNKNOWN_FIELDS: string =
  numberField(18_000, 7) +
  textField(18_005, 'grease') +
  varintHex(18_010 * 8 + 1) +
  '0102030405060708' +
  varintHex(18_015 * 8 + 5) +
  '01020304';
