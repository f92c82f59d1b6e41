import { closeSync, fsyncSync, openSync, readFileSync, renameSync, rmSync, statSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { decodeBase64, principalOf, QanatError, type UserRecord, UserTable } from '@qanat/core';

/** A credentials file beyond it is another file. */
export const USERS_FILE_BYTES_MAX = 16 * 1024 * 1024;
/** Others of this machine may not read it. */
const PRIVATE_MODE = 0o600;
const OTHERS = 0o077;

/** What a credentials file holds. */
export interface UsersFile {
  readonly version: 1;
  /** Base64: makes the salts of names that do not exist. */
  readonly secret: string;
  readonly users: readonly UserRecord[];
}

const bad = (path: string, what: string, cause?: unknown): QanatError =>
  new QanatError('BAD_CONFIG', `${path}: ${what}`, {
    outcome: 'not-sent',
    ...(cause === undefined ? {} : { cause }),
    hint: 'qanat user add NAME --users FILE makes such a file',
  });

/** @throws QanatError BAD_CONFIG that says what is wrong, and never shows what is in it. */
export function readUsersFile(path: string): UsersFile {
  const text = readText(path);
  let file: UsersFile;
  try {
    file = JSON.parse(text) as UsersFile;
  } catch {
    throw bad(path, 'it is no JSON'); // the reason would show a piece of the text
  }
  if (typeof file !== 'object' || file === null || file.version !== 1) throw bad(path, 'it is no credentials file of version 1');
  if (typeof file.secret !== 'string' || decodeBase64(file.secret) === undefined) throw bad(path, 'its secret is no Base64');
  if (!Array.isArray(file.users)) throw bad(path, 'it has no list of users');
  const names = new Set<string>();
  for (const record of file.users) {
    const { name } = checked(path, record);
    if (names.has(name)) throw bad(path, `user "${name}" stands there twice`);
    names.add(name);
  }
  return file;
}

function checked(path: string, record: UserRecord): { readonly name: string } {
  try {
    return principalOf(record ?? {});
  } catch (error) {
    throw bad(path, (error as Error).message, error);
  }
}

function readText(path: string): string {
  try {
    const { size } = statSync(path);
    if (size > USERS_FILE_BYTES_MAX)
      throw bad(path, `${size} bytes are more than ${USERS_FILE_BYTES_MAX} (USERS_FILE_BYTES_MAX)`);
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (QanatError.is(error)) throw error;
    throw bad(path, `it cannot be read: ${(error as NodeJS.ErrnoException).code}`, error);
  }
}

/** Whom a server knows by this file. */
export const userTable = ({ secret, users }: UsersFile): UserTable =>
  new UserTable(users.map(principalOf), decodeBase64(secret) as Uint8Array);

/** Whether others on this machine may read the file: whoever can may try passwords on it. */
export const isOpenToOthers = (path: string): boolean => process.platform !== 'win32' && (statSync(path).mode & OTHERS) !== 0;

/**
 * Writes the file in the place of the one that is there, as a whole or not at all; only its owner may read it.
 * @throws QanatError BAD_CONFIG.
 */
export function writeUsersFile(path: string, file: UsersFile): void {
  const made = `${path}.${process.pid}.new`;
  try {
    const handle = openSync(made, 'wx', PRIVATE_MODE);
    try {
      writeSync(handle, `${JSON.stringify(file, null, 2)}\n`);
      fsyncSync(handle);
    } finally {
      closeSync(handle);
    }
    renameSync(made, path);
    syncDirectory(dirname(path));
  } catch (error) {
    rmSync(made, { force: true });
    throw bad(path, `it cannot be written: ${(error as NodeJS.ErrnoException).code}`, error);
  }
}

function syncDirectory(path: string): void {
  const handle = openSync(path, 'r');
  try {
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}
