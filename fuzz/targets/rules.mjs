// What every target holds its decoder to.
import { readFileSync } from 'node:fs';
import { QanatError } from '../../packages/core/src/errors.ts';

export const hex = (text) => new Uint8Array(Buffer.from(text.replaceAll(' ', ''), 'hex'));

export const vectors = (name) => JSON.parse(readFileSync(new URL(`../../spec/v1/vectors/${name}`, import.meta.url), 'utf8'));

/** The text of an error is made when it is needed: `what`, then `details`. */
export function must(holds, what, ...details) {
  if (!holds) throw new Error([what, ...details].join(' '));
}

/** Runs a decoder. @returns what it gave, or undefined when it refused with one of its documented codes. */
export function refusing(codes, decode) {
  try {
    return decode();
  } catch (error) {
    if (!QanatError.is(error) || !codes.includes(error.code)) throw error;
    must(typeof error.message === 'string' && error.message !== '', 'without a message:', error.code);
    return undefined;
  }
}

export function same(a, b) {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

/** Whether all texts of a decoded value are Unicode: half a surrogate pair is sent as U+FFFD (QNT-TYP-009). */
export function wellFormed(value) {
  if (typeof value === 'string') return value.isWellFormed();
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return true;
  return Object.entries(value).every(([name, part]) => name.isWellFormed() && wellFormed(part));
}

/** Whether two decoded values are the same, bytes included. */
export function equal(a, b) {
  if (a === b) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return Object.is(a, b);
  if (a instanceof Uint8Array) return b instanceof Uint8Array && same(a, b);
  const names = Object.keys(a);
  if (names.length !== Object.keys(b).length) return false;
  return names.every((name) => equal(a[name], b[name]));
}

const decoder = new TextDecoder();
const encoder = new TextEncoder();

export const textOf = (input) => decoder.decode(input);
export const bytesOf = (text) => encoder.encode(text);

export function concat(parts) {
  let length = 0;
  for (const part of parts) length += part.length;
  const all = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}
