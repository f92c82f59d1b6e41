import { describeTransport } from '@qanat/core/testing';
import { tcpTransport } from '@qanat/transports/tcp';
import { TlsMaterial } from '@qanat/transports/tls';
import { afterAll, describe, it } from 'vitest';
import { TestCa } from './certificates.ts';

const ca = await TestCa.make();
const server = await ca.files('server');
const client = await ca.files('client');
afterAll(() => ca.remove());

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

for (const host of ['127.0.0.1', '[::1]']) {
  for (const clientCertificates of ['none', 'required'] as const) {
    describeTransport(`TLS over TCP at ${host}, client certificates ${clientCertificates}`, { describe, it }, () => ({
      dialling: tcpTransport({ tls: { material: new TlsMaterial({ ca: ca.ca, ...client }) } }),
      listening: tcpTransport({ tls: { material: new TlsMaterial({ ca: ca.ca, ...server }), clientCertificates } }),
      listenAddress: `${host}:0`,
      nobody: `${host}:1`,
      turn,
      turnsMax: Number.POSITIVE_INFINITY,
      end: () => undefined,
    }));
  }
}
