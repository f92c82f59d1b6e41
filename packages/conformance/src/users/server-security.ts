import { createHash } from 'node:crypto';
import { encodeBase64, type Random, type ServerSecurity, type UserRecord, type UserTable } from '@qanat/core';
import type { Engines } from '../driver/engines.ts';
import { saltedPassword } from './salted-password.ts';
import type { User } from './user.ts';

const NONCE_BYTES = 18;
const SALT_BYTES = 16;

/** A salt of a user's own; the same user has the same one in every program. */
const saltOf = ({ name, password }: User): Uint8Array =>
  new Uint8Array(createHash('sha256').update(`${name} ${password}`).digest().subarray(0, SALT_BYTES));

/** The users as the engines of this repository know them. */
export function userTable(users: readonly User[], engines: Engines): UserTable {
  return new engines.UserTable(
    users.map((user) => engines.principalOf(recordOf(user, engines))),
    new TextEncoder().encode('the salts of those who are not'),
  );
}

function recordOf(user: User, engines: Engines): UserRecord {
  const { name, password, roles, permissions, certificate, requestsPerSecond } = user;
  const record = { name, roles, permissions, certificate, ...(requestsPerSecond > 0 ? { requestsPerSecond } : {}) };
  if (password === undefined) return record;
  const [salt, iterations] = [saltOf(user), engines.SCRAM_ITERATIONS];
  const keys = engines.scramKeys(saltedPassword({ password, salt, iterations }), salt, iterations);
  return { ...record, scram: engines.scramRecord(keys) };
}

/** What SCRAM needs of chance, drawn by a seed: on virtual time a program gives the same history each time. */
export const drawnNonce = (random: Random): string => encodeBase64(random.bytes(NONCE_BYTES));

export const securityOf = (users: readonly User[], engines: Engines, random: Random): ServerSecurity => ({
  users: userTable(users, engines),
  nonce: () => drawnNonce(random),
});
