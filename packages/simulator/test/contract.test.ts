import { describeStorage, describeTransport } from '@qanat/core/testing';
import { MemoryStorage, VirtualClock, VirtualNetwork } from '@qanat/simulator';
import { describe, it } from 'vitest';

for (const latencyMs of [0, 1.5]) {
  describeTransport(`the virtual network with a latency of ${latencyMs} ms`, { describe, it }, () => {
    const clock = new VirtualClock();
    const network = new VirtualNetwork(clock, { latencyMs });
    return {
      dialling: network.transport('client'),
      listening: network.transport('broker'),
      listenAddress: 'broker:0',
      nobody: 'broker:1',
      turn: async () => {
        clock.runNext();
      },
      end: () => undefined,
    };
  });

  describeStorage(`the memory storage with a latency of ${latencyMs} ms`, { describe, it }, () => {
    const clock = new VirtualClock();
    let storage: MemoryStorage | undefined;
    let crashed: MemoryStorage | undefined;
    return {
      open: async () => {
        storage =
          crashed ?? storage?.reopen() ?? new MemoryStorage(clock, { appendMs: latencyMs, syncMs: latencyMs, readMs: latencyMs });
        crashed = undefined;
        return storage;
      },
      turn: async () => {
        clock.runNext();
      },
      end: () => undefined,
      locks: true,
      crash: () => {
        crashed = storage?.crash();
      },
    };
  });
}
