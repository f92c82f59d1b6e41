export { deriveKey, drawNonce } from '@qanat/transports/browser';
