import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import type { UserRecord } from '@qanat/core';
import type { UsersFile } from '@qanat/server';
import type { Command } from 'commander';
import { canAsk, confirm } from '../confirm.ts';
import { CliError, ExitCode, usageError } from '../errors.ts';
import { listOf, option, wholeNumber } from '../options.ts';
import type { Column } from '../output/table.ts';
import { askNewPassword, passwordFromFile } from '../password.ts';
import type { Session } from '../session.ts';
import { addExamples } from './examples.ts';

const SECRET_BYTES = 32;

interface FileFlags {
  readonly users: string;
}

interface PasswordFlags extends FileFlags {
  readonly passwordFile?: string;
  readonly generate?: boolean;
}

interface AddFlags extends PasswordFlags {
  readonly role: readonly string[];
  readonly allow?: readonly string[];
  readonly certificate?: boolean;
  readonly requestsPerSecond?: number;
  readonly bytesPerSecond?: number;
  readonly replace?: boolean;
}

const fileOption = (): ReturnType<typeof option> =>
  option('--users <file>', 'the credentials file', { env: 'QANAT_USERS', fallback: 'users.json' });

const collected = (text: string, before: readonly string[] = []): readonly string[] => [...before, text];

const freshFile = (): UsersFile => ({ version: 1, secret: randomBytes(SECRET_BYTES).toString('base64'), users: [] });

async function readFile(path: string, orFresh = false): Promise<UsersFile> {
  const { readUsersFile } = await import('@qanat/server');
  return orFresh && !existsSync(path) ? freshFile() : readUsersFile(path);
}

async function writeFile(path: string, file: UsersFile): Promise<void> {
  const { writeUsersFile } = await import('@qanat/server');
  writeUsersFile(path, file);
}

function userOf(path: string, { users }: UsersFile, name: string): UserRecord {
  const found = users.find((user) => user.name === name);
  if (found !== undefined) return found;
  throw new CliError(ExitCode.NOT_FOUND, `there is no user "${name}" in ${path}`, 'qanat user ls shows all');
}

/** @returns the password; and whether it was made up here, so that it has to be shown once. */
async function newPassword(session: Session, name: string, flags: PasswordFlags): Promise<{ password: string; shown: boolean }> {
  if (flags.passwordFile !== undefined && flags.generate === true)
    throw usageError('--password-file and --generate exclude each other');
  if (flags.passwordFile !== undefined) return { password: await passwordFromFile(session, flags.passwordFile), shown: false };
  if (flags.generate !== true) return { password: await askNewPassword(session, name), shown: false };
  const { generatedPassword } = await import('@qanat/server');
  return { password: generatedPassword(), shown: true };
}

/** Says what was done; a password that was made up is shown this once. */
function tell(session: Session, name: string, done: string, password: string | undefined): void {
  session.document({ user: name, done, ...(password === undefined ? {} : { password }) }, () =>
    password === undefined ? `${done} ${name}\n` : `${done} ${name}, password ${password} (it is shown once)\n`,
  );
}

async function add(session: Session, name: string, flags: AddFlags): Promise<void> {
  const { keysOfPassword } = await import('@qanat/server');
  const { principalOf } = await import('@qanat/core');
  const file = await readFile(flags.users, true);
  const known = file.users.some((user) => user.name === name);
  if (known && flags.replace !== true)
    throw usageError(
      `user "${name}" is in ${flags.users} already`,
      'qanat user passwd changes a password, --replace the whole user',
    );
  const plain: UserRecord = {
    name,
    roles: flags.role,
    ...(flags.allow === undefined ? {} : { permissions: flags.allow }),
    ...(flags.certificate === true ? { certificate: true } : {}),
    ...(flags.requestsPerSecond === undefined ? {} : { requestsPerSecond: flags.requestsPerSecond }),
    ...(flags.bytesPerSecond === undefined ? {} : { bytesPerSecond: flags.bytesPerSecond }),
  };
  principalOf(plain); // before anybody is asked for a password
  const wantsPassword = flags.certificate !== true || flags.passwordFile !== undefined || flags.generate === true;
  const { password, shown } = wantsPassword ? await newPassword(session, name, flags) : { password: undefined, shown: false };
  const record = password === undefined ? plain : { ...plain, scram: await keysOfPassword(password) };
  await writeFile(flags.users, { ...file, users: [...file.users.filter((user) => user.name !== name), record] });
  tell(session, name, known ? 'replaced' : 'added', shown ? password : undefined);
}

async function changePassword(session: Session, name: string, flags: PasswordFlags): Promise<void> {
  const { keysOfPassword } = await import('@qanat/server');
  const file = await readFile(flags.users);
  const user = userOf(flags.users, file, name);
  const { password, shown } = await newPassword(session, name, flags);
  const changed = { ...user, scram: await keysOfPassword(password) };
  await writeFile(flags.users, { ...file, users: file.users.map((one) => (one === user ? changed : one)) });
  tell(session, name, 'changed the password of', shown ? password : undefined);
}

async function remove(session: Session, name: string, flags: FileFlags & { readonly yes?: boolean }): Promise<void> {
  const file = await readFile(flags.users);
  const user = userOf(flags.users, file, name);
  if (flags.yes !== true && !(canAsk(session) && (await confirm(session, `Remove user ${name}? Its connections end.`))))
    throw usageError('nothing was removed', 'say --yes');
  await writeFile(flags.users, { ...file, users: file.users.filter((one) => one !== user) });
  tell(session, name, 'removed', undefined);
}

const rateText = ({ requestsPerSecond, bytesPerSecond }: UserRecord): string | undefined =>
  [
    ...(requestsPerSecond === undefined ? [] : [`${requestsPerSecond} requests/s`]),
    ...(bytesPerSecond === undefined ? [] : [`${bytesPerSecond} B/s`]),
  ].join(', ') || undefined;

const comesBy = ({ scram, certificate }: UserRecord): string =>
  [...(scram === undefined ? [] : ['password']), ...(certificate === true ? ['certificate'] : [])].join(', ');

const COLUMNS: readonly Column<UserRecord>[] = [
  { title: 'user', cell: (user) => user.name },
  { title: 'roles', cell: (user) => user.roles.join(', ') },
  { title: 'by', cell: comesBy },
  { title: 'may', cell: (user) => user.permissions?.join('; ') },
  { title: 'limits', cell: rateText },
];

/** Nothing that proves a password leaves the file. */
const withoutKeys = ({ scram, ...rest }: UserRecord): unknown => ({ ...rest, password: scram !== undefined });

function addUserAdd(noun: Command, session: Session): void {
  const command = noun
    .command('add <name>')
    .description('add a user; the servers that read the file know him within a second')
    .addOption(fileOption())
    .addOption(option('--role <roles>', 'client, broker, replica, admin', { parse: listOf, fallback: ['client'] }))
    .addOption(
      option('--allow <permission>', 'what a client may do, again and again: "read,write topic:orders.*"', { parse: collected }),
    )
    .addOption(option('--certificate', 'he comes with a client certificate of his name'))
    .addOption(option('--password-file <file>', 'its first line is the password; - is standard input'))
    .addOption(option('--generate', 'make a password up, and show it once'))
    .addOption(option('--requests-per-second <n>', 'over all connections to one server', { parse: wholeNumber(1) }))
    .addOption(option('--bytes-per-second <n>', 'both ways together', { parse: wholeNumber(1) }))
    .addOption(option('--replace', 'replace the user if there is one of this name'))
    .action((name: string, flags: AddFlags) => add(session, name, flags));
  addExamples(
    command,
    [
      ['qanat user add root --role admin --generate', ''],
      ['qanat user add shop --allow "write topic:orders" --allow "create topic:orders"', 'asks for a password'],
      ['qanat user add billing --allow "read topic:orders" --allow "read group:billing"', ''],
      ['qanat user add broker-a --role broker --generate', 'a broker says who it is to its NameServers'],
      ['qanat user add broker-a --role broker --certificate', 'the same by a certificate (qanat tls client broker-a)'],
    ],
    'A permission is ACTIONS KIND:NAME. Actions: read, write, create, describe, all. Kinds: topic, group, cluster, and mqtt at a bridge, with a filter of MQTT as its name (%u the user, %c the client id). Other names may end in *.',
  );
}

/** The credentials files of servers: who is known, and what he may do. */
export function addUserCommands(program: Command, session: Session): void {
  const noun = program.command('user').description('the credentials file: who may connect, and what he may do');
  addUserAdd(noun, session);
  const ls = noun
    .command('ls')
    .alias('list')
    .description('list the users; passwords are not in the file')
    .addOption(fileOption())
    .action(async ({ users }: FileFlags) => {
      const file = await readFile(users);
      session.rows(file.users, COLUMNS, `no users in ${users}: qanat user add NAME`, withoutKeys);
    });
  addExamples(ls, [['qanat user ls --users /etc/qanat/users.json', '']]);
  const rm = noun
    .command('rm <name>')
    .description('remove a user; its connections end within a second')
    .addOption(fileOption())
    .option('-y, --yes', 'do not ask')
    .action((name: string, flags: FileFlags & { yes?: boolean }) => remove(session, name, flags));
  addExamples(rm, [['qanat user rm shop --yes', '']]);
  const passwd = noun
    .command('passwd <name>')
    .description('change a password; connections that used the old one end within a second')
    .addOption(fileOption())
    .addOption(option('--password-file <file>', 'its first line is the password; - is standard input'))
    .addOption(option('--generate', 'make a password up, and show it once'))
    .action((name: string, flags: PasswordFlags) => changePassword(session, name, flags));
  addExamples(passwd, [
    ['qanat user passwd shop', 'asks for the new one, twice'],
    ['qanat user passwd shop --password-file /run/secrets/shop', ''],
  ]);
}
