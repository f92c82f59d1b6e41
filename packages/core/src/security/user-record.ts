import { QanatError } from '../errors.ts';
import { nameError } from '../model/names.ts';
import { decodeBase64, encodeBase64 } from '../wire/base64.ts';
import { LIMITS } from '../wire/gen/registry.ts';
import { PERMISSIONS_MAX, type Principal, parsePermission, ROLES, type Role } from './principal.ts';
import type { ScramKeys } from './scram.ts';

/** One user as JSON: what a credentials file holds of him. */
export interface UserRecord {
  readonly name: string;
  readonly roles: readonly string[];
  /** As `parsePermission` reads them. */
  readonly permissions?: readonly string[];
  /** Base64. */
  readonly scram?: {
    readonly salt: string;
    readonly iterations: number;
    readonly storedKey: string;
    readonly serverKey: string;
  };
  /** He may come with a certificate of his name. Default false. */
  readonly certificate?: boolean;
  /** Requests in a second, over all connections to one server. Default: no limit. */
  readonly requestsPerSecond?: number;
  /** Bytes of frames in a second, both ways together. Default: no limit. */
  readonly bytesPerSecond?: number;
}

const FIELDS: ReadonlySet<string> = new Set([
  ...['name', 'roles', 'permissions', 'scram', 'certificate', 'requestsPerSecond', 'bytesPerSecond'],
]);
const KEY_BYTES = 32;

const isList = (value: unknown): value is readonly string[] =>
  Array.isArray(value) && value.every((item) => typeof item === 'string');

/** @throws QanatError BAD_CONFIG that names the user and what is wrong; never a secret. */
export function principalOf(record: UserRecord): Principal {
  const name = checkedName(record);
  const bad = (what: string): never => {
    throw new QanatError('BAD_CONFIG', `user "${name}": ${what}`);
  };
  const unknown = Object.keys(record).find((field) => !FIELDS.has(field));
  if (unknown !== undefined) bad(`there is no field "${unknown}"; fields: ${[...FIELDS].join(', ')}`);
  const { roles, permissions = [], scram, certificate = false } = record;
  if (!isList(roles) || roles.length === 0) bad(`roles are a list of ${ROLES.join(', ')}`);
  const stranger = roles.find((role) => !(ROLES as readonly string[]).includes(role));
  if (stranger !== undefined) bad(`"${stranger}" is no role; roles: ${ROLES.join(', ')}`);
  if (!isList(permissions)) bad('permissions are a list of texts');
  if (permissions.length > PERMISSIONS_MAX)
    bad(`${permissions.length} permissions, at most ${PERMISSIONS_MAX} (PERMISSIONS_MAX)`);
  if (typeof certificate !== 'boolean') bad('certificate is true or false');
  return {
    name,
    roles: new Set(roles as readonly Role[]),
    permissions: permissions.map(parsePermission),
    scram: scram === undefined ? undefined : keysOf(scram, bad),
    certificate,
    rate: {
      requestsPerSecond: rateOf(record.requestsPerSecond, bad),
      bytesPerSecond: rateOf(record.bytesPerSecond, bad),
    },
    text: JSON.stringify(record),
  };
}

function checkedName(record: UserRecord): string {
  const { name } = record;
  const error = typeof name === 'string' ? nameError(name, LIMITS.PRINCIPAL_NAME_BYTES_MAX) : 'it is missing';
  if (error !== undefined) throw new QanatError('BAD_CONFIG', `a user's name: ${error}`);
  return name;
}

function rateOf(value: unknown, bad: (what: string) => never): number {
  if (value === undefined) return 0;
  return typeof value === 'number' && Number.isFinite(value) && value > 0 ? value : bad('a rate is a number above 0');
}

function keysOf(scram: NonNullable<UserRecord['scram']>, bad: (what: string) => never): ScramKeys {
  const bytes = (text: unknown): Uint8Array | undefined => (typeof text === 'string' ? decodeBase64(text) : undefined);
  const salt = bytes(scram.salt);
  const storedKey = bytes(scram.storedKey);
  const serverKey = bytes(scram.serverKey);
  const { iterations } = scram;
  if (salt === undefined || salt.length === 0) return bad('scram.salt is no Base64');
  if (storedKey?.length !== KEY_BYTES || serverKey?.length !== KEY_BYTES)
    return bad(`scram keys have ${KEY_BYTES} bytes, in Base64`);
  if (!Number.isInteger(iterations) || iterations < LIMITS.SCRAM_ITERATIONS_MIN || iterations > LIMITS.SCRAM_ITERATIONS_MAX)
    return bad(`scram.iterations is ${LIMITS.SCRAM_ITERATIONS_MIN} to ${LIMITS.SCRAM_ITERATIONS_MAX}`);
  return { salt, iterations, storedKey, serverKey };
}

/** The keys of a password as a record holds them. */
export const scramRecord = ({ salt, iterations, storedKey, serverKey }: ScramKeys): NonNullable<UserRecord['scram']> => ({
  salt: encodeBase64(salt),
  iterations,
  storedKey: encodeBase64(storedKey),
  serverKey: encodeBase64(serverKey),
});
