import fc from 'fast-check';
import { expect, test } from 'vitest';
import { PLACE_IDS, placeIds } from '../src/packet-ids.ts';

const queues = ['mqtt/broker-a/0', 'mqtt/broker-a/1', 'mqtt/broker-b/0', 'telemetry/broker-a/0'];

test('the packet id of a place is 1 to PLACE_IDS, and neighbours in a queue have different ones [MQTT-2.2.1-3]', () => {
  for (const queue of queues) {
    const idOf = placeIds(queue);
    const ids = new Set(Array.from({ length: PLACE_IDS }, (_, i) => idOf(1_000_000 + i)));
    expect(ids.size).toBe(PLACE_IDS);
    expect(Math.min(...ids)).toBe(1);
    expect(Math.max(...ids)).toBe(PLACE_IDS);
  }
  const far = fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER });
  fc.assert(fc.property(far, (offset) => Number.isInteger(placeIds('q')(offset))));
});

test('queues that grow alike do not meet at the same packet ids all along', () => {
  for (const one of queues) {
    for (const other of queues.filter((name) => name !== one)) {
      const [idOf, otherIdOf] = [placeIds(one), placeIds(other)];
      let meetings = 0;
      for (let offset = 0; offset < PLACE_IDS; offset++) if (idOf(offset) === otherIdOf(offset)) meetings++;
      expect(meetings).toBeLessThanOrEqual(1);
    }
  }
});
