// Found by simulation: times with fractions round, and a timer that was due by one sum was not due by another, for ever.
import { NameServer, Random } from '@qanat/core';
import { VirtualClock, VirtualNetwork, VirtualNode } from '@qanat/simulator';
import { expect, it } from 'vitest';
import { SessionClient } from '../session-client.ts';

it('a server gives silent connections up, whichever way the sums of their times are rounded', () => {
  const clock = new VirtualClock();
  const network = new VirtualNetwork(clock, { latencyMs: 0.1, random: new Random(5) });
  const engine = new NameServer({ name: 'ns', software: 'test', random: new Random(1) });
  const lost: string[] = [];
  const node = new VirtualNode(engine, {
    name: 'ns',
    clock,
    transport: network.transport('ns'),
    observer: {
      input: () => {},
      output: (output) => {
        if (output.kind === 'abort' || output.kind === 'close') lost.push(output.kind);
      },
    },
  });
  node.start();
  node.listen('ns:7600', () => {});
  // A difference rounds otherwise than the sum only where the sum has a larger exponent: above 65,536 ms.
  clock.run(100_000);
  for (let i = 0; i < 200; i++) {
    clock.run(clock.nowMs() + 1 / (i + 3));
    new SessionClient(clock, network, `client-${i}`, 'ns:7600');
  }
  clock.run(clock.nowMs() + 10);
  for (let i = 0; i < 200; i++) network.mute(`client-${i}`, 'ns');
  clock.run(clock.nowMs() + 200_000);
  expect(lost.length).toBeGreaterThanOrEqual(200);
});
