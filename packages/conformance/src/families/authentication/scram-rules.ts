import { decodeBase64, encodeBase64, proofHolds, scramKeys, utf8 } from '@qanat/core';
import { saltedPassword } from '../../users/salted-password.ts';
import type { User } from '../../users/user.ts';

/** What a first message of RFC 5802 says. */
export interface First {
  /** The header without the rest: `n,,`. */
  readonly gs2: string;
  readonly bare: string;
  readonly user: string;
  readonly nonce: string;
}

/** The server's first message. */
export interface ServerFirst {
  readonly text: string;
  readonly nonce: string;
  readonly salt: string;
  readonly rounds: number;
}

/** Why a message is none that RFC 5802 and the chapter of authentication allow: a sentence without a subject. */
export type Fault = string;

const PRINTABLE = /^[\x21-\x2b\x2d-\x7e]+$/;

export function readFirst(message: string): First | Fault {
  const [, flag, authzid, bare = ''] = /^([^,]*),([^,]*),(.*)$/s.exec(message) ?? [];
  if (flag === undefined || authzid === undefined) return 'no header of RFC 5802';
  if (flag.startsWith('p=')) return `the channel binding ${flag}, which nobody has offered`;
  if (flag !== 'n' && flag !== 'y') return `the flag ${JSON.stringify(flag)} of channel binding`;
  if (authzid !== '') return `an authorisation identity (${authzid})`;
  const parts = bare.split(',');
  if (parts[0]?.startsWith('m=') === true) return 'a mandatory extension (m=)';
  const [name, nonce, extension] = parts;
  if (name?.startsWith('n=') !== true || nonce?.startsWith('r=') !== true) return 'no name and nonce';
  if (extension !== undefined) return `an extension (${extension})`;
  if (/=(?!2C|3D)/.test(name.slice(2))) return `the name ${name.slice(2)}, in which "=" escapes nothing`;
  if (!PRINTABLE.test(nonce.slice(2))) return 'a nonce that is not printable';
  const user = name.slice(2).replaceAll('=2C', ',').replaceAll('=3D', '=');
  return { gs2: `${flag},,`, bare, user, nonce: nonce.slice(2) };
}

export function readServerFirst(message: string): ServerFirst | undefined {
  const [, nonce, salt, rounds] = /^r=([^,]*),s=([^,]*),i=(\d+)(?:,|$)/.exec(message) ?? [];
  if (nonce === undefined || salt === undefined) return undefined;
  return { text: message, nonce, salt, rounds: Number(rounds) };
}

/** What is wrong with the client's last message; undefined where it lets in. @param user undefined: nobody has the name. */
export function faultOfLast(message: string, first: First, answer: ServerFirst, user: User | undefined): Fault | undefined {
  const parts = message.split(',');
  const [channel = '', nonce = '', proof = ''] = parts;
  if (!channel.startsWith('c=') || !nonce.startsWith('r=')) return 'a last message without channel binding and nonce';
  if (channel.slice(2) !== encodeBase64(utf8(first.gs2)))
    return `another channel binding (${channel}) than that of ${JSON.stringify(first.gs2)}`;
  if (nonce.slice(2) !== answer.nonce) return 'another nonce than the whole one that the server gave';
  const extension = parts.find((part) => !/^[crp]=/.test(part));
  if (extension !== undefined) return `an extension (${extension})`;
  if (!proof.startsWith('p=') || parts.length > 3) return 'no proof at its end';
  const bytes = decodeBase64(proof.slice(2));
  if (bytes === undefined) return 'a proof that is no Base64';
  if (user?.password === undefined) return user === undefined ? 'a name that does not exist' : 'a user who has no password';
  const salt = decodeBase64(answer.salt) ?? new Uint8Array(0);
  const keys = scramKeys(saltedPassword({ password: user.password, salt, iterations: answer.rounds }), salt, answer.rounds);
  const transcript = `${first.bare},${answer.text},${channel},${nonce}`;
  return proofHolds(keys, transcript, bytes) ? undefined : 'a wrong proof';
}
