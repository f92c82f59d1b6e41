import { type ChildProcess, spawn } from 'node:child_process';
import { connect, type Socket } from 'node:net';
import type { Json, JsonObject } from '../json.ts';
import { type CallDone, DRIVER_ENDED, type Driver, type Manifest } from './driver.ts';
import { DRIVER_PROTOCOL, readDriverLine, readManifest } from './driver-message.ts';
import { DRIVER_LINE_CHARACTERS_MAX, LineSplitter } from './line-splitter.ts';

/** How a driver is reached: a command of which the kit speaks to the standard input and output, or a socket. */
export type DriverPlace =
  | { readonly command: string }
  | { readonly host: string; readonly port: number }
  | { readonly path: string };

/** A driver that does not say hello within this time is none. */
export const HELLO_MS = 20_000;
/** What the standard error of a driver may keep for people. */
const KEPT_CHARACTERS = 8_192;
/** After SIGTERM. */
const END_MS = 3_000;
/** An operation that no driver has: who does not answer it with `unsupported` cannot be believed about others. */
const PROBE = 'no-such-operation-5a5a';

/** The driver broke its protocol, hangs or died. Says what to do. */
export class DriverError extends Error {
  override readonly name = 'DriverError';
}

interface Pipe {
  write(text: string): void;
  end(): void;
  /** Reads nothing any more. */
  destroy(): void;
}

export interface LineDriverOptions {
  /** How long its first answers may take. Default HELLO_MS. */
  readonly helloMs?: number;
  /** Everything that is said, for `doctor`. */
  readonly onLine?: (line: string, from: 'kit' | 'driver') => void;
}

/** A driver in another process: lines of JSON, answers in any order. */
export class LineDriver implements Driver {
  #manifest: Manifest | undefined;
  readonly #place: DriverPlace;
  readonly #pending = new Map<number, CallDone>();
  #nextId = 1;
  #pipe: Pipe | undefined;
  #child: ChildProcess | undefined;
  #tell: (event: string, client: string, args: Json) => void = () => {};
  #said = '';
  #dead: string | undefined;
  readonly #onLine: LineDriverOptions['onLine'];

  private constructor(place: DriverPlace, { onLine }: LineDriverOptions) {
    this.#place = place;
    this.#onLine = onLine;
  }

  /** Starts or reaches a driver, and asks who it is. @throws DriverError. */
  static async open(place: DriverPlace, options: LineDriverOptions = {}): Promise<LineDriver> {
    const { helloMs = HELLO_MS } = options;
    const driver = new LineDriver(place, options);
    driver.#connect();
    try {
      const hello = await driver.ask('hello', { kit: 'qanat-conformance', protocol: DRIVER_PROTOCOL }, helloMs);
      if (hello.error !== undefined) throw new DriverError(`the driver answers hello with ${JSON.stringify(hello.error)}`);
      const manifest = readManifest(hello.ok ?? null);
      if (typeof manifest === 'string') throw new DriverError(manifest);
      driver.#manifest = manifest;
      const probe = await driver.ask(PROBE, {}, helloMs);
      if (probe.error?.kind !== 'unsupported')
        throw new DriverError(
          `the driver answers an operation that does not exist (${PROBE}) with ${JSON.stringify(probe.error ?? { ok: probe.ok })}; it has to answer {"error":{"kind":"unsupported"}}`,
        );
      return driver;
    } catch (error) {
      await driver.close();
      throw error;
    }
  }

  get manifest(): Manifest {
    if (this.#manifest === undefined) throw new DriverError('the driver has not said hello');
    return this.#manifest;
  }

  /** Why it can no longer be asked. */
  get dead(): string | undefined {
    return this.#dead;
  }

  /** What it has said on its standard error, the end of it; empty behind a socket. */
  get said(): string {
    return this.#said.trim();
  }

  onTold(listener: (event: string, client: string, args: Json) => void): void {
    this.#tell = listener;
  }

  call(op: string, args: JsonObject, done: CallDone): void {
    if (this.#dead !== undefined) return done({ kind: 'failed', code: DRIVER_ENDED, text: this.#dead }, null);
    const id = this.#nextId++;
    this.#pending.set(id, done);
    this.#write(JSON.stringify({ ...args, id, op }));
  }

  /** @throws DriverError when there is no answer in time. */
  ask(op: string, args: JsonObject, withinMs: number): Promise<{ ok?: Json; error?: { kind: string; text?: string } }> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(
        () => reject(new DriverError(`the driver did not answer "${op}" within ${withinMs} ms.${this.#whatItSaid()}`)),
        withinMs,
      );
      this.call(op, args, (error, ok) => {
        clearTimeout(timer);
        if (error?.code === DRIVER_ENDED) reject(new DriverError(error.text));
        else resolve(error === undefined ? { ok } : { error });
      });
    });
  }

  async close(): Promise<void> {
    this.#pipe?.end();
    const child = this.#child;
    if (child === undefined) return;
    if (child.exitCode === null && child.signalCode === null) await this.#ended(child);
    // What it has started, and has not taken with it.
    killGroup(child, 'SIGKILL');
  }

  #ended(child: ChildProcess): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(() => killGroup(child, 'SIGKILL'), END_MS);
      child.once('exit', () => {
        clearTimeout(timer);
        resolve();
      });
      killGroup(child, 'SIGTERM');
    });
  }

  /** Kills the driver with all that it has started, and waits for nothing. */
  abandon(): void {
    if (this.#child !== undefined) killGroup(this.#child, 'SIGKILL');
  }

  #connect(): void {
    if ('command' in this.#place) this.#spawn(this.#place.command);
    else this.#dial(connect('path' in this.#place ? { path: this.#place.path } : this.#place));
  }

  #spawn(command: string): void {
    // A group of its own, so that what the driver has started ends with it.
    const child = spawn(command, { shell: true, stdio: ['pipe', 'pipe', 'pipe'], detached: true });
    this.#child = child;
    child.stdout.setEncoding('utf8').on('data', this.#reader());
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      this.#said = (this.#said + text).slice(-KEPT_CHARACTERS);
    });
    child.stdin.on('error', () => {});
    child.on('error', (error) => this.#die(`the driver could not be started: ${error.message}`));
    // What it has started may hold its pipes open: it is dead all the same.
    child.on('exit', () => killGroup(child, 'SIGKILL'));
    child.on('close', (code, signal) => this.#die(`the driver ended with ${signal ?? code}.${this.#whatItSaid()}`));
    this.#pipe = {
      write: (text) => void child.stdin.write(text),
      end: () => void child.stdin.end(),
      destroy: () => void child.stdout.destroy(),
    };
  }

  #dial(socket: Socket): void {
    socket.setEncoding('utf8').on('data', this.#reader());
    socket.on('error', (error) => this.#die(`the driver cannot be reached: ${error.message}`));
    socket.on('close', () => this.#die('the driver closed its connection'));
    this.#pipe = {
      write: (text) => void socket.write(text),
      end: () => void socket.end(),
      destroy: () => void socket.destroy(),
    };
  }

  #reader(): (text: string) => void {
    const splitter = new LineSplitter((line) => this.#take(line));
    return (text) => {
      if (this.#dead === undefined && !splitter.push(text))
        this.#die(`a line of the driver is longer than ${DRIVER_LINE_CHARACTERS_MAX} characters`);
    };
  }

  #write(line: string): void {
    this.#onLine?.(line, 'kit');
    this.#pipe?.write(`${line}\n`);
  }

  #take(line: string): void {
    if (this.#dead !== undefined) return;
    this.#onLine?.(line, 'driver');
    const message = readDriverLine(line);
    if (typeof message === 'string') return this.#die(message);
    if (message.kind === 'told') return this.#tell(message.event, message.client, message.args);
    const done = this.#pending.get(message.id);
    if (done === undefined)
      return this.#die(`the driver answers call ${message.id}, which is not open: it was never made, or was answered before`);
    this.#pending.delete(message.id);
    done(message.error, message.ok ?? null);
  }

  #die(why: string): void {
    if (this.#dead !== undefined) return;
    this.#dead = why;
    this.#pipe?.destroy();
    for (const done of [...this.#pending.values()]) done({ kind: 'failed', code: DRIVER_ENDED, text: why }, null);
    this.#pending.clear();
  }

  #whatItSaid(): string {
    return this.said === '' ? ' It said nothing on its standard error.' : ` It said: ${this.said.slice(-1_000)}`;
  }
}

function killGroup(child: ChildProcess, signal: NodeJS.Signals): void {
  try {
    if (child.pid !== undefined) process.kill(-child.pid, signal);
  } catch {
    // It is gone already.
  }
}
