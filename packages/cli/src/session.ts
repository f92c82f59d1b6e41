import { type ExitCode, exitCodeOfSignal } from './errors.ts';
import type { CliIo, StopSignal } from './io.ts';
import { Diagnostics, type LogThreshold } from './output/diagnostics.ts';
import { formatDocument } from './output/json.ts';
import { Output } from './output/output.ts';
import { type Column, formatTable } from './output/table.ts';

/** Paths of the CA, and of the certificate and its key that are shown to peers. */
export interface TlsFiles {
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
}

/** Who the user of the command is at clusters that ask. */
export type Identity = 'certificate' | { readonly user: string; readonly passwordFrom: string | undefined };

/** What is the same for all commands. */
export interface GlobalSettings {
  /** `host:port,host:port` or a URL. */
  readonly nameServers: string;
  readonly output: 'table' | 'json';
  /** Budget of one call, ms; undefined: the client's default. */
  readonly timeoutMs: number | undefined;
  /** Undefined: nobody says who he is. */
  readonly identity?: Identity | undefined;
  /** Files of PEM for addresses with TLS; none: what Node trusts. */
  readonly tls?: TlsFiles | undefined;
  /** Undefined: the command's default. */
  readonly logLevel?: LogThreshold | undefined;
  /** Undefined: text; servers write JSON where standard error is no terminal. */
  readonly logFormat?: 'text' | 'json' | undefined;
}

export const DEFAULT_NAME_SERVER = '127.0.0.1:7600';

/** Why the session stops early: a signal, or the reader of standard output went away. */
export type StopCause = StopSignal | 'EPIPE';

export class Stopped extends Error {
  override readonly name = 'Stopped';
  readonly by: StopCause;

  constructor(by: StopCause) {
    super(`stopped by ${by}`);
    this.by = by;
  }
}

/** One run of the command: its streams, its settings, and whether it was asked to stop. */
export class Session {
  readonly io: CliIo;
  readonly out: Output;
  readonly diagnostics: Diagnostics;
  /** Fires at the first Ctrl-C: end in good order. */
  readonly signal: AbortSignal;
  /** Resolves at the second one: end now. */
  readonly forced: Promise<ExitCode>;
  settings: GlobalSettings = { nameServers: DEFAULT_NAME_SERVER, output: 'table', timeoutMs: undefined };
  /** What the command returns when it ends without an error. */
  exitCode: ExitCode = 0;
  /** A server that was asked to stop, and did, has done its work. */
  stopsCleanly = false;
  /** A server does not end because nobody reads its output any more. */
  outlivesItsReader = false;
  /** Called at the second Ctrl-C: the last words. */
  onForced: (() => void) | undefined;
  readonly #controller = new AbortController();
  readonly #unlisten: () => void;
  readonly #onOutputError = (error: Error): void => this.out.fail(error);
  readonly #onDiagnosticsError = (): void => {}; // There is nowhere left to say it.
  #stoppedBy: StopCause | undefined;

  constructor(io: CliIo) {
    this.io = io;
    this.out = new Output(io.stdout, (error) => this.#outputFailed(error));
    this.diagnostics = new Diagnostics(io.stderr, io.env);
    this.signal = this.#controller.signal;
    let force: (code: ExitCode) => void = () => {};
    this.forced = new Promise((resolve) => {
      force = resolve;
    });
    io.stdout.on('error', this.#onOutputError);
    io.stderr.on('error', this.#onDiagnosticsError);
    this.#unlisten = io.onSignal((signal) => {
      if (this.#stoppedBy === 'SIGINT' || this.#stoppedBy === 'SIGTERM') {
        this.onForced?.();
        force(exitCodeOfSignal(signal));
      } else this.#stop(signal);
    });
  }

  get stoppedBy(): StopCause | undefined {
    return this.#stoppedBy;
  }

  get wantsJson(): boolean {
    return this.settings.output === 'json';
  }

  /** The exit code of a command that was asked to stop, and has. */
  get stoppedExitCode(): ExitCode {
    if (this.#stoppedBy === undefined || this.#stoppedBy === 'EPIPE' || this.stopsCleanly) return 0;
    return exitCodeOfSignal(this.#stoppedBy);
  }

  /** `timeoutMs` and `signal` for a call of the client. */
  get call(): { readonly signal: AbortSignal; readonly timeoutMs?: number } {
    const { timeoutMs } = this.settings;
    return { signal: this.signal, ...(timeoutMs === undefined ? {} : { timeoutMs }) };
  }

  /** Prints the result of a command: a document for programs, or a table for people. */
  document(value: unknown, text: () => string): void {
    this.out.write(this.wantsJson ? formatDocument(value, this.out.isTerminal) : text());
  }

  /** Prints rows: a JSON array, or a table; where there are none, `nothing` says so on stderr. */
  rows<Row>(
    rows: readonly Row[],
    columns: readonly Column<Row>[],
    nothing: string,
    json: (row: Row) => unknown = (row) => row,
  ): void {
    if (this.wantsJson) this.out.write(formatDocument(rows.map(json), this.out.isTerminal));
    else if (rows.length === 0) this.info('empty', nothing);
    else this.out.write(formatTable(columns, rows));
  }

  info(event: string, text: string, fields?: Readonly<Record<string, unknown>>): void {
    this.diagnostics.note({ level: 'info', event, text, ...(fields === undefined ? {} : { fields }) });
  }

  warn(event: string, text: string, fields?: Readonly<Record<string, unknown>>): void {
    this.diagnostics.note({ level: 'warn', event, text, ...(fields === undefined ? {} : { fields }) });
  }

  dispose(): void {
    this.#unlisten();
    // The listeners of the streams stay: a late EPIPE must not end the process with a stack.
  }

  #stop(by: StopCause): void {
    if (this.#stoppedBy !== undefined && by === 'EPIPE') return;
    this.#stoppedBy = by;
    if (!this.signal.aborted) this.#controller.abort(new Stopped(by));
  }

  #outputFailed(error: Error): void {
    if (this.outlivesItsReader) return;
    if ((error as { code?: unknown }).code !== 'EPIPE') {
      this.diagnostics.note({
        level: 'error',
        event: 'output-failed',
        text: `cannot write to standard output: ${error.message}`,
      });
      this.exitCode = 1;
    }
    this.#stop('EPIPE');
  }
}
