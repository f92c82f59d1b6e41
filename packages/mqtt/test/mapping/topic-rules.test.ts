import { QanatError } from '@qanat/core';
import { MAPPED_TOPICS_KEPT_MAX, matches, mayMeet, RULES_MAX, type Rule, storedKey, TopicRules } from '@qanat/mqtt';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { covers, meetOf } from '../../src/mapping/rule-lint.ts';

const level = fc.constantFrom('a', 'b', '', '$s');
const topic = fc.array(level, { minLength: 1, maxLength: 4, size: 'max' }).map((levels) => levels.join('/'));
const filter = fc
  .tuple(fc.array(fc.oneof(level, fc.constant('+')), { maxLength: 4, size: 'max' }), fc.constantFrom([], ['#']))
  .map(([levels, tail]) => [...levels, ...tail].join('/'))
  .filter((text) => text !== '');

const errorOf = (rules: readonly Rule[]): string => {
  try {
    new TopicRules(rules);
    return '';
  } catch (error) {
    if (!QanatError.is(error, 'BAD_CONFIG')) throw error;
    return `${error.message}; ${error.hint}`;
  }
};

test('[QNT-MQT-001] without rules everything goes to the topic mqtt, by its MQTT topic', () => {
  expect(new TopicRules().toCluster('a/b')).toEqual({
    topic: 'mqtt',
    tag: undefined,
    key: 'a/b',
    carriesTopic: false,
    direction: 'both',
    maxQos: 2,
    retain: true,
  });
});

test('[QNT-MQT-001] [MQTT-4.7.2-1] the first rule that selects a topic decides; one that none selects goes nowhere', () => {
  const rules = new TopicRules([
    { match: 'devices/{id}/cmd', topic: 'commands', direction: 'down' },
    { match: 'devices/#', topic: 'telemetry' },
    { match: '$local/#', topic: 'local' },
  ]);
  expect(rules.toCluster('devices/7/cmd')?.topic).toBe('commands');
  expect(rules.toCluster('devices/7/cmd/x')?.topic).toBe('telemetry');
  expect(rules.toCluster('devices')?.topic).toBe('telemetry');
  expect(rules.toCluster('$local/a')?.topic).toBe('local');
  expect(rules.toCluster('/devices/7')).toBeUndefined();
  expect(new TopicRules().toCluster('$SYS/a')).toBeUndefined();
});

test('[QNT-MQT-002] captures stand in tag and key', () => {
  const rules = new TopicRules([{ match: '{site}/devices/{id}/#', topic: 't', tag: 'site-{site}', key: '{site}.{id}' }]);
  expect(rules.toCluster('north/devices/7/temperature')).toMatchObject({ tag: 'site-north', key: 'north.7', carriesTopic: true });
  expect(rules.toCluster('north/devices/7')).toMatchObject({ key: 'north.7' });
});

test('[QNT-MQT-005] an empty key is the MQTT topic, and a tag that would be none is left out', () => {
  const rules = new TopicRules([{ match: '{a}/{b}', topic: 't', tag: '{b}', key: '{a}' }]);
  expect(rules.toCluster('/x')).toMatchObject({ key: '/x', carriesTopic: false, tag: 'x' });
  expect(rules.toCluster('k/')).toMatchObject({ key: 'k', tag: undefined });
  expect(rules.toCluster('k/a|b')).toMatchObject({ tag: undefined });
  expect(rules.toCluster(`k/${'x'.repeat(128)}`)).toMatchObject({ tag: undefined });
});

test('[QNT-MQT-004] a long key is its hash, and so is one that looks like a hash', () => {
  expect(storedKey('x'.repeat(255))).toBe('x'.repeat(255));
  expect(storedKey('x'.repeat(256))).toMatch(/^#[0-9a-f]{32}$/);
  expect(storedKey('é'.repeat(128))).toMatch(/^#[0-9a-f]{32}$/);
  const hash = storedKey('x'.repeat(256));
  expect(storedKey(hash)).not.toBe(hash);
});

test('[QNT-MQT-002] the same MQTT topic always has the same key, remembered or not', () => {
  const make = () =>
    new TopicRules([
      { match: '{a}/{b}', topic: 't', key: '{b}{a}' },
      { match: '#', topic: 'u' },
    ]);
  const kept = make();
  fc.assert(fc.property(topic, (name) => void expect(kept.toCluster(name)).toEqual(make().toCluster(name))));
  const before = kept.toCluster('x/y');
  for (let i = 0; i < MAPPED_TOPICS_KEPT_MAX + 10; i++) kept.toCluster(`fill/${i}`);
  expect(kept.toCluster('x/y')).toEqual(before);
});

test('which topics of the cluster a filter may receive from: of rules that it may meet, and none of direction up', () => {
  const rules = new TopicRules([
    { match: 'up/#', topic: 'telemetry', direction: 'up' },
    { match: 'cmd/{id}', topic: 'commands', direction: 'down' },
    { match: '#', topic: 'mqtt' },
  ]);
  expect(rules.clusterTopics()).toEqual(['telemetry', 'commands', 'mqtt']);
  expect(rules.clusterTopicsOf('up/1')).toEqual(['mqtt']);
  expect(rules.clusterTopicsOf('+/1')).toEqual(['commands', 'mqtt']);
  expect(rules.clusterTopicsOf('$SYS/#')).toEqual([]);
});

test('a rule that is wrong says which one, what is wrong, and what to do', () => {
  const of = (rule: object): string => errorOf([{ match: 'd/{id}', topic: 't', ...rule } as Rule]);
  expect(of({ key: '{ID}' })).toBe(
    'rule 1 (d/{id} => t): {ID} in "{ID}" is no capture of the rule; the captures of "match" are {id}',
  );
  expect(of({ match: 'd', tag: '{id}' })).toContain('name a level in "match"');
  expect(of({ key: '{id' })).toContain('"{" stands alone');
  expect(of({ match: 'a/{x}y' })).toContain('is no capture');
  expect(of({ match: '{x}/{x}' })).toContain('stands twice');
  expect(of({ match: 'a/#/b' })).toContain('no MQTT topic filter');
  expect(of({ match: '$share/g/a' })).toContain('shared subscription');
  expect(of({ match: 7 })).toContain('"match" is no text');
  expect(of({ topic: '{id}' })).toContain('"topic" names no topic');
  expect(of({ topic: undefined })).toContain('"topic" names no topic');
  expect(of({ tag: '' })).toContain('"tag" is no text');
  expect(of({ direction: 'in' })).toContain('"direction" is "in"');
  expect(of({ maxQos: 3 })).toContain('"maxQos" is 3');
  expect(of({ retain: 'no' })).toContain('"retain" is "no"');
  expect(errorOf([])).toContain('0 rules');
  expect(errorOf(Array.from({ length: RULES_MAX + 1 }, (_, i) => ({ match: `a/${i}`, topic: 't' })))).toContain('257 rules');
});

test('[QNT-MQT-015] a rule that never wins is refused', () => {
  expect(
    errorOf([
      { match: '#', topic: 'mqtt' },
      { match: 'a/{id}', topic: 't' },
    ]),
  ).toBe(
    'rule 2 (a/{id} => t): never wins: rule 1 (# => mqtt) selects all of its topics first; move it in front, or take it out',
  );
  expect(
    errorOf([
      { match: '#', topic: 'mqtt' },
      { match: '$local/#', topic: 't' },
    ]),
  ).toBe('');
});

test('[QNT-MQT-016] two rules that overlap are refused until a rule for both stands in front', () => {
  const pair = [
    { match: 'a/{id}', topic: 'one' },
    { match: '{site}/b', topic: 'two' },
  ];
  expect(errorOf(pair)).toContain('overlaps rule 1 (a/{id} => one): both select a/b');
  expect(errorOf([{ match: 'a/b', topic: 'three' }, ...pair])).toBe('');
  expect(
    errorOf([
      { match: 'a/{id}/cmd', topic: 'one' },
      { match: 'a/#', topic: 'two' },
    ]),
  ).toBe('');
});

test('a filter covers another one where it selects all that the other selects; what both select is one filter', () => {
  fc.assert(
    fc.property(filter, filter, topic, (one, other, name) => {
      if (covers(one, other) && matches(other, name)) expect(matches(one, name)).toBe(true);
      if (matches(one, name) && matches(other, name)) expect(matches(meetOf(one, other), name)).toBe(true);
      if (mayMeet(one, other)) expect([one, other].every((each) => covers(each, meetOf(one, other)))).toBe(true);
    }),
    { numRuns: 2000 },
  );
  expect(covers('a/#', 'a')).toBe(true);
  expect(covers('a/+', 'a/#')).toBe(false);
  expect(covers('+/#', '#')).toBe(true);
  expect(covers('#', '$SYS/a')).toBe(false);
});
