import { statSync } from 'node:fs';
import type { QanatError, ServerSecurity, UserTable } from '@qanat/core';
import { drawNonce } from '@qanat/transports/node';
import type { Logger } from '../logger.ts';
import { isOpenToOthers, readUsersFile, userTable } from './users-file.ts';

/** How often a credentials file is looked at. A change of it ends connections within a second (QNT-AUT-015). */
const LOOK_MS = 500;

/** Another one for another file: a new one, or another time or length. */
function stampOf(path: string): string {
  const { ino, mtimeMs, size } = statSync(path, { throwIfNoEntry: false }) ?? { ino: 0, mtimeMs: 0, size: 0 };
  return `${ino} ${mtimeMs} ${size}`;
}

/**
 * The users of a server, by its credentials file. A file that is broken or gone changes nothing: the users stay, and the operator
 * is told.
 */
export class WatchedUsers {
  /** As they are at the start. */
  readonly security: ServerSecurity;
  readonly #path: string;
  readonly #log: Logger;
  /** Of the file as it was read last. */
  #stamp: string;
  #onChange: ((users: UserTable) => void) | undefined;
  #timer: NodeJS.Timeout | undefined;

  /** @throws QanatError BAD_CONFIG when the file cannot be read. */
  constructor(path: string, log: Logger) {
    this.#path = path;
    this.#log = log;
    this.#stamp = stampOf(path); // before it is read: a change meanwhile is not missed
    this.security = { users: userTable(readUsersFile(path)), nonce: drawNonce };
    if (isOpenToOthers(path)) log('warn', 'credentials file is open to others', { file: path, hint: `chmod 600 ${path}` });
  }

  /** @param onChange hears every new table from now on. */
  follow(onChange: (users: UserTable) => void): void {
    this.#onChange = onChange;
    this.#timer = setInterval(() => {
      if (stampOf(this.#path) !== this.#stamp) this.reload();
    }, LOOK_MS).unref();
  }

  close(): void {
    clearInterval(this.#timer);
  }

  /** Reads the file now. */
  reload(): void {
    this.#stamp = stampOf(this.#path);
    try {
      const users = userTable(readUsersFile(this.#path));
      this.#log('info', 'users changed', { file: this.#path, users: users.size });
      this.#onChange?.(users);
    } catch (error) {
      this.#log('error', 'users not changed', { file: this.#path, why: (error as QanatError).message });
    }
  }
}
