import { type ErrorCode, QanatError } from '@qanat/core';

/** Close codes (RFC 6455, section 7.4.1; those from 4000 on are for private use, section 7.4.2). */
export const CloseCode = {
  NORMAL: 1000,
  GOING_AWAY: 1001,
  PROTOCOL_ERROR: 1002,
  UNSUPPORTED_DATA: 1003,
  NO_CODE: 1005,
  ABNORMAL: 1006,
  INVALID_DATA: 1007,
  POLICY_VIOLATION: 1008,
  MESSAGE_TOO_BIG: 1009,
  INTERNAL_ERROR: 1011,
  TRY_AGAIN_LATER: 1013,
  /** The peer dropped the connection: what a browser, which cannot reset one, says instead. */
  ABORTED: 4000,
} as const;

const CLEAN: ReadonlySet<number> = new Set([CloseCode.NORMAL, CloseCode.GOING_AWAY, CloseCode.NO_CODE]);

const ERRORS: ReadonlyMap<number, ErrorCode> = new Map([
  [CloseCode.PROTOCOL_ERROR, 'MALFORMED_FRAME'],
  [CloseCode.UNSUPPORTED_DATA, 'MALFORMED_FRAME'],
  [CloseCode.INVALID_DATA, 'MALFORMED_FRAME'],
  [CloseCode.MESSAGE_TOO_BIG, 'FRAME_TOO_LARGE'],
  [CloseCode.POLICY_VIOLATION, 'LIMIT_EXCEEDED'],
  [CloseCode.TRY_AGAIN_LATER, 'TOO_MANY_CONNECTIONS'],
]);

/** What the peer's end means: undefined for a clean one, CONNECTION_LOST for a code that says nothing of this protocol. */
export function errorOfClose(remote: string, code: number, reason: string): QanatError | undefined {
  if (CLEAN.has(code)) return undefined;
  if (code === CloseCode.ABNORMAL) return new QanatError('CONNECTION_LOST', `the connection to ${remote} broke`);
  const words = reason === '' ? '' : `: ${reason}`;
  return new QanatError(ERRORS.get(code) ?? 'CONNECTION_LOST', `${remote} ended the connection with close code ${code}${words}`, {
    outcome: 'unknown',
  });
}
