import { FilterTree, isTopicFilter, isTopicName, matches, mayMeet, parseShare } from '@qanat/mqtt';
import fc from 'fast-check';
import { expect, test } from 'vitest';

const level = fc.constantFrom('a', 'b', '', '$s', 'ab');
const topic = fc.array(level, { minLength: 1, maxLength: 5, size: 'max' }).map((levels) => levels.join('/'));
const filter = fc
  .tuple(fc.array(fc.oneof(level, fc.constant('+')), { maxLength: 5, size: 'max' }), fc.constantFrom([], ['#']))
  .map(([levels, tail]) => [...levels, ...tail].join('/'))
  .filter((text) => text !== '');

test('a filter selects as the table of section 4.7.1 says [MQTT-4.7.1-1] [MQTT-4.7.1-2]', () => {
  for (const [pattern, name, hit] of [
    ['sport/tennis/player1/#', 'sport/tennis/player1', true],
    ['sport/tennis/player1/#', 'sport/tennis/player1/score/wimbledon', true],
    ['sport/#', 'sport', true],
    ['sport/tennis/+', 'sport/tennis/player1/ranking', false],
    ['sport/+', 'sport', false],
    ['sport/+', 'sport/', true],
    ['+/+', '/finance', true],
    ['/+', '/finance', true],
    ['+', '/finance', false],
    ['a', '/a', false],
  ] as const)
    expect(matches(pattern, name), `${pattern} and ${name}`).toBe(hit);
});

test('a wildcard in front selects no topic of $ [MQTT-4.7.2-1]', () => {
  expect(matches('#', '$SYS/uptime')).toBe(false);
  expect(matches('+/uptime', '$SYS/uptime')).toBe(false);
  expect(matches('$SYS/#', '$SYS/uptime')).toBe(true);
  expect(matches('$SYS/+', '$SYS/uptime')).toBe(true);
});

test('what is no filter and what is no name [MQTT-4.7.1-1] [MQTT-4.7.3-1] [MQTT-3.3.2-2]', () => {
  expect(['a#', 'a/#/b', '+a', '', 'a\0'].filter(isTopicFilter)).toEqual([]);
  expect(['#', '+', '+/a/#', '/', ' '].every(isTopicFilter)).toBe(true);
  expect(['a+', 'a/#', '', '\0'].filter(isTopicName)).toEqual([]);
});

test('a share has a name without wildcards and a filter [MQTT-4.8.2-1] [MQTT-4.8.2-2]', () => {
  expect(parseShare('$share/g/a/+')).toEqual({ name: 'g', filter: 'a/+' });
  expect(['$share/g', '$share//a', '$share/g+/a', '$share/g/', '$share', 'a'].filter((text) => parseShare(text))).toEqual([]);
});

test('the tree finds what trying every filter finds, also after some are taken out', () => {
  fc.assert(
    fc.property(
      fc.array(filter, { size: 'max', maxLength: 30 }),
      fc.array(topic, { size: 'max', maxLength: 20 }),
      (filters, topics) => {
        const tree = new FilterTree<string>();
        filters.forEach((text, i) => void tree.set(text, String(i), text));
        const kept = filters.map((text, i) => ({ text, key: String(i) })).filter((_, i) => i % 3 !== 0);
        filters.forEach((text, i) => void (i % 3 === 0 && expect(tree.delete(text, String(i))).toBe(true)));
        expect(tree.size).toBe(kept.length);
        expect(tree.nodes).toBeLessThanOrEqual(1 + 2 * kept.length);
        for (const name of topics) {
          const found: string[] = [];
          tree.match(name, (_, key) => void found.push(key));
          expect(found.sort()).toEqual(
            kept
              .filter(({ text }) => matches(text, name))
              .map(({ key }) => key)
              .sort(),
          );
        }
        for (const { text, key } of kept) expect(tree.delete(text, key)).toBe(true);
        expect([tree.size, tree.nodes]).toEqual([0, 1]);
      },
    ),
  );
});

test('a tree has a node where filters part or end, not for each of their levels: long ones cost no more than short ones', () => {
  const tree = new FilterTree<number>();
  const levels = (i: number) => Array.from({ length: 128 }, (_, level) => (level < 10 && ((i >> level) & 1) === 0 ? 'a' : '+'));
  for (let i = 0; i < 1_000; i++) tree.set(levels(i).join('/'), '', i);
  expect(tree.nodes).toBeLessThanOrEqual(2_001);
  let found = 0;
  tree.match(Array(128).fill('a').join('/'), () => void found++);
  expect(found).toBe(1_000);
  for (let i = 1; i < 1_000; i++) tree.delete(levels(i).join('/'), '');
  expect(tree.nodes).toBe(2);
});

test('two filters may meet where one topic is selected by both', () => {
  fc.assert(
    fc.property(filter, filter, topic, (one, other, name) => {
      if (matches(one, name) && matches(other, name)) expect(mayMeet(one, other)).toBe(true);
    }),
    { numRuns: 1000 },
  );
  expect(mayMeet('a/+', 'b/#')).toBe(false);
  expect(mayMeet('a/+/c', '+/b/#')).toBe(true);
  expect(mayMeet('a', 'a/#')).toBe(true);
  expect(mayMeet('#', '$SYS/a')).toBe(false);
});
