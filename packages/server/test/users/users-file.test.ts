import { chmodSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ScramClient, ScramServer, type UserRecord, type UserTable } from '@qanat/core';
import { deriveKey, drawNonce } from '@qanat/transports/node';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { keysOfPassword } from '../../src/users/password.ts';
import { readUsersFile, USERS_FILE_BYTES_MAX, type UsersFile, userTable, writeUsersFile } from '../../src/users/users-file.ts';
import { WatchedUsers } from '../../src/users/users-watch.ts';

let folder: string;
let path: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'qanat-users-'));
  path = join(folder, 'users.json');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const file = (...users: readonly UserRecord[]): UsersFile => ({ version: 1, secret: 'AAAA', users });
const ann: UserRecord = { name: 'ann', roles: ['client'], permissions: ['read topic:t'] };

describe('a credentials file', () => {
  it('is written as a whole, for its owner only, and read again', () => {
    writeUsersFile(path, file(ann));
    expect(readUsersFile(path)).toEqual(file(ann));
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(readdirSync(folder)).toEqual(['users.json']);
  });

  it('holds nothing that one can log in with, and lets the right password in [QNT-AUT-013]', async () => {
    const password = 'correct horse battery staple';
    writeUsersFile(path, file({ ...ann, scram: await keysOfPassword(password) }));
    expect(readFileSync(path, 'utf8')).not.toContain(password);
    const server = new ScramServer({ users: userTable(readUsersFile(path)), nonce: drawNonce });
    const client = new ScramClient('ann', password, drawNonce());
    const text = (bytes: Uint8Array | undefined): string => Buffer.from(bytes ?? []).toString();
    const request = client.serverFirst(text(server.step(text(client.first()))?.data));
    const key = await new Promise<Uint8Array | undefined>((resolve) => deriveKey(request, (_, derived) => resolve(derived)));
    expect(server.step(text(client.final(key as Uint8Array)))?.user).toBe('ann');
  });

  it.each([
    ['no JSON', '{"version":1,"users":[{"name":"ann","scram":{"storedKey":"hidden'],
    ['another version', '{"version":2}'],
    ['no list of users', '{"version":1,"secret":"AAAA"}'],
    ['the same name twice', JSON.stringify(file(ann, ann))],
    ['a user without roles', JSON.stringify(file({ ...ann, roles: [] }))],
    ['a field for a password', JSON.stringify(file({ ...ann, password: 'hidden' } as UserRecord))],
    ['a list of nothing', '{"version":1,"secret":"AAAA","users":[null]}'],
    [
      'keys that are none',
      JSON.stringify(file({ ...ann, scram: { salt: 'hidden', iterations: 1, storedKey: '', serverKey: '' } })),
    ],
  ])('with %s is refused by its name, and nothing of it is shown', (_, text) => {
    writeFileSync(path, text);
    expect(() => readUsersFile(path)).toThrow(
      expect.objectContaining({ code: 'BAD_CONFIG', message: expect.stringContaining(path) }),
    );
    expect(() => readUsersFile(path)).not.toThrow(/hidden/);
  });

  it('that is not there says how one is made', () => {
    expect(() => readUsersFile(path)).toThrow(expect.objectContaining({ hint: expect.stringContaining('qanat user add') }));
  });

  it('USERS_FILE_BYTES_MAX: a longer one is another file', () => {
    writeFileSync(path, ' '.repeat(USERS_FILE_BYTES_MAX + 1));
    expect(() => readUsersFile(path)).toThrow(/USERS_FILE_BYTES_MAX/);
  });
});

describe('the users of a server', () => {
  /** Watches, and waits for what comes. */
  function watched(): {
    readonly close: () => void;
    readonly next: () => Promise<UserTable>;
    readonly lines: string[];
    said(event: string): Promise<void>;
  } {
    const tables: UserTable[] = [];
    const lines: string[] = [];
    let wake: () => void = () => {};
    const until = async (ready: () => boolean): Promise<void> => {
      while (!ready()) await new Promise<void>((resolve) => (wake = resolve));
    };
    const users = new WatchedUsers(path, (level, event) => {
      lines.push(`${level} ${event}`);
      wake();
    });
    users.follow((table) => {
      tables.push(table);
      wake();
    });
    return {
      close: () => users.close(),
      lines,
      next: () => until(() => tables.length > 0).then(() => tables.shift() as UserTable),
      said: (event) => until(() => lines.some((line) => line.includes(event))),
    };
  }

  it('follow the file; a broken one, or none, changes nothing and is told [QNT-AUT-015]', async () => {
    writeUsersFile(path, file(ann));
    const users = watched();
    try {
      writeUsersFile(path, file(ann, { ...ann, name: 'bob' }));
      expect((await users.next()).size).toBe(2);
      writeFileSync(path, 'half a fi');
      await users.said('users not changed');
      renameSync(path, `${path}.old`);
      writeUsersFile(path, file());
      expect((await users.next()).size).toBe(0);
    } finally {
      users.close();
    }
  });

  it('are told of when others of the machine may read the file', () => {
    writeUsersFile(path, file(ann));
    chmodSync(path, 0o644);
    const users = watched();
    users.close();
    expect(users.lines).toEqual(['warn credentials file is open to others']);
  });
});
