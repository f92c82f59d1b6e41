// Devices on one side of a bridge, and its cluster on the other.
import type { JsonObject } from '../../../json.ts';
import type { Program, Step } from '../../../play/program.ts';
import { arrives, COLLECT, connect, drop, lasting, pass, programOf, publish, SETTLE, subscribe } from './steps.ts';

const CLUSTER: Step = { op: 'cluster' };
const READ: Step = { op: 'readStored' };
const store = (fields: JsonObject): Step => ({ op: 'store', ...fields });

/** The topic is there once a bridge was: the first device makes sure of it. */
const begin: readonly Step[] = [connect('a'), subscribe('a', { filter: '{t}/#', qos: 2 }), publish('a', { qos: 1 }), CLUSTER];

const mapping = (name: string, steps: readonly Step[]): Program => programOf(name, [...begin, ...steps], { needs: ['cluster'] });

/** Longer than a key may be. */
const LONG = `{t}/${'level/'.repeat(50)}end`;

export const MAPPING_PROGRAMS: readonly Program[] = [
  mapping('stored-as-published', [
    connect('b', { version: 4 }),
    ...[0, 1, 2].flatMap((qos) => [publish('a', { qos, count: 5 }), publish('b', { qos, topic: '{t}/b/c', count: 3 })]),
    publish('a', { qos: 1, topic: LONG }),
    publish('a', { qos: 2, topic: '{t}/ä//b/' }),
    COLLECT,
    READ,
  ]),
  mapping('properties-as-published', [
    publish('a', { qos: 1, format: 1, contentType: 'text/plain', responseTopic: '{t}/r', correlation: '00ff0a', expiry: 600 }),
    publish('a', {
      qos: 1,
      user: [
        ['b', '1'],
        ['a', '2'],
        ['b', '3'],
        ['', ''],
      ],
    }),
    publish('a', { qos: 2, format: 0, contentType: '', correlation: '' }),
    publish('a', { qos: 1, retain: true, topic: '{t}/keep' }),
    publish('a', { qos: 1, user: Array.from({ length: 9 }, (_, i) => [`long${i}`, 'x'.repeat(6_000)]) }),
    COLLECT,
    READ,
    publish('a', { qos: 1, retain: true, topic: '{t}/keep', body: '' }),
  ]),
  mapping('qos-2-stored-once', [
    connect('b', { ...lasting(5), holds: ['PUBREC'] }),
    publish('b', { qos: 2, packetId: 7, body: 'once {t}', wait: false }),
    { op: 'awaitPackets', d: 'b', packet: 'PUBREC' },
    publish('b', { qos: 2, packetId: 7, body: 'once {t}', dup: true, wait: false }),
    { op: 'awaitPackets', d: 'b', packet: 'PUBREC', count: 2 },
    drop('b'),
    connect('b', lasting(5)),
    { op: 'awaitPackets', d: 'b', packet: 'PUBCOMP' },
    publish('b', { qos: 2, packetId: 7 }),
    COLLECT,
    READ,
  ]),
  mapping('messages-of-other-clients', [
    store({ key: '{t}/x', body: 'by key' }),
    store({ key: 'something else', body: 'by property', properties: { 'mqtt.topic': '{t}/y/z' } }),
    store({ key: '{t}/x', body: 'with properties', properties: { colour: 'red', 'qnt.x': '1', size: '7' } }),
    store({ key: '{t}/x', body: 'with QoS 2', properties: { 'mqtt.qos': '2' } }),
    store({ key: '{t}/x', body: 'of a device', properties: { 'mqtt.client': 'somebody' } }),
    store({ key: '{t}/#', body: 'by no topic' }),
    store({ body: 'without a key {t}' }),
    arrives('a', 6),
    pass(2_000),
  ]),
  mapping('retained-by-other-clients', [
    store({ key: '{t}/r', body: 'first', properties: { 'mqtt.retain': '1' } }),
    store({ key: '{t}/r', body: 'second', properties: { 'mqtt.retain': '1' } }),
    store({ key: '{t}/gone', body: 'to be removed', properties: { 'mqtt.retain': '1' } }),
    store({ key: '{t}/gone', body: '', properties: { 'mqtt.retain': '1' } }),
    pass(1_500),
    connect('b'),
    subscribe('b', { filter: '{t}/#', qos: 1 }),
    SETTLE,
    pass(1_500),
    publish('a', { qos: 1, retain: true, topic: '{t}/r', body: '' }),
  ]),
  mapping('topics-that-no-rule-selects', [
    publish('a', { qos: 1, topic: '$kit/{t}' }),
    publish('a', { qos: 2, topic: '$kit/{t}' }),
    connect('b', { version: 4 }),
    publish('b', { qos: 1, topic: '$kit/{t}' }),
    SETTLE,
  ]),
];
