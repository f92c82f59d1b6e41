import { PassThrough, Readable, Writable } from 'node:stream';
import { type CliIo, run, type StopSignal } from '../src/index.ts';

/** A stream that keeps what is written to it. */
class Collected extends Writable {
  readonly isTTY: boolean;
  readonly chunks: Buffer[] = [];
  /** Fails every write from now on. */
  failure: Error | undefined;
  #watchers: (() => void)[] = [];

  constructor(isTTY: boolean) {
    super();
    this.isTTY = isTTY;
  }

  get text(): string {
    return Buffer.concat(this.chunks).toString();
  }

  override _write(chunk: Buffer, _encoding: string, done: (error?: Error) => void): void {
    if (this.failure !== undefined) return done(this.failure);
    this.chunks.push(Buffer.from(chunk));
    done();
    for (const watcher of this.#watchers) watcher();
  }

  /** Resolves when the text has `part`. */
  async has(part: string | RegExp): Promise<void> {
    const found = (): boolean => (typeof part === 'string' ? this.text.includes(part) : part.test(this.text));
    while (!found()) await new Promise<void>((resolve) => this.#watchers.push(resolve));
  }
}

export interface FakeOptions {
  readonly stdin?: string | Uint8Array | readonly Uint8Array[];
  readonly env?: Readonly<Record<string, string>>;
  readonly terminal?: boolean;
}

/** Streams, environment and signals of a run inside the test. */
export class FakeIo implements CliIo {
  readonly stdin: Readable;
  readonly stdout: Collected;
  readonly stderr: Collected;
  readonly env: Readonly<Record<string, string>>;
  readonly #listeners = new Set<(signal: StopSignal) => void>();
  readonly #reloaders = new Set<() => void>();

  constructor({ stdin, env = {}, terminal = false }: FakeOptions = {}) {
    this.stdin =
      stdin === undefined ? new PassThrough() : Readable.from(Array.isArray(stdin) ? stdin : [Buffer.from(stdin as string)]);
    this.stdout = new Collected(terminal);
    this.stderr = new Collected(terminal);
    this.env = env;
  }

  onSignal(listener: (signal: StopSignal) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  onReload(listener: () => void): () => void {
    this.#reloaders.add(listener);
    return () => this.#reloaders.delete(listener);
  }

  /** Whether SIGHUP is caught: where not, it ends the process. */
  get reloads(): boolean {
    return this.#reloaders.size > 0;
  }

  reload(): void {
    for (const listener of this.#reloaders) listener();
  }

  signal(signal: StopSignal): void {
    for (const listener of this.#listeners) listener(signal);
  }

  /** The objects that standard output has, one a line. */
  get objects(): Record<string, unknown>[] {
    return this.stdout.text
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
  }
}

export interface Finished {
  readonly code: number;
  readonly out: string;
  readonly err: string;
  readonly io: FakeIo;
}

/** Runs a command line to its end. */
export async function qanat(argv: readonly string[], options: FakeOptions = {}): Promise<Finished> {
  const io = new FakeIo(options);
  const code = await run(argv, io);
  return { code, out: io.stdout.text, err: io.stderr.text, io };
}
