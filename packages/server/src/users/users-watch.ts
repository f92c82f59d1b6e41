import { randomBytes } from 'node:crypto';
import { unwatchFile, watchFile } from 'node:fs';
import type { QanatError, ServerSecurity, UserTable } from '@qanat/core';
import type { Logger } from '../logger.ts';
import { isOpenToOthers, readUsersFile, userTable } from './users-file.ts';

/** How often a credentials file is looked at. A change of it ends connections within a second (QNT-AUT-015). */
const LOOK_MS = 500;
const NONCE_BYTES = 18;

/** A nonce of SCRAM: Base64 has no comma. */
export const drawNonce = (): string => randomBytes(NONCE_BYTES).toString('base64');

/** The users of a server, by its credentials file. */
export interface WatchedUsers {
  readonly security: ServerSecurity;
  close(): void;
}

/**
 * Reads a credentials file and follows its changes. A file that is broken or gone changes nothing: the users stay, and the
 * operator is told.
 * @param onChange hears every new table.
 * @throws QanatError BAD_CONFIG when it cannot be read at first.
 */
export function watchUsers(path: string, log: Logger, onChange: (users: UserTable) => void): WatchedUsers {
  const users = userTable(readUsersFile(path));
  if (isOpenToOthers(path)) log('warn', 'credentials file is open to others', { file: path, hint: `chmod 600 ${path}` });
  const look = (): void => {
    try {
      const next = userTable(readUsersFile(path));
      log('info', 'users changed', { file: path, users: next.size });
      onChange(next);
    } catch (error) {
      log('error', 'users not changed', { file: path, why: (error as QanatError).message });
    }
  };
  watchFile(path, { interval: LOOK_MS, persistent: false }, look);
  return { security: { users, nonce: drawNonce }, close: () => unwatchFile(path, look) };
}
