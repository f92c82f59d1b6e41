import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { run } from '../src/index.ts';
import { FakeIo, type Finished, qanat } from './fake-io.ts';

let folder: string;
let users: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'qanat-user-'));
  users = join(folder, 'users.json');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

interface Stored {
  readonly name: string;
  readonly scram?: { readonly storedKey: string };
}

const stored = (): readonly Stored[] => (JSON.parse(readFileSync(users, 'utf8')) as { users: Stored[] }).users;
const user = (words: readonly string[], stdin?: string): Promise<Finished> =>
  qanat(['user', ...words], { env: { QANAT_USERS: users }, ...(stdin === undefined ? {} : { stdin }) });

describe('qanat user', () => {
  it('adds a user with the password of a file, and shows no secret of him', async () => {
    const file = join(folder, 'password');
    writeFileSync(file, 'correct horse\nsecond line\n');
    const added = await user([
      'add',
      'shop',
      '--allow',
      'write topic:orders',
      '--allow',
      'read group:g-*',
      '--password-file',
      file,
    ]);
    expect({ code: added.code, out: added.out }).toEqual({ code: 0, out: 'added shop\n' });
    const listed = await user(['ls', '-o', 'json']);
    expect(JSON.parse(listed.out)).toEqual([
      { name: 'shop', roles: ['client'], permissions: ['write topic:orders', 'read group:g-*'], password: true },
    ]);
    expect(listed.out + added.err).not.toContain(stored()[0]?.scram?.storedKey);
    expect((await user(['ls'])).out).toMatch(/shop +client +password +write topic:orders; read group:g-\*/);
  });

  it('makes a password up, and shows it once', async () => {
    const { out } = await user(['add', 'root', '--role', 'admin,client', '--generate']);
    expect(out).toMatch(/^added root, password [A-Za-z0-9]{24} \(it is shown once\)\n$/);
    const password = out.split(' ')[3] as string;
    expect(readFileSync(users, 'utf8')).not.toContain(password);
  });

  it('takes a password from standard input, and none for who comes with a certificate', async () => {
    expect((await user(['add', 'a', '--password-file', '-'], 'secret\n')).code).toBe(0);
    expect((await user(['add', 'b', '--certificate', '--role', 'broker'])).code).toBe(0);
    expect(stored().map(({ name, scram }) => [name, scram !== undefined])).toEqual([
      ['a', true],
      ['b', false],
    ]);
  });

  it('changes a password and nothing else', async () => {
    await user(['add', 'shop', '--allow', 'write topic:orders', '--generate']);
    const [before] = stored();
    expect((await user(['passwd', 'shop', '--generate'])).out).toMatch(/changed the password of shop, password /);
    const [after] = stored();
    expect(after?.scram?.storedKey).not.toBe(before?.scram?.storedKey);
    expect({ ...after, scram: undefined }).toEqual({ ...before, scram: undefined });
  });

  it('removes a user when it is sure', async () => {
    await user(['add', 'shop', '--generate']);
    const unsure = await user(['rm', 'shop']);
    expect(unsure).toMatchObject({ code: 2, err: expect.stringContaining('say --yes') });
    expect(stored()).toHaveLength(1);
    expect((await user(['rm', 'shop', '--yes'])).code).toBe(0);
    expect(stored()).toHaveLength(0);
    expect((await user(['ls'])).err).toContain('qanat user add NAME');
  });

  it('replaces a user only when it was told to', async () => {
    await user(['add', 'shop', '--generate']);
    expect(await user(['add', 'shop', '--generate'])).toMatchObject({ code: 2, err: expect.stringContaining('is in') });
    expect((await user(['add', 'shop', '--generate', '--replace', '--role', 'admin'])).out).toMatch(/^replaced shop/);
  });

  it.each([
    [['add', '../x', '--generate'], 'name'],
    [['add', 'x', '--role', 'king', '--generate'], '"king" is no role'],
    [['add', 'x', '--allow', 'own topic:x', '--generate'], 'is no permission'],
    [['add', 'x', '--generate', '--password-file', 'f'], 'exclude each other'],
    [['add', 'x'], 'there is no terminal to ask for a password'],
    [['add', 'x', '--password-file', '/nowhere/f'], 'cannot read the password'],
    [['passwd', 'nobody', '--generate'], 'cannot be read'],
    [['ls'], 'cannot be read'],
  ])('refuses %j, and writes nothing', async (words, why) => {
    const { code, err } = await user(words);
    expect(code).not.toBe(0);
    expect(err).toContain(why);
    expect(() => stored()).toThrow();
  });

  it('says that there is no such user', async () => {
    await user(['add', 'shop', '--generate']);
    expect(await user(['rm', 'store', '--yes'])).toMatchObject({ code: 3, err: expect.stringContaining('no user "store"') });
  });

  it('asks twice on a terminal, and shows nothing of what is typed', async () => {
    const io = new FakeIo({ terminal: true, env: { QANAT_USERS: users } });
    Object.assign(io.stdin, { isTTY: true });
    const ended = run(['user', 'add', 'shop'], io);
    await io.stderr.has('New password of shop: ');
    io.stdin.push('secret\r');
    await io.stderr.has('Once more: ');
    io.stdin.push('secret\r');
    expect(await ended).toBe(0);
    expect(io.stdout.text + io.stderr.text).not.toContain('secret');
    expect(stored()).toHaveLength(1);
  });
});
