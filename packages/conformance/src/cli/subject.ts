import type { Command } from 'commander';
import { type Manifest, type Role, transportsOf } from '../driver/driver.ts';
import { ABILITIES, ROLES, TRANSPORTS } from '../driver/driver-message.ts';
import { type DriverPlace, LineDriver } from '../driver/line-driver.ts';
import { BINDING_NAMES, SCHEMES, type SocketBinding } from '../ground/ground.ts';
import { groundOver } from '../ground/ground-over.ts';
import { DriverSite } from '../run/driver-site.ts';
import { type EndpointOptions, endpointSite } from '../run/endpoint-site.ts';
import { inProcessSite } from '../run/in-process-site.ts';
import type { Site } from '../run/run-program.ts';
import { loginOf, obstacleToLogin } from './endpoint-login.ts';
import { type Terminal, UsageError } from './say.ts';

export interface SubjectOptions {
  readonly cmd?: string;
  readonly connect?: string;
  readonly endpoint?: string;
  readonly user?: string;
  readonly passwordFile?: string;
  readonly reference?: boolean;
  readonly transport?: string;
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
    .option(
      '--endpoint <address>',
      'a server that runs already, host:port or ws://host:port, of a bridge mqtt://host:port; what needs a driver is not run',
    )
    .option('--user <name>', 'who the kit is at an endpoint that asks: an administrator')
    .option('--password-file <file>', 'its password; - for the standard input')
    .option('--reference', 'the engines of this repository, in this process and on virtual time')
    .option(
      '--transport <name>',
      `what it is reached over, or reaches servers over: ${TRANSPORTS.join(', ')}; default: the first one of the driver, or as the endpoint says`,
    );
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
  const binding = bindingOf(options.transport);
  const login = loginOf(options);
  if (options.reference === true) return referenceSubject(role, binding);
  if (options.endpoint !== undefined) return endpointSubject(role, options.endpoint, { binding, login });
  const driver = await LineDriver.open(placeOf(options));
  const over = binding ?? transportsOf(driver.manifest)[0] ?? 'tcp';
  const lack = lackOf(driver.manifest, role, over);
  if (lack !== undefined) {
    await driver.close();
    throw lack;
  }
  const site = new DriverSite({ role, driver, binding: over });
  const close = async (): Promise<void> => {
    site.close();
    await driver.close();
  };
  return { site, close, abandon: () => driver.abandon(), said: () => driver.said };
}

function bindingOf(name: string | undefined): SocketBinding | undefined {
  if (name === undefined || TRANSPORTS.includes(name as SocketBinding)) return name as SocketBinding | undefined;
  throw new UsageError(`there is no transport ${name}`, `one of: ${TRANSPORTS.join(', ')}`);
}

/** What a driver does not name of what is asked for. */
function lackOf(manifest: Manifest, role: Role, binding: SocketBinding): UsageError | undefined {
  const { roles } = manifest;
  const transports = transportsOf(manifest);
  const named = (what: string, names: readonly string[]): string =>
    `it names the ${what} ${names.join(', ')} in its answer to hello`;
  if (!roles.includes(role)) return new UsageError(`this driver has no ${role}`, named('roles', roles));
  if (transports.includes(binding)) return undefined;
  return new UsageError(`this driver has no ${BINDING_NAMES[binding]}`, named('transports', transports));
}

function referenceSubject(role: Role, binding: SocketBinding | undefined): Subject {
  if (role === 'bridge') throw new UsageError('a bridge does not run in this process', 'give --cmd or --endpoint');
  const manifest: Manifest = {
    name: 'qanat (in process)',
    version: '0.1.0',
    language: 'TypeScript',
    roles: [role],
    abilities: ABILITIES,
    transports: TRANSPORTS,
  };
  const ground = binding === undefined ? {} : { ground: () => groundOver(binding) };
  return { site: { ...inProcessSite({ role, ...ground }), manifest }, close: async () => {}, abandon: () => {} };
}

async function endpointSubject(role: Role, endpoint: string, options: EndpointOptions): Promise<Subject> {
  if (role === 'bridge') return bridgeSubject(endpoint);
  if (role !== 'nameserver' && role !== 'broker')
    throw new UsageError(`a ${role} has no address`, 'producers, consumers and codecs are tried by a driver: --cmd');
  const { address, binding } = placeOfEndpoint(endpoint, options.binding);
  const site = endpointSite(role, address, { ...options, binding });
  const obstacle = await obstacleToLogin(site);
  if (obstacle !== undefined) throw obstacle;
  return { site, close: () => site.cleanUp(), abandon: () => {} };
}

/** A bridge, or any other server of MQTT. @throws UsageError. */
function bridgeSubject(endpoint: string): Subject {
  const [, address] = /^(?:mqtt:\/\/)?([^/]+:\d+)\/?$/.exec(endpoint) ?? [];
  if (address === undefined)
    throw new UsageError(`${endpoint} is no address of a server of MQTT`, 'it has a host and a port: mqtt://127.0.0.1:1883');
  return { site: endpointSite('bridge', address), close: async () => {}, abandon: () => {} };
}

/** Where a server by its address is. @throws UsageError. */
export function placeOfEndpoint(
  endpoint: string,
  transport: SocketBinding | undefined,
): { readonly address: string; readonly binding: SocketBinding } {
  const [, scheme, address] = /^(?:([a-z]+):\/\/)?([^/]+:\d+)\/?$/.exec(endpoint) ?? [];
  if (address === undefined)
    throw new UsageError(`${endpoint} is no address`, 'it has a host and a port: 127.0.0.1:7600, ws://127.0.0.1:7680');
  const said = TRANSPORTS.find((one) => SCHEMES[one] === scheme);
  if (scheme !== undefined && said === undefined)
    throw new UsageError(`${endpoint} is not spoken by this kit`, 'it speaks qanat:// and ws://, both without TLS');
  if (said !== undefined && transport !== undefined && said !== transport)
    throw new UsageError(`${endpoint} is no address for --transport ${transport}`, 'leave --transport out: the address says it');
  return { address, binding: said ?? transport ?? 'tcp' };
}

export function placeOf({ cmd, connect }: SubjectOptions): DriverPlace {
  if (cmd !== undefined) return { command: cmd };
  const match = /^(.*):(\d+)$/.exec(connect ?? '');
  return match === null ? { path: connect ?? '' } : { host: match[1] as string, port: Number(match[2]) };
}
