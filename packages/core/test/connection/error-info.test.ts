import { describe, expect, it } from 'vitest';
import { errorInfo } from '../../src/connection/request.ts';
import { codeOfWireNumber, type ErrorCode, errorClass, LIMITS, QanatError, utf8Length, withoutStacks } from '../../src/index.ts';

const LOCAL: readonly ErrorCode[] = [
  'TIMEOUT',
  'ABORTED',
  'CLOSED',
  'CONNECTION_FAILED',
  'CONNECTION_LOST',
  'NO_BROKER',
  'BAD_CONFIG',
  'QUEUE_FULL',
  'CORRUPT_LOG',
  'STORE_LOCKED',
  'STORE_IO',
  'RECOVERY_REQUIRED',
  'RESTART_REQUIRED',
  'REPLICA_TAKEN',
  'INTERNAL',
];

describe('an error on its way', () => {
  it('never blames the client for what went wrong at the server, and never has code 0 (QNT-ERR-009, QNT-ERR-010)', () => {
    for (const code of LOCAL) {
      for (const outcome of [undefined, 'rejected', 'unknown', 'not-sent'] as const) {
        const number = errorInfo(new QanatError(code, 'x', outcome === undefined ? {} : { outcome })).code as number;
        expect(['NOT_READY', 'STORAGE_FAILED']).toContain(codeOfWireNumber(number));
        if (outcome === 'unknown') expect(codeOfWireNumber(number)).toBe('STORAGE_FAILED');
      }
    }
  });

  it('says of a defect that the request may have taken effect, and of a failed read that it has not (QNT-ERR-010)', () => {
    const codeOf = (code: ErrorCode) => codeOfWireNumber(errorInfo(new QanatError(code, 'x')).code as number);
    expect(codeOf('INTERNAL')).toBe('STORAGE_FAILED');
    expect(codeOf('STORE_IO')).toBe('NOT_READY');
    expect(codeOf('TOPIC_NOT_FOUND')).toBe('TOPIC_NOT_FOUND');
    expect(errorClass(errorInfo(new QanatError('INTERNAL', 'x')).code as number)).toBe(6);
  });

  it('has no stack where a peer can ask for many, but for a defect, which needs one', () => {
    const limit = Error.stackTraceLimit;
    const stackOf = (code: ErrorCode) => new QanatError(code, 'x').stack?.split('\n').length;
    const before = withoutStacks(true);
    const stacks = [stackOf('TOPIC_NOT_FOUND'), stackOf('INTERNAL')];
    withoutStacks(before);
    expect(before).toBe(false);
    expect(stacks[0]).toBe(1);
    expect(stacks[1]).toBeGreaterThan(1);
    expect(stackOf('TOPIC_NOT_FOUND')).toBeGreaterThan(1);
    expect(Error.stackTraceLimit).toBe(limit);
  });

  it('is cut between characters (QNT-ERR-005)', () => {
    for (let length = 500; length < 530; length++) {
      for (const character of ['a', 'é', '€', '😀']) {
        const { message } = errorInfo(new QanatError('NOT_READY', 'x'.repeat(length % 5) + character.repeat(length)));
        expect(utf8Length(message as string)).toBeLessThanOrEqual(LIMITS.ERROR_MESSAGE_BYTES_MAX);
        expect(new TextDecoder().decode(new TextEncoder().encode(message))).toBe(message);
      }
    }
    expect(errorInfo(new QanatError('NOT_READY', 'a'.repeat(512))).message).toBe('a'.repeat(512));
  });
});
