import { type ErrorCode, QanatError } from '@qanat/core';
import { CommanderError } from 'commander';
import { describe, expect, it } from 'vitest';
import { CliError, ExitCode, exitCodeOf, isQanatError } from '../src/errors.ts';

describe('exit codes', () => {
  it.each<[ErrorCode, number]>([
    ['TOPIC_NOT_FOUND', 3],
    ['GROUP_NOT_FOUND', 3],
    ['CONNECTION_FAILED', 5],
    ['NO_BROKER', 5],
    ['TIMEOUT', 6],
    ['BAD_CONFIG', 2],
    ['INVALID_NAME', 2],
    ['SUBSCRIPTION_CONFLICT', 1],
    ['INTERNAL', 1],
  ])('%s ends with %i', (code, exitCode) => {
    const error = new QanatError(code, 'why');
    expect(isQanatError(error)).toBe(true);
    expect(exitCodeOf(error)).toBe(exitCode);
  });

  it('tells help from wrong use, and takes any other error for a failure', () => {
    expect(exitCodeOf(new CommanderError(0, 'commander.helpDisplayed', ''))).toBe(ExitCode.OK);
    expect(exitCodeOf(new CommanderError(1, 'commander.unknownCommand', ''))).toBe(ExitCode.USAGE);
    expect(exitCodeOf(new CliError(ExitCode.PARTIAL, ''))).toBe(7);
    expect(exitCodeOf(new Error('x'))).toBe(1);
    expect(exitCodeOf(undefined)).toBe(1);
  });
});
