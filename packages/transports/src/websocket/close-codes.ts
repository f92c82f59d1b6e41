import { type ErrorCode, QanatError } from '@qanat/core';

/** Close codes (RFC 6455, section 7.4.1; those from 4000 on are for private use, section 7.4.2). */
export const CloseCode = {
  NORMAL: 1000,
  GOING_AWAY: 1001,
  PROTOCOL_ERROR: 1002,
  UNSUPPORTED_DATA: 1003,
  /** Never sent: the peer gave no code. */
  NO_CODE: 1005,
  /** Never sent: the connection is gone without a code. */
  ABNORMAL: 1006,
  INVALID_DATA: 1007,
  POLICY_VIOLATION: 1008,
  MESSAGE_TOO_BIG: 1009,
  TRY_AGAIN_LATER: 1013,
  /** This side drops the connection: what a browser says, which cannot reset one. */
  ABORTED: 4000,
} as const;

const CLEAN: ReadonlySet<number> = new Set([CloseCode.NORMAL, CloseCode.GOING_AWAY, CloseCode.NO_CODE]);

const ERRORS: ReadonlyMap<number, ErrorCode> = new Map([
  [CloseCode.PROTOCOL_ERROR, 'MALFORMED_FRAME'],
  [CloseCode.UNSUPPORTED_DATA, 'MALFORMED_FRAME'],
  [CloseCode.INVALID_DATA, 'MALFORMED_FRAME'],
  [CloseCode.POLICY_VIOLATION, 'FORBIDDEN'],
  [CloseCode.MESSAGE_TOO_BIG, 'FRAME_TOO_LARGE'],
  [CloseCode.TRY_AGAIN_LATER, 'TOO_MANY_CONNECTIONS'],
]);

/**
 * What the end of a peer means: undefined for a clean one, CONNECTION_LOST for a code that says nothing of this protocol.
 * @param reason what people may read with it.
 */
export function errorOfClose(remote: string, code: number, reason: string): QanatError | undefined {
  if (CLEAN.has(code)) return undefined;
  if (code === CloseCode.ABNORMAL)
    return new QanatError('CONNECTION_LOST', `${remote} ended the connection without a close message`);
  const words = reason === '' ? '' : `: ${reason}`;
  const message = `${remote} ended the connection with close code ${code}${words}`;
  // What was under way may have had its effect, whatever the code.
  return new QanatError(ERRORS.get(code) ?? 'CONNECTION_LOST', message, { outcome: 'unknown' });
}

/** Whether a close message may carry the code (RFC 6455, section 7.4). */
export const mayBeSent = (code: number): boolean =>
  (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014) || (code >= 3000 && code <= 4999);

/** How a peer ended: a close code, and words for people. */
export interface PeerEnd {
  readonly code: number;
  readonly reason: string;
}
