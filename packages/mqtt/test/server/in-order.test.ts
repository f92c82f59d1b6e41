import fc from 'fast-check';
import { expect, test } from 'vitest';
import { PLACE_IDS } from '../../src/packet-ids.ts';
import { Acknowledgements } from '../../src/server/acknowledgements.ts';
import { Flights } from '../../src/server/flights.ts';
import { Gathered } from '../../src/server/gathered.ts';
import { PlaceQueue } from '../../src/server/place-queue.ts';

test('places come out in the order in which they went in, however the two take turns', () => {
  fc.assert(
    fc.property(fc.array(fc.boolean(), { maxLength: 500, size: 'max' }), (pushes) => {
      const places = new PlaceQueue();
      const model: number[] = [];
      let next = 0;
      for (const push of pushes) {
        if (push) {
          places.push(next % 7, next);
          model.push(next++);
        } else {
          expect(places.shift()?.offset).toBe(model.shift());
        }
        expect(places.length).toBe(model.length);
        expect(places.pushed - places.taken).toBe(model.length);
      }
      expect([...places]).toEqual(model.map((offset) => ({ queue: offset % 7, offset })));
    }),
  );
});

test('answers are given in order, and only up to the first that is not known [MQTT-4.6.0-2]', () => {
  fc.assert(
    fc.property(
      fc.shuffledSubarray(
        Array.from({ length: 3_000 }, (_, i) => i),
        { minLength: 3_000 },
      ),
      (order) => {
        const acknowledgements = new Acknowledgements();
        const entries = order.map((_, i) => acknowledgements.add(i, 1));
        const given: number[] = [];
        for (const i of order) {
          const entry = entries[i];
          if (entry !== undefined) entry.reasonCode = 0;
          for (let next = acknowledgements.next(); next !== undefined; next = acknowledgements.next()) given.push(next.packetId);
        }
        expect(given).toEqual(entries.map(({ packetId }) => packetId));
        expect(acknowledgements.size).toBe(0);
      },
    ),
    { numRuns: 10 },
  );
});

test('bytes that are gathered are those that came, in whatever pieces', () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 200, size: 'max' }), { minLength: 1, maxLength: 20 }), (pieces) => {
      const [first = new Uint8Array(), ...rest] = pieces;
      const gathered = new Gathered(first);
      for (const piece of rest) gathered.add(piece);
      expect(Buffer.compare(gathered.bytes, Buffer.concat(pieces))).toBe(0);
    }),
  );
});

test('a packet id is not given again while it is in use [MQTT-2.2.1-3]', () => {
  const flights = new Flights(65_000);
  const free = 65_535 - PLACE_IDS;
  const rest = { queue: 0, offset: 0, qos: 1, state: 'sent', counted: true, settle: undefined, shared: false } as const;
  for (let i = 0; i < free - 1; i++) flights.add({ ...rest, packetId: flights.newId() });
  const last = flights.newId();
  expect(last).toBeGreaterThan(PLACE_IDS);
  expect(flights.get(last)).toBeUndefined();
  flights.add({ ...rest, packetId: last });
  flights.delete(61_500);
  expect(flights.newId()).toBe(61_500);
});
