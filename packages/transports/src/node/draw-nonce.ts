import { randomBytes } from 'node:crypto';

const NONCE_BYTES = 18;

/** A nonce of SCRAM: Base64 has no comma. */
export const drawNonce = (): string => randomBytes(NONCE_BYTES).toString('base64');
