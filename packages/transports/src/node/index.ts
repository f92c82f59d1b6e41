export { deriveKey } from './derive-key.ts';
export { drawNonce } from './draw-nonce.ts';
export { nodePlatform } from './node-platform.ts';
export { systemClock } from './system-clock.ts';
