import { LIMITS, utf8, utf8Length } from '@qanat/core';
import {
  encodePacket,
  PROPERTY,
  type Publication,
  type PublicationProperties,
  type Publish,
  TopicRules,
  toMessage,
  toPublication,
} from '@qanat/mqtt';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { storedMessage } from './stored-message.ts';

const rules = new TopicRules();

const LONG = 65_535;
/** What may stand in a string of MQTT. */
const text = fc
  .oneof(
    { weight: 8, arbitrary: fc.string({ unit: 'grapheme', maxLength: 40, size: 'max' }) },
    { weight: 2, arbitrary: fc.string({ unit: 'binary', maxLength: 300, size: 'max' }) },
    {
      weight: 1,
      arbitrary: fc.tuple(fc.constantFrom('a', 'é', '\u0001', '"'), fc.nat(LONG)).map(([unit, count]) => unit.repeat(count)),
    },
  )
  .map((value) => value.replaceAll('\0', ''))
  .filter((value) => utf8Length(value) <= LONG && !/\p{Surrogate}/u.test(value));
const topic = text.map((value) => value.replace(/[+#]/g, '/')).filter((value) => value !== '' && !value.startsWith('$'));

const properties: fc.Arbitrary<PublicationProperties | undefined> = fc
  .record(
    {
      payloadFormatIndicator: fc.constantFrom(0 as const, 1 as const),
      contentType: text,
      responseTopic: topic,
      correlationData: fc.uint8Array({ maxLength: 2000, size: 'max' }),
      userProperties: fc.array(fc.tuple(fc.oneof(fc.constantFrom('a', '1', '__proto__', ''), text), text), {
        minLength: 1,
        maxLength: 6,
        size: 'max',
      }),
      expiresAtMs: fc.maxSafeNat(),
    },
    { requiredKeys: [] },
  )
  .map((record) => (Object.keys(record).length === 0 ? undefined : record));

const publication: fc.Arbitrary<Publication> = fc.record({
  topic,
  qos: fc.constantFrom(0 as const, 1 as const, 2 as const),
  retain: fc.boolean(),
  payload: fc.oneof(fc.constant(new Uint8Array(0)), fc.uint8Array({ maxLength: 300, size: 'max' })),
  clientId: fc.option(text, { nil: undefined }),
  properties: fc.option(properties, { nil: undefined }),
});

function through(given: Publication, by: TopicRules): Publication | undefined {
  const mapped = by.toCluster(given.topic);
  if (mapped === undefined) throw new Error('not mapped');
  return toPublication(storedMessage(mapped.topic, toMessage(given, mapped, 1)), by);
}

test('[QNT-MQT-007] [MQTT-3.3.2-17] a publication comes back as it was, whatever stands in it', () => {
  fc.assert(
    fc.property(publication, (given) => void expect(through(given, rules)).toEqual(given)),
    { numRuns: 500 },
  );
});

test('[QNT-MQT-006] [QNT-MQT-007] it does so by rules with keys and tags of their own', () => {
  const levels = new TopicRules([
    { match: '{a}/{b}', topic: 'two', key: '{b}', tag: '{a}' },
    { match: '#', topic: 'rest', key: 'one' },
  ]);
  fc.assert(
    fc.property(publication, (given) => void expect(through(given, levels)).toEqual(given)),
    { numRuns: 200 },
  );
});

test('[QNT-MQT-004] a topic of 65,535 bytes comes back, and so does one of 255 as the key itself', () => {
  for (const length of [254, 255, 256, LONG]) {
    const given = { topic: 'é'.repeat(length >> 1).padEnd(length - (length >> 1), 'x'), qos: 1, retain: false } as const;
    const whole = { ...given, payload: utf8('p'), clientId: 'c', properties: undefined };
    expect(through(whole, rules)).toEqual(whole);
    const key = toMessage(whole, rules.toCluster(whole.topic) ?? expect.unreachable(), 0).key as string;
    expect(key === whole.topic).toBe(utf8Length(whole.topic) <= LIMITS.KEY_BYTES_MAX);
  }
});

test('[QNT-MQT-008] [MQTT-3.3.2-18] user properties keep their order and their duplicates', () => {
  const userProperties = [
    ['b', '1'],
    ['a', '2'],
    ['b', '3'],
    ['2', 'x'],
    ['1', 'y'],
    ['b', '1'],
  ] as const;
  const given = { topic: 't', qos: 0, retain: false, payload: utf8(''), clientId: 'c', properties: { userProperties } } as const;
  const message = toMessage(given, rules.toCluster('t') ?? expect.unreachable(), 0);
  expect(message.properties?.[PROPERTY.USER]).toBe('[["b","1"],["a","2"],["b","3"],["2","x"],["1","y"],["b","1"]]');
  expect(through(given, rules)).toEqual(given);
});

test('[QNT-MQT-008] the common message has two properties, and its born time is when it was received', () => {
  const given = { topic: 't', qos: 1, retain: false, payload: utf8('21'), clientId: 'c', properties: undefined } as const;
  expect(toMessage(given, rules.toCluster('t') ?? expect.unreachable(), 42)).toEqual({
    body: utf8('21'),
    key: 't',
    bornTimeMs: 42,
    properties: { 'mqtt.qos': '1', 'mqtt.client': 'c' },
  });
});

test('[QNT-MQT-013] what was fetched from another MQTT server says so, and devices see nothing of it', () => {
  const given = { topic: 't', qos: 0, retain: false, payload: utf8(''), clientId: 'c', properties: undefined } as const;
  const mapped = rules.toCluster('t') ?? expect.unreachable();
  const message = toMessage(given, mapped, 0, 'factory');
  expect(message.properties?.[PROPERTY.FROM]).toBe('factory');
  expect(toPublication(storedMessage('mqtt', message), rules)).toEqual(given);
});

test('[QNT-MQT-014] properties without room stand in front of the body', () => {
  const contentType = 'x'.repeat(LIMITS.PROPERTIES_BYTES_MAX);
  const given = { topic: 't', qos: 2, retain: true, payload: utf8('body'), clientId: 'c', properties: { contentType } } as const;
  const { body, properties: texts } = toMessage(given, rules.toCluster('t') ?? expect.unreachable(), 0, 'factory');
  const head = `{"mqtt.client":"c","mqtt.content-type":"${contentType}"}`;
  expect(texts).toEqual({ 'mqtt.qos': '2', 'mqtt.retain': '1', 'mqtt.from': 'factory', 'mqtt.head': String(head.length) });
  expect(body).toEqual(utf8(`${head}body`));
});

test('[QNT-MQT-014] a message whose front is no JSON of texts is none of MQTT', () => {
  for (const [head, length] of [
    ['{}', '3'],
    ['[]', '2'],
    ['{"mqtt.qos":1}', '14'],
    ['null', '4'],
    ['{}', '-1'],
    ['{}', '99'],
  ] as const)
    expect(
      toPublication(storedMessage('mqtt', { body: head, key: 't', properties: { 'mqtt.head': length } }), rules),
    ).toBeUndefined();
});

test('[QNT-MQT-009] [QNT-MQT-010] a message of another client is published with QoS 1, its properties are user properties', () => {
  const properties = { region: 'north', 'qnt.attempt': '2', 'mqtt.unknown': 'x', nul: '\0' };
  expect(toPublication(storedMessage('mqtt', { body: 'on', key: 'a/b', properties }), rules)).toEqual({
    topic: 'a/b',
    qos: 1,
    retain: false,
    payload: utf8('on'),
    clientId: undefined,
    properties: { userProperties: [['region', 'north']] },
  });
  const asked = storedMessage('mqtt', { body: 'on', key: 'a/b', properties: { 'mqtt.qos': '0', 'mqtt.retain': '1' } });
  expect(toPublication(asked, rules)).toMatchObject({ qos: 0, retain: true, properties: undefined });
});

test('[QNT-MQT-011] a message without key and property is none of MQTT, and none with a name that is no topic', () => {
  for (const init of [
    { body: 'x' },
    { body: 'x', key: 'a/+' },
    { body: 'x', key: '#00' },
    { body: 'x', key: 'k', properties: { 'mqtt.topic': '' } },
    { body: 'x', key: 'k', properties: { 'mqtt.topic': 'a\0b' } },
    { body: 'x', key: '$SYS/uptime' },
  ])
    expect(toPublication(storedMessage('mqtt', init), rules)).toBeUndefined();
});

test('[QNT-MQT-012] a message is for devices only by the rule that its topic meets first', () => {
  const some = new TopicRules([
    { match: 'up/#', topic: 'telemetry', direction: 'up' },
    { match: 'cmd/#', topic: 'commands', direction: 'down' },
    { match: '#', topic: 'mqtt' },
  ]);
  const seen = (topic: string, key: string) => toPublication(storedMessage(topic, { body: '', key }), some) !== undefined;
  expect(seen('telemetry', 'up/1')).toBe(false);
  expect(seen('mqtt', 'up/1')).toBe(false);
  expect(seen('commands', 'cmd/1')).toBe(true);
  expect(seen('mqtt', 'cmd/1')).toBe(false);
  expect(seen('mqtt', 'other')).toBe(true);
});

test('[QNT-MQT-010] what MQTT cannot say is left out of a message of another client', () => {
  const properties = {
    'mqtt.qos': '3',
    'mqtt.retain': 'yes',
    'mqtt.format': '2',
    'mqtt.content-type': '\0',
    'mqtt.response-topic': 'a/#',
    'mqtt.correlation': 'no base64',
    'mqtt.expires': '1e3',
    'mqtt.user': '[["a"],["b",1],["c","\\ud800"],["d","e"],7]',
  };
  expect(toPublication(storedMessage('mqtt', { body: '', key: 't', properties }), rules)).toMatchObject({
    qos: 1,
    retain: false,
    properties: { userProperties: [['d', 'e']] },
  });
  const broken = storedMessage('mqtt', { body: '', key: 't', properties: { 'mqtt.user': '{' } });
  expect(toPublication(broken, rules)?.properties).toBeUndefined();
});

test('[QNT-MQT-003] a rule lowers the quality of service, and takes RETAIN off', () => {
  const low = new TopicRules([{ match: '#', topic: 'mqtt', maxQos: 1, retain: false }]);
  const given = { topic: 't', qos: 2, retain: true, payload: utf8(''), clientId: 'c', properties: undefined } as const;
  expect(through(given, low)).toEqual({ ...given, qos: 1, retain: false });
});

test('[QNT-MQT-010] whatever other clients write, MQTT can say what devices are given of it', () => {
  const names = fc.oneof(fc.constantFrom(...Object.values(PROPERTY)), fc.string({ unit: 'binary', maxLength: 8 }));
  const values = fc.oneof(
    text.filter((value) => utf8Length(value) < 2000),
    fc.string({ unit: 'binary', maxLength: 20 }),
    fc.json({ maxDepth: 2 }),
    fc.constantFrom('0', '1', '2', 'AA==', '[["a","b"]]', '[["a\\ud800","b"]]', 'a/b', 'a/+'),
  );
  const key = fc.oneof(
    topic.filter((name) => utf8Length(name) <= LIMITS.KEY_BYTES_MAX),
    fc.string({ unit: 'binary', maxLength: 9 }),
  );
  fc.assert(
    fc.property(fc.dictionary(names, values, { maxKeys: 8, size: 'max' }), key, fc.json(), (properties, keyText, body) => {
      const given = toPublication(storedMessage('mqtt', { body, key: keyText, properties }), rules);
      if (given === undefined) return;
      const { expiresAtMs: _, ...rest } = given.properties ?? {};
      const packetId = given.qos === 0 ? 0 : 1;
      const publish: Publish = { type: 'PUBLISH', dup: false, ...given, packetId, properties: rest };
      expect(encodePacket(publish, 5).length).toBeGreaterThan(0);
    }),
    { numRuns: 1000 },
  );
});
