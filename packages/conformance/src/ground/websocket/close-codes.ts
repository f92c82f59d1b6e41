/** Close codes (RFC 6455, section 7.4.1; those from 4000 on are for private use). */
export const CLOSE = {
  normal: 1000,
  goingAway: 1001,
  unsupportedData: 1003,
  policyViolation: 1008,
  internalError: 1011,
  private: 4000,
} as const;

/** The code of a close message; undefined where it has none. */
export const closeCodeOf = (payload: Uint8Array): number | undefined =>
  payload.length < 2 ? undefined : new DataView(payload.buffer, payload.byteOffset).getUint16(0);

/** The payload of a close message. */
export function closePayload(code: number | undefined): Uint8Array {
  if (code === undefined) return new Uint8Array(0);
  return Uint8Array.of(code >> 8, code & 0xff);
}
