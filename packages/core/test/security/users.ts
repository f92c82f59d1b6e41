// Users with passwords, and the two ends of a connection that logs in, for tests.
import { pbkdf2 } from '@noble/hashes/pbkdf2.js';
import { sha256 } from '@noble/hashes/sha2.js';
import {
  codeOfWireNumber,
  decodeFrame,
  ErrorInfo,
  encodeFrame,
  Flag,
  FRAMES,
  type Frame,
  type KeyRequest,
  type LiveFrame,
  principalOf,
  type RequestInit,
  requestCodec,
  scramKeys,
  scramRecord,
  type UserRecord,
  UserTable,
  utf8,
} from '../../src/index.ts';

export const derive = ({ password, salt, iterations }: KeyRequest): Uint8Array =>
  pbkdf2(sha256, utf8(password), salt, { c: iterations, dkLen: 32 });

const SALT = utf8('sixteen bytes...');
const keysByPassword = new Map<string, NonNullable<UserRecord['scram']>>();

/** The keys of a password; deriving them is slow, so each is derived once. */
export function scramOf(password: string): NonNullable<UserRecord['scram']> {
  const known = keysByPassword.get(password);
  if (known !== undefined) return known;
  const made = scramRecord(scramKeys(derive({ password, salt: SALT, iterations: 4096 }), SALT, 4096));
  keysByPassword.set(password, made);
  return made;
}

export const user = (name: string, more: Partial<UserRecord> = {}): UserRecord => ({ name, roles: ['client'], ...more });

export const table = (...records: readonly UserRecord[]): UserTable =>
  new UserTable(records.map(principalOf), utf8('the secret of unknown names'));

export const joined = (parts: readonly Uint8Array[]): Uint8Array => new Uint8Array(Buffer.concat(parts));

export const frameOf = <N extends LiveFrame>(
  name: N,
  header: RequestInit<N> | Uint8Array,
  correlation: number,
  flags = 0,
): Uint8Array => {
  const control = header instanceof Uint8Array ? header : requestCodec(name).encode(header);
  return joined(encodeFrame(FRAMES[name].type, flags, correlation, control));
};

/** The name of the code of an error answer or a GOAWAY; 'ok' for an answer. */
export function codeOf(frame: Frame | undefined): string | undefined {
  if (frame === undefined) return undefined;
  const failed = (frame.flags & Flag.ERROR) !== 0 || frame.type === FRAMES.GOAWAY.type;
  return failed ? codeOfWireNumber(ErrorInfo.decode(frame.control).code) : 'ok';
}

export const decoded = (parts: readonly Uint8Array[]): Frame => decodeFrame(joined(parts));
