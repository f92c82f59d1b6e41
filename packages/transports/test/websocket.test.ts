import { describeTransport } from '@qanat/core/testing';
import { webSocketTransport } from '@qanat/transports/websocket';
import { describe, it } from 'vitest';
import { WebSocket } from 'ws';
import { browserWebSocketTransport } from '../src/websocket/browser-transport.ts';

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
// The listeners of these tests have no certificate for wss.
const browser = { ...browserWebSocketTransport({ WebSocket: WebSocket as never }), schemes: ['ws'] };
const transports = { Node: webSocketTransport(), browsers: browser };

for (const [name, dialling] of Object.entries(transports)) {
  for (const host of ['127.0.0.1', '[::1]']) {
    describeTransport(`the WebSocket transport of ${name} at ${host}`, { describe, it }, () => ({
      dialling,
      listening: webSocketTransport(),
      listenAddress: `${host}:0`,
      nobody: `${host}:1`,
      turn,
      turnsMax: Number.POSITIVE_INFINITY,
      end: () => undefined,
    }));
  }
}
