import { describeTransport } from '@qanat/core/testing';
import { tcpTransport } from '@qanat/transports/tcp';
import { describe, it } from 'vitest';

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

for (const host of ['127.0.0.1', '[::1]']) {
  describeTransport(`the TCP transport at ${host}`, { describe, it }, () => ({
    dialling: tcpTransport(),
    listening: tcpTransport(),
    listenAddress: `${host}:0`,
    nobody: `${host}:1`,
    turn,
    turnsMax: Number.POSITIVE_INFINITY,
    end: () => undefined,
  }));
}
