import { describeTransport } from '@qanat/core/testing';
import { MemoryNetwork } from '@qanat/transports/memory';
import { systemClock } from '@qanat/transports/node';
import { describe, it } from 'vitest';

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describeTransport('the memory transport', { describe, it }, () => {
  const network = new MemoryNetwork(systemClock);
  return {
    dialling: network.transport(),
    listening: network.transport(),
    listenAddress: 'broker:0',
    nobody: 'nobody:1',
    turn,
    turnsMax: Number.POSITIVE_INFINITY,
    end: () => undefined,
  };
});
