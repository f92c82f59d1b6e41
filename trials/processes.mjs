// Processes of the command line. Whatever happens to the trial, none of them outlives it.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const QANAT = fileURLToPath(new URL('../packages/cli/bin/qanat.mjs', import.meta.url));
/** Below the ports that systems give to outgoing connections, so that nobody takes one while its server is down. */
const PORTS = { from: 17_000, to: 30_000 };

const alive = new Set();
const directories = new Set();

export const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** The directory is removed when the process ends, however it does. */
export function removeAtExit(directory) {
  directories.add(directory);
}

const lastSteps = new Set();

/** Runs when the process ends, however it does, after its children were killed and before directories are removed. */
export function beforeExit(run) {
  lastSteps.add(run);
}

process.on('exit', () => {
  for (const child of alive) child.kill('SIGKILL'); // ends a frozen one too
  for (const run of lastSteps) run();
  for (const directory of directories) rmSync(directory, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
});

/** Ctrl-C goes through the handler of `exit` above. */
export function exitOnSignals() {
  const codes = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 };
  for (const [signal, code] of Object.entries(codes)) process.once(signal, () => process.exit(code));
}

/** A free port of this machine. */
export async function freePort() {
  for (;;) {
    const port = PORTS.from + Math.floor(Math.random() * (PORTS.to - PORTS.from));
    const server = createServer();
    const bound = await new Promise((resolve) => {
      server.once('error', () => resolve(false));
      server.listen(port, '127.0.0.1', () => resolve(true));
    });
    if (!bound) continue;
    await new Promise((resolve) => server.close(resolve));
    return port;
  }
}

/** A process of the trial; lines of its two outputs are given to whoever asked for them. */
export class TrialProcess {
  #child;
  #ended;
  #frozen = false;

  /**
   * @param command the program and its arguments. @param log file for what it writes to standard error. @param onLine and
   *   @param onNote a line of standard output, of standard error. @param env variables besides those of this process.
   */
  constructor(command, { log, onLine = () => {}, onNote = () => {}, env = {} }) {
    const [program, ...args] = command;
    const stdio = ['ignore', 'pipe', 'pipe'];
    this.#child = spawn(program, args, { stdio, env: { ...process.env, ...env } });
    alive.add(this.#child);
    const file = createWriteStream(log, { flags: 'a' });
    createInterface({ input: this.#child.stdout }).on('line', onLine);
    createInterface({ input: this.#child.stderr }).on('line', (line) => {
      file.write(`${line}\n`);
      onNote(line);
    });
    this.#ended = once(this.#child, 'close').then(([code, signal]) => {
      alive.delete(this.#child);
      file.end();
      return code ?? signal;
    });
  }

  /** Resolves with the exit code or signal, when all that was written has been read. */
  get ended() {
    return this.#ended;
  }

  get running() {
    return alive.has(this.#child);
  }

  get pid() {
    return this.#child.pid;
  }

  /** SIGSTOP and SIGCONT. */
  freeze() {
    this.#frozen = true;
    this.#child.kill('SIGSTOP');
  }

  thaw() {
    this.#frozen = false;
    this.#child.kill('SIGCONT');
  }

  /** Sends the signal, and resolves when the process has ended. */
  async end(signal) {
    if (!this.running) return this.#ended;
    this.#child.kill(signal);
    if (this.#frozen) this.thaw();
    return this.#ended;
  }
}

/** One run of `qanat`. */
export class QanatProcess extends TrialProcess {
  /** @param nodeArgs for Node itself. @param inside command that runs the process somewhere else, in a network of its own. */
  constructor(args, { nodeArgs = [], inside = [], ...settings }) {
    super([...inside, process.execPath, ...nodeArgs, QANAT, ...args], settings);
  }
}

/** Starts a server, and resolves when it says that it is ready. @returns its process. */
export async function startServer(args, log, onSpawn = () => {}, settings = {}) {
  let ready;
  const isReady = new Promise((resolve) => {
    ready = resolve;
  });
  const server = new QanatProcess([...args, '--json', '--log-level', 'info'], { ...settings, log, onLine: ready });
  onSpawn(server);
  const outcome = await Promise.race([isReady.then(() => 'ready'), server.ended]);
  if (outcome !== 'ready') throw new Error(`qanat ${args.join(' ')} ended before it was ready: ${outcome}; see ${log}`);
  return server;
}

/**
 * Runs a command to its end, which `withinMs` brings about at the latest. @returns its exit code or signal, what it printed, and
 * how long it took.
 */
export async function runQanat(args, log, { withinMs = 60_000 } = {}) {
  const startedMs = performance.now();
  const lines = [];
  const notes = [];
  const run = new QanatProcess(args, { log, onLine: (line) => lines.push(line), onNote: (line) => notes.push(line) });
  const timer = setTimeout(() => run.end('SIGKILL'), withinMs);
  const code = await run.ended;
  clearTimeout(timer);
  return { code, output: lines.join('\n'), notes, ms: performance.now() - startedMs };
}
