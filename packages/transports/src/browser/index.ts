export { browserClock } from './browser-clock.ts';
export { browserPlatform } from './browser-platform.ts';
