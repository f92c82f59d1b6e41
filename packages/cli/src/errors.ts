import type { QanatError } from '@qanat/core';
import { CommanderError } from 'commander';
import type { StopSignal } from './io.ts';

/** What the command's exit code means. */
export const ExitCode = {
  OK: 0,
  FAILURE: 1,
  USAGE: 2,
  NOT_FOUND: 3,
  CANNOT_CONNECT: 5,
  TIMEOUT: 6,
  /** Some of the work was done, some was not. */
  PARTIAL: 7,
  SIGINT: 130,
  SIGTERM: 143,
} as const;
export type ExitCode = (typeof ExitCode)[keyof typeof ExitCode];

/** An error that the command line finds by itself. */
export class CliError extends Error {
  override readonly name = 'CliError';
  readonly exitCode: ExitCode;
  readonly hint: string | undefined;

  constructor(exitCode: ExitCode, message: string, hint?: string, cause?: unknown) {
    super(message, cause === undefined ? {} : { cause });
    this.exitCode = exitCode;
    this.hint = hint;
  }
}

export const usageError = (message: string, hint?: string): CliError => new CliError(ExitCode.USAGE, message, hint);

/** As `QanatError.is`, without loading the core: `qanat --help` shall be fast. */
export function isQanatError(value: unknown): value is QanatError {
  return typeof value === 'object' && value !== null && Symbol.for('qanat.error') in value;
}

const EXIT_CODES: Readonly<Record<string, ExitCode>> = {
  BAD_CONFIG: ExitCode.USAGE,
  INVALID_NAME: ExitCode.USAGE,
  INVALID_ARGUMENT: ExitCode.USAGE,
  TOPIC_NOT_FOUND: ExitCode.NOT_FOUND,
  CREATION_DISABLED: ExitCode.NOT_FOUND,
  GROUP_NOT_FOUND: ExitCode.NOT_FOUND,
  QUEUE_NOT_FOUND: ExitCode.NOT_FOUND,
  CONNECTION_FAILED: ExitCode.CANNOT_CONNECT,
  CONNECTION_LOST: ExitCode.CANNOT_CONNECT,
  TLS_FAILED: ExitCode.CANNOT_CONNECT,
  NO_BROKER: ExitCode.CANNOT_CONNECT,
  TIMEOUT: ExitCode.TIMEOUT,
};

export function exitCodeOf(error: unknown): ExitCode {
  if (error instanceof CliError) return error.exitCode;
  // Commander throws for `--help` and `--version` too, which are no errors.
  if (error instanceof CommanderError) return error.exitCode === 0 ? ExitCode.OK : ExitCode.USAGE;
  if (isQanatError(error)) return EXIT_CODES[error.code] ?? ExitCode.FAILURE;
  return ExitCode.FAILURE;
}

export const exitCodeOfSignal = (signal: StopSignal): ExitCode => (signal === 'SIGINT' ? ExitCode.SIGINT : ExitCode.SIGTERM);

/** An error as it is shown: what, and what to do about it. */
export interface ErrorText {
  readonly code: string | undefined;
  readonly message: string;
  readonly hint: string | undefined;
  readonly retryable: boolean;
}

export function describeError(error: unknown): ErrorText {
  if (isQanatError(error))
    return { code: error.code, message: error.message, hint: error.hint || undefined, retryable: error.retryable };
  if (error instanceof CliError) return { code: undefined, message: error.message, hint: error.hint, retryable: false };
  const code = (error as { code?: unknown } | null | undefined)?.code;
  return {
    code: typeof code === 'string' ? code : undefined,
    message: error instanceof Error ? error.message : String(error),
    hint: undefined,
    retryable: false,
  };
}
