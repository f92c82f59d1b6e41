// What every target holds its decoder to.
import { readFileSync } from 'node:fs';
import { QanatError } from '../../packages/core/src/errors.ts';

export const hex = (text) => new Uint8Array(Buffer.from(text.replaceAll(' ', ''), 'hex'));

export const vectors = (name) => JSON.parse(readFileSync(new URL(`../../spec/v1/vectors/${name}`, import.meta.url), 'utf8'));

export function must(holds, what) {
  if (!holds) throw new Error(what);
}

/** Runs a decoder. @returns what it gave, or undefined when it refused with one of its documented codes. */
export function refusing(codes, decode) {
  try {
    return decode();
  } catch (error) {
    if (!QanatError.is(error) || !codes.includes(error.code)) throw error;
    must(typeof error.message === 'string' && error.message !== '', `${error.code} without a message`);
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

export const textOf = (input) => new TextDecoder().decode(input);
export const bytesOf = (text) => new TextEncoder().encode(text);

export function concat(parts) {
  const all = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}
