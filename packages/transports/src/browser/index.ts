export { type BrowserWebSocketTransportOptions, browserWebSocketTransport } from '../websocket/browser-transport.ts';
export { browserClock } from './browser-clock.ts';
export { browserPlatform } from './browser-platform.ts';
