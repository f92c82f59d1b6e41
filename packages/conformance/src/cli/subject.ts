import type { Command } from 'commander';
import type { Manifest, Role } from '../driver/driver.ts';
import { ABILITIES, ROLES } from '../driver/driver-message.ts';
import { type DriverPlace, LineDriver } from '../driver/line-driver.ts';
import { DriverSite } from '../run/driver-site.ts';
import { endpointSite } from '../run/endpoint-site.ts';
import { inProcessSite } from '../run/in-process-site.ts';
import type { Site } from '../run/run-program.ts';
import type { Login } from '../users/user.ts';
import { loginOf, obstacleToLogin } from './endpoint-login.ts';
import { type Terminal, UsageError } from './say.ts';

export interface SubjectOptions {
  readonly cmd?: string;
  readonly connect?: string;
  readonly endpoint?: string;
  readonly user?: string;
  readonly passwordFile?: string;
  readonly reference?: boolean;
}

export interface Subject {
  readonly site: Site & { readonly manifest: Manifest };
  close(): Promise<void>;
  /** Kills what was started, without waiting for its end. */
  abandon(): void;
  /** The end of what a driver has said on its standard error, with all that it has started. */
  said?(): string;
}

const SAID_LINES = 10;

/** Shows what a driver said: where something is wrong it often says why. */
export function tellSaid(terminal: Terminal, said: string): void {
  if (said === '') return;
  const lines = said.split('\n').slice(-SAID_LINES);
  terminal.err(`the driver said on its standard error, in the end:\n${lines.map((line) => `  | ${line}\n`).join('')}`);
}

export function addSubjectOptions(command: Command): Command {
  return command
    .option(
      '--cmd <command>',
      'a driver of the implementation: a program that speaks lines of JSON on its standard input and output',
    )
    .option('--connect <address>', 'a driver that listens: host:port, or the path of a socket; for running it under a debugger')
    .option('--endpoint <address>', 'a NameServer or broker that runs already, host:port; what needs a driver is not run')
    .option('--user <name>', 'who the kit is at an endpoint that asks: an administrator')
    .option('--password-file <file>', 'its password; - for the standard input')
    .option('--reference', 'the engines of this repository, in this process and on virtual time');
}

export function roleOf(text: string): Role {
  if (ROLES.includes(text as Role)) return text as Role;
  throw new UsageError(`there is no role ${text}`, `one of: ${ROLES.join(', ')}`);
}

/** Starts or reaches what is to be tried. @throws UsageError, DriverError. */
export async function openSubject(role: Role, options: SubjectOptions): Promise<Subject> {
  const given = [options.cmd, options.connect, options.endpoint, options.reference].filter((one) => one !== undefined);
  if (given.length !== 1)
    throw new UsageError('say what is to be tried', 'give one of --cmd, --connect, --endpoint, --reference');
  const login = loginOf(options);
  if (options.reference === true) return referenceSubject(role);
  if (options.endpoint !== undefined) return endpointSubject(role, options.endpoint, login);
  const driver = await LineDriver.open(placeOf(options));
  if (!driver.manifest.roles.includes(role)) {
    await driver.close();
    throw new UsageError(
      `this driver has no ${role}`,
      `it names the roles ${driver.manifest.roles.join(', ')} in its answer to hello`,
    );
  }
  const site = new DriverSite({ role, driver });
  const close = async (): Promise<void> => {
    site.close();
    await driver.close();
  };
  return { site, close, abandon: () => driver.abandon(), said: () => driver.said };
}

function referenceSubject(role: Role): Subject {
  const manifest: Manifest = {
    name: 'qanat (in process)',
    version: '0.1.0',
    language: 'TypeScript',
    roles: [role],
    abilities: ABILITIES,
  };
  return { site: { ...inProcessSite({ role }), manifest }, close: async () => {}, abandon: () => {} };
}

async function endpointSubject(role: Role, address: string, login: Login | undefined): Promise<Subject> {
  if (role !== 'nameserver' && role !== 'broker')
    throw new UsageError(`a ${role} has no address`, 'producers, consumers and codecs are tried by a driver: --cmd');
  if (!/:\d+$/.test(address)) throw new UsageError(`${address} is no address`, 'it has a host and a port: 127.0.0.1:7600');
  const site = endpointSite(role, address, login);
  const obstacle = await obstacleToLogin(site);
  if (obstacle !== undefined) throw obstacle;
  return { site, close: () => site.cleanUp(), abandon: () => {} };
}

export function placeOf({ cmd, connect }: SubjectOptions): DriverPlace {
  if (cmd !== undefined) return { command: cmd };
  const match = /^(.*):(\d+)$/.exec(connect ?? '');
  return match === null ? { path: connect ?? '' } : { host: match[1] as string, port: Number(match[2]) };
}
