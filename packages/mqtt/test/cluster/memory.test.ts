import { matches } from '@qanat/mqtt';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { RecentMessages } from '../../src/cluster/recent-messages.ts';
import { StoredMessage } from '../../src/cluster/stored-publication.ts';
import { TopicTree } from '../../src/cluster/topic-tree.ts';

const message = (queue: number, offset: number, bytes = 10): StoredMessage =>
  new StoredMessage(
    { topic: 't', qos: 1, retain: false, clientId: undefined, properties: undefined },
    new Uint8Array(bytes),
    queue,
    offset,
    0,
  );

const level = fc.constantFrom('a', 'b', '', '$s');
const topic = fc.array(level, { minLength: 1, maxLength: 4, size: 'max' }).map((levels) => levels.join('/'));
const filter = fc
  .tuple(fc.array(fc.oneof(level, fc.constant('+')), { maxLength: 4, size: 'max' }), fc.constantFrom([], ['#']))
  .map(([levels, tail]) => [...levels, ...tail].join('/'))
  .filter((text) => text !== '');

test('a tree of topics gives what matching each topic would give [MQTT-4.7.1-2] [MQTT-4.7.2-1]', () => {
  fc.assert(
    fc.property(
      fc.uniqueArray(topic, { maxLength: 15, size: 'max' }),
      fc.array(topic, { size: 'max', maxLength: 5 }),
      filter,
      (set, gone, by) => {
        const tree = new TopicTree<{ name: string }>();
        for (const name of set) tree.set(name, { name });
        for (const name of gone) tree.delete(name);
        const left = set.filter((name) => !gone.includes(name));
        expect(tree.size).toBe(left.length);
        expect([...tree.match(by)].map(({ name }) => name).toSorted()).toEqual(
          left.filter((name) => matches(by, name)).toSorted(),
        );
        for (const name of set) expect(tree.get(name)?.name).toBe(left.includes(name) ? name : undefined);
      },
    ),
  );
});

test('recent messages: what is here is found, what left is gone, what is none is undefined, and the bytes are bounded', () => {
  const spans = fc.array(
    fc.record({
      queue: fc.nat({ max: 2 }),
      length: fc.integer({ min: 1, max: 5 }),
      holes: fc.nat({ max: 31 }),
      bytes: fc.nat({ max: 2_000 }),
    }),
    { maxLength: 40, size: 'max' },
  );
  fc.assert(
    fc.property(spans, (batches) => {
      const recent = new RecentMessages(10_000);
      const ends = new Map<number, number>();
      const all = new Map<string, StoredMessage | undefined>();
      for (const { queue, length, holes, bytes } of batches) {
        const from = ends.get(queue) ?? 0;
        const messages: StoredMessage[] = [];
        for (let i = 0; i < length; i++) {
          const one = (holes >> i) % 2 === 0 ? message(queue, from + i, bytes) : undefined;
          if (one !== undefined) messages.push(one);
          all.set(`${queue}:${from + i}`, one);
        }
        recent.add(queue, from, from + length, messages);
        ends.set(queue, from + length);
        expect(recent.bytes).toBeLessThanOrEqual(10_000);
      }
      for (const [place, expected] of all) {
        const [queue = 0, offset = 0] = place.split(':').map(Number);
        const since = recent.since(queue) ?? Number.POSITIVE_INFINITY;
        expect(recent.find(queue, offset)).toEqual(offset < since ? 'gone' : expected);
      }
      for (const [queue, end] of ends) {
        const since = recent.since(queue);
        if (since === undefined) continue;
        const visited: number[] = [];
        expect(recent.visit(queue, since, end, ({ offset }) => visited.push(offset) > 0)).toBe(end);
        const expected = [...all].filter(([place, one]) => one !== undefined && place.startsWith(`${queue}:`));
        expect(visited).toEqual(expected.map(([, one]) => one?.offset ?? 0).filter((offset) => offset >= since));
      }
    }),
  );
});
