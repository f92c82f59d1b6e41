// What a mutant over WebSocket is made of: the engines, and the binding that ships.
export * from '@qanat/core';
export { webSocketTransport } from '@qanat/transports/websocket';
