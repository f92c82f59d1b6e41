export type { Origins } from './upgrade-answer.ts';
export { type WebSocketTransportOptions, webSocketTransport } from './websocket-transport.ts';
