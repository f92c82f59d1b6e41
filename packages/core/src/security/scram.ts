// SCRAM-SHA-256 (RFC 5802, RFC 7677) as functions of bytes: what server and client compute alike.
import { hmac } from '@noble/hashes/hmac.js';
import { sha256 } from '@noble/hashes/sha2.js';
import { utf8 } from '../wire/bytes.ts';

/** Rounds of the key derivation of a new password. */
export const SCRAM_ITERATIONS = 16_384;

/** What a server keeps of a password: enough to check it, not enough to log in with. */
export interface ScramKeys {
  readonly salt: Uint8Array;
  readonly iterations: number;
  /** SHA-256 of the client's key. */
  readonly storedKey: Uint8Array;
  readonly serverKey: Uint8Array;
}

/** The header of a client that binds no channel, and its Base64 in the last message. */
export const GS2_HEADER = 'n,,';

/** Printable ASCII: what no normalisation changes (RFC 4013 prepares other texts; this version refuses them). */
const PASSWORD = /^[\x20-\x7e]{1,1024}$/;
export const isPassword = (text: string): boolean => PASSWORD.test(text);

const mac = (key: Uint8Array, text: string | Uint8Array): Uint8Array =>
  hmac(sha256, key, typeof text === 'string' ? utf8(text) : text);

function xor(a: Uint8Array, b: Uint8Array): Uint8Array {
  return a.map((byte, i) => byte ^ (b[i] as number));
}

/** Takes as long wherever the two differ. */
export function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  let difference = a.length ^ b.length;
  for (let i = 0; i < a.length; i++) difference |= (a[i] as number) ^ (b[i] ?? 0);
  return difference === 0;
}

/** @param salted PBKDF2-HMAC-SHA-256 of the password with `salt` and `iterations`, 32 bytes. */
export function scramKeys(salted: Uint8Array, salt: Uint8Array, iterations: number): ScramKeys {
  return { salt, iterations, storedKey: sha256(mac(salted, 'Client Key')), serverKey: mac(salted, 'Server Key') };
}

/** The client's proof. @param transcript the three messages that both sides have seen, joined by commas (AuthMessage). */
export function clientProof(salted: Uint8Array, transcript: string): Uint8Array {
  const clientKey = mac(salted, 'Client Key');
  return xor(clientKey, mac(sha256(clientKey), transcript));
}

/** Whether a proof is that of the password. */
export function proofHolds(keys: ScramKeys, transcript: string, proof: Uint8Array): boolean {
  if (proof.length !== keys.storedKey.length) return false;
  return sameBytes(sha256(xor(proof, mac(keys.storedKey, transcript))), keys.storedKey);
}

/** Proves that the server knows the keys. */
export const serverSignature = (serverKey: Uint8Array, transcript: string): Uint8Array => mac(serverKey, transcript);

/** A comma and an equals sign stand escaped in names. */
export const escapeName = (name: string): string => name.replaceAll('=', '=3D').replaceAll(',', '=2C');

/** @returns undefined where an equals sign escapes nothing. */
export function unescapeName(text: string): string | undefined {
  return /=(?!2C|3D)/.test(text) ? undefined : text.replaceAll('=2C', ',').replaceAll('=3D', '=');
}

/**
 * The attributes of a message, `a=value` with commas between them. @returns undefined unless they are those of `names`, in this
 * order, and nothing else: extensions are not known here, and a mandatory one must be refused (RFC 5802, chapter 5.1).
 */
export function attributes(message: string, names: string): readonly string[] | undefined {
  const parts = message.split(',');
  const fits = parts.length === names.length && parts.every((part, i) => part.startsWith(`${names.charAt(i)}=`));
  return fits ? parts.map((part) => part.slice(2)) : undefined;
}

/** Printable ASCII without a comma. */
const NONCE = /^[\x21-\x2b\x2d-\x7e]+$/;
export const isNonce = (text: string): boolean => NONCE.test(text);
