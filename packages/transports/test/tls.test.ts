import { describeTransport } from '@qanat/core/testing';
import { tcpTransport } from '@qanat/transports/tcp';
import { TlsMaterial } from '@qanat/transports/tls';
import { webSocketTransport } from '@qanat/transports/websocket';
import { afterAll, describe, it } from 'vitest';
import { TestCa } from './certificates.ts';

const ca = await TestCa.make();
const server = await ca.files('server');
const client = await ca.files('client');
afterAll(() => ca.remove());

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

for (const [name, transport] of Object.entries({ TCP: tcpTransport, WebSocket: webSocketTransport })) {
  for (const host of ['127.0.0.1', '[::1]']) {
    const clientCertificates = host === '[::1]' ? 'required' : 'none';
    describeTransport(`TLS with ${name} at ${host}, client certificates ${clientCertificates}`, { describe, it }, () => ({
      dialling: transport({ tls: { material: new TlsMaterial({ ca: ca.ca, ...client }) } }),
      listening: transport({ tls: { material: new TlsMaterial({ ca: ca.ca, ...server }), clientCertificates } }),
      listenAddress: `${host}:0`,
      nobody: `${host}:1`,
      turn,
      turnsMax: Number.POSITIVE_INFINITY,
      end: () => undefined,
    }));
  }
}
