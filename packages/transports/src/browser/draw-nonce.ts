import { encodeBase64 } from '@qanat/core';

const NONCE_BYTES = 18;

/** A nonce of SCRAM, of the browser's cryptographic source: Base64 has no comma. */
export const drawNonce = (): string => encodeBase64(globalThis.crypto.getRandomValues(new Uint8Array(NONCE_BYTES)));
