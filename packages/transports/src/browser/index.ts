export * from '../websocket/browser-transport.ts';
export * from './browser-clock.ts';
export * from './browser-platform.ts';
export * from './derive-key.ts';
export * from './draw-nonce.ts';
export * from './fetched-deflate.ts';
