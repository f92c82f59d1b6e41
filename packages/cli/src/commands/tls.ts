import { isIP } from 'node:net';
import { hostname, networkInterfaces } from 'node:os';
import { join } from 'node:path';
import type { Command } from 'commander';
import type { CertificateFiles, CertificateFolder } from '../certificate-folder.ts';
import { usageError } from '../errors.ts';
import { listOf, option, wholeNumber } from '../options.ts';
import type { Session } from '../session.ts';
import { addExamples } from './examples.ts';

const FOLDER = 'tls';
const DAYS = 365;
const DAYS_MAX = 3_650;
const HOST_NAME = /^(?:\*\.)?[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?(?:\.[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?)*$/i;
/** A name of a client is one of a file too. */
const CLIENT_NAME = /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}$/;

interface TlsFlags {
  readonly dir: string;
  readonly host?: readonly string[];
  readonly client?: readonly string[];
  readonly days: number;
  readonly force?: boolean;
  readonly json?: boolean;
}

/** Names and addresses under which this machine is reached, itself first. */
function ownHosts(): readonly string[] {
  const addresses = Object.values(networkInterfaces())
    .flatMap((list) => list ?? [])
    .filter(({ internal, scopeid }) => !internal && !scopeid)
    .map(({ address }) => address);
  return ['localhost', '127.0.0.1', '::1', hostname(), ...addresses].filter((host) => isIP(host) > 0 || HOST_NAME.test(host));
}

function hostsOf({ host = [] }: TlsFlags): readonly string[] {
  const wrong = host.find((one) => isIP(one) === 0 && !HOST_NAME.test(one));
  if (wrong !== undefined)
    throw usageError(`"${wrong}" is no host name and no address`, 'write --host broker-1.example,10.0.0.7');
  return [...new Set([...ownHosts(), ...host])];
}

function checkClients(names: readonly string[]): void {
  const wrong = names.find((name) => !CLIENT_NAME.test(name) || name.endsWith('-key'));
  if (wrong === undefined) return;
  throw usageError(`"${wrong}" is no name of a client`, 'up to 64 letters, digits, "_", "." and "-", and no "-key" at the end');
}

async function openFolder({ dir, force }: TlsFlags): Promise<CertificateFolder> {
  const { CertificateFolder } = await import('../certificate-folder.ts');
  return new CertificateFolder(dir, force ?? false);
}

/** What each file is for. */
function describeFiles({ what, name, cert, key, until, hosts, made }: CertificateFiles): string {
  const purpose = {
    ca: 'the CA: a copy for every server and client (--tls-ca)',
    server: `of the servers (--tls-cert), for ${hosts.join(', ')}`,
    client: `of the client ${name} (--tls-cert)`,
  }[what];
  const secret = what === 'ca' ? 'its key: signs certificates; no server and no client needs it' : 'its key (--tls-key)';
  const day = until.slice(0, 10);
  return [`${made ? 'made' : 'kept'}  ${cert}  ${purpose}, until ${day}`, `${made ? 'made' : 'kept'}  ${key}  ${secret}`].join(
    '\n',
  );
}

/** The commands that use what was made. */
function nextSteps(dir: string, files: readonly CertificateFiles[]): readonly string[] {
  const client = files.find(({ what }) => what === 'client');
  const shown = client === undefined ? '' : ` --tls-cert ${client.cert} --tls-key ${client.key}`;
  const ca = `--tls-ca ${join(dir, 'ca.pem')}`;
  const server = `${ca} --tls-cert ${join(dir, 'server.pem')} --tls-key ${join(dir, 'server-key.pem')}`;
  return [
    `qanat nameserver --listen qanats://127.0.0.1:7600 ${server}`,
    `qanat broker --listen qanats://127.0.0.1:7610 --nameserver qanats://127.0.0.1:7600 ${server}`,
    `qanat topic ls --nameserver qanats://127.0.0.1:7600 ${ca}${shown}`,
  ];
}

function tell(session: Session, { dir, json }: TlsFlags, files: readonly CertificateFiles[]): void {
  if (json === true) session.settings = { ...session.settings, output: 'json' };
  const kept = files.filter(({ made }) => !made);
  const note = kept.length === 0 ? [] : ['', '--force replaces what was kept; servers use new files within seconds.'];
  session.document({ dir, files }, () =>
    [...files.map(describeFiles), ...note, '', 'next:', ...nextSteps(dir, files).map((line) => `  ${line}`), ''].join('\n'),
  );
}

async function init(session: Session, flags: TlsFlags): Promise<void> {
  const clients = flags.client ?? [];
  checkClients(clients);
  const hosts = hostsOf(flags);
  const folder = await openFolder(flags);
  const files = [await folder.ca(), await folder.server(hosts, flags.days)];
  for (const name of clients) files.push(await folder.client(name, flags.days));
  tell(session, flags, files);
}

async function renewServer(session: Session, flags: TlsFlags): Promise<void> {
  const hosts = hostsOf(flags);
  tell(session, flags, [await (await openFolder(flags)).server(hosts, flags.days)]);
}

async function makeClients(session: Session, names: readonly string[], flags: TlsFlags): Promise<void> {
  checkClients(names);
  const folder = await openFolder(flags);
  const files: CertificateFiles[] = [];
  for (const name of names) files.push(await folder.client(name, flags.days));
  tell(session, flags, files);
}

function addCommonOptions(command: Command, force: string): Command {
  return command
    .addOption(option('--dir <dir>', 'where the files are', { env: 'QANAT_TLS_DIR', fallback: FOLDER }))
    .addOption(option('--days <n>', 'how long certificates hold', { parse: wholeNumber(1, DAYS_MAX), fallback: DAYS }))
    .option('--force', force)
    .option('--json', 'the same as -o json');
}

const hostOption = (): ReturnType<typeof option> =>
  option('--host <names>', 'names and addresses of servers, beside those of this machine: a.example,10.0.0.7', { parse: listOf });

export function addTlsCommands(program: Command, session: Session): void {
  const noun = program.command('tls').description('make certificates for TLS: a CA of your own, servers, clients');
  const first = noun
    .command('init')
    .description('make a CA and a certificate for the servers, and what is missing where a CA is there already')
    .addOption(hostOption())
    .addOption(option('--client <names>', 'make certificates for these clients too, a,b', { parse: listOf }))
    .action((flags: TlsFlags) => init(session, flags));
  addCommonOptions(first, 'make everything anew, the CA too: older certificates are of no use any more');
  addExamples(first, [
    ['qanat tls init', 'for this machine, in the folder tls'],
    ['qanat tls init --host broker-1.example,10.0.0.7 --client alice', 'for servers on other machines, and for alice'],
  ]);
  const server = noun
    .command('server')
    .description('make a certificate for the servers')
    .addOption(hostOption())
    .action((flags: TlsFlags) => renewServer(session, flags));
  addCommonOptions(server, 'replace the one that is there');
  addExamples(server, [['qanat tls server --force --host broker-1.example', 'renews it; the CA stays']]);
  const client = noun
    .command('client <names...>')
    .description('make certificates for clients')
    .action((names: string[], flags: TlsFlags) => makeClients(session, names, flags));
  addCommonOptions(client, 'replace those that are there');
  addExamples(client, [['qanat tls client alice bob', 'their names are what servers know them by']]);
}
