import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { type BuildOptions, build } from 'esbuild';

const ROOT = resolve(import.meta.dirname, '../../..');
/** Inside of the repository, so that what is not bundled is found. */
const BUNDLES = join(ROOT, 'node_modules/.cache/browser-example');

const FROM_SOURCES: BuildOptions = {
  bundle: true,
  format: 'esm',
  conditions: ['@qanat/source'],
  logLevel: 'error',
};

/** The command and the client for browsers from their sources, so that a run is of the sources as they are. */
export async function bundle(): Promise<{ readonly command: string; readonly client: string }> {
  const command = join(BUNDLES, 'dist/qanat.mjs');
  const client = join(BUNDLES, 'client');
  const external = ['commander', 'prom-client', 'selfsigned', 'ws', 'yaml'];
  const contents = "import { main } from '@qanat/cli'; await main();";
  const stdin = { contents, resolveDir: join(ROOT, 'packages/cli') };
  await build({ ...FROM_SOURCES, stdin, platform: 'node', target: 'node20', external, outfile: command });
  await build({
    ...FROM_SOURCES,
    entryPoints: [join(ROOT, 'packages/client/src/browser.ts')],
    platform: 'browser',
    splitting: true,
    outdir: client,
  });
  // The command tells its version.
  copyFileSync(join(ROOT, 'packages/cli/package.json'), join(BUNDLES, 'package.json'));
  return { command, client };
}

/** A process that has said on its first line that it is ready. */
interface Started {
  readonly child: ChildProcess;
  readonly line: string;
  /** What it was started as, without its addresses. */
  readonly role: readonly string[];
}

async function start(args: readonly string[]): Promise<Started> {
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const { value, done } = await lines.next();
  if (done === true) throw new Error(`${args.join(' ')} ended before it was ready`);
  return { child, line: value, role: [] };
}

async function end({ child }: Started, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exit = once(child, 'exit');
  child.kill(signal);
  await exit;
}

/** Runs a command to its end. */
async function run(args: readonly string[]): Promise<void> {
  const [code] = await once(spawn(process.execPath, args, { stdio: ['ignore', 'ignore', 'inherit'] }), 'exit');
  if (code !== 0) throw new Error(`${args.join(' ')} ended with ${code}`);
}

interface Ready {
  readonly endpoints: readonly { readonly scheme: string; readonly address: string }[];
}

const addressOf = ({ line }: Started, scheme: string): string => {
  const endpoint = (JSON.parse(line) as Ready).endpoints.find((one) => one.scheme === scheme);
  return `${scheme}://${endpoint?.address}`;
};

const FREE_PORTS = '127.0.0.1:0,ws://127.0.0.1:0';
/** Who may come in at the cluster that asks, and what they may do. Passwords are names behind `the password of `. */
const USERS: Readonly<Record<string, readonly string[]>> = {
  'secured-broker': ['--role', 'broker'],
  ann: ['--allow', 'all topic:*', '--allow', 'all group:*'],
};

export const passwordOf = (user: string): string => `the password of ${user}`;

/**
 * One NameServer and two brokers, each with a listener for programs and one for browsers, and the page that talks to them. Beside
 * them, where it is asked for, a NameServer and a broker that ask who clients are.
 */
export class Processes {
  readonly #folder = mkdtempSync(join(tmpdir(), 'qanat-browser-'));
  readonly #started = new Map<string, Started>();
  #command = '';

  async start(): Promise<void> {
    const { command, client } = await bundle();
    this.#command = command;
    this.#started.set('page', await start([join(ROOT, 'examples/browser/main.mjs'), '--client', client]));
    await this.#serve('nameserver', FREE_PORTS, ['nameserver']);
    for (const name of ['broker-a', 'broker-b']) await this.#serve(name, FREE_PORTS, this.#broker(name, 'nameserver'));
  }

  async startSecured(): Promise<void> {
    const users = ['--users', join(this.#folder, 'users.json')];
    for (const [name, rights] of Object.entries(USERS)) {
      writeFileSync(this.#passwordFile(name), passwordOf(name));
      await run([this.#command, 'user', 'add', name, ...users, ...rights, '--password-file', this.#passwordFile(name)]);
    }
    await this.#serve('secured-nameserver', FREE_PORTS, ['nameserver', ...users]);
    const login = ['--user', 'secured-broker', '--password-from', this.#passwordFile('secured-broker')];
    const broker = this.#broker('secured-broker', 'secured-nameserver');
    await this.#serve('secured-broker', FREE_PORTS, [...broker, ...users, ...login]);
  }

  /** The page, told of a NameServer. */
  pageUrl(fields: Readonly<Record<string, string>>, nameServer = 'nameserver'): string {
    const query = new URLSearchParams({ servers: addressOf(this.#get(nameServer), 'ws'), ...fields });
    return `${this.#get('page').line}/?${query}`;
  }

  /** For clients outside of the browser. */
  get nameServer(): string {
    return addressOf(this.#get('nameserver'), 'qanat');
  }

  /** Ends a server, and starts it again where it was, on its data. */
  async restart(name: string, signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
    const before = this.#get(name);
    await end(before, signal);
    await this.#serve(name, ['qanat', 'ws'].map((scheme) => addressOf(before, scheme)).join(','), before.role);
  }

  async stop(): Promise<void> {
    await Promise.all([...this.#started.values()].map((one) => end(one, 'SIGKILL')));
    rmSync(this.#folder, { recursive: true, force: true });
  }

  async #serve(name: string, listen: string, role: readonly string[]): Promise<void> {
    const origin = this.#get('page').line;
    const args = [this.#command, ...role, '--listen', listen, '--ws-origin', origin, '--json', '--log-level', 'error'];
    this.#started.set(name, { ...(await start(args)), role });
  }

  #broker(name: string, nameServer: string): readonly string[] {
    const address = addressOf(this.#get(nameServer), 'qanat');
    return ['broker', '--name', name, '--data', join(this.#folder, name), '--nameserver', address, '--create-topics'];
  }

  #passwordFile(name: string): string {
    return join(this.#folder, `${name}.pw`);
  }

  #get(name: string): Started {
    const started = this.#started.get(name);
    if (started === undefined) throw new Error(`${name} was not started`);
    return started;
  }
}
