// The link drops at every step of an exchange and of a resume, and the session goes on.
import type { JsonObject } from '../../../json.ts';
import type { Program, Step } from '../../../play/program.ts';
import {
  arrives,
  COLLECT,
  connect,
  disconnect,
  drop,
  inBoth,
  lasting,
  pass,
  ping,
  programOf,
  publish,
  SETTLE,
  subscribe,
} from './steps.ts';

type Version = 4 | 5;

/** A device that receives, and one that publishes. */
const pair = (version: Version, of: JsonObject = {}): readonly Step[] => [
  connect('a', { ...lasting(version), ...of }),
  subscribe('a', { qos: 2 }),
  connect('b', { ...lasting(version) }),
];

/** The receiver drops its link at a packet, comes back, and gets what is left of it. */
const receiverDrops = (version: Version, packet: string, qos: number, nth = 1): readonly Step[] => [
  ...pair(version, { dropAt: { packet, nth } }),
  publish('b', { qos, count: 3 }),
  { op: 'awaitClose', d: 'a' },
  // The server knows by then that it is away.
  SETTLE,
  publish('b', { qos }),
  connect('a', lasting(version)),
  COLLECT,
  publish('b', { qos }),
  COLLECT,
];

/** The publisher drops its link at a packet, comes back, and sends what is left of it. */
const publisherDrops = (version: Version, packet: string, qos: number): readonly Step[] => [
  connect('a', lasting(version)),
  subscribe('a', { qos: 2 }),
  connect('b', { ...lasting(version), dropAt: { packet, nth: 1 } }),
  publish('b', { qos }),
  connect('b', lasting(version)),
  SETTLE,
  publish('b', { qos }),
  publish('b', { qos }),
  COLLECT,
];

/** And without waiting for anything: the packet may have come or not. */
const publisherGone = (version: Version, qos: number): readonly Step[] => [
  connect('a', lasting(version)),
  subscribe('a', { qos: 2 }),
  connect('b', lasting(version)),
  publish('b', { qos, wait: false }),
  drop('b'),
  connect('b', lasting(version)),
  SETTLE,
  publish('b', { qos }),
  COLLECT,
];

/** The answers that a device holds back so that its exchanges are at every place when its link ends. */
const HELD_BEFORE_RESUME = ['PUBACK', 'PUBREC', 'PUBREL', 'PUBCOMP'];

/**
 * A device whose exchanges are at every place, of both directions, comes back, and drops its link at a packet of the
 * resume: what is left of everything comes, and goes, when it is back once more.
 */
const resumeDrops = (version: Version, packet: string, nth: number): readonly Step[] => [
  connect('b', lasting(version)),
  subscribe('b', { qos: 2, filter: '{t}/own' }),
  connect('a', { ...lasting(version), holds: HELD_BEFORE_RESUME }),
  subscribe('a', { qos: 2 }),
  publish('a', { qos: 2, count: 4, topic: '{t}/own', wait: false }),
  { op: 'awaitPackets', d: 'a', packet: 'PUBREC', count: 4 },
  { op: 'release', d: 'a', count: 2 },
  { op: 'awaitPackets', d: 'a', packet: 'PUBCOMP', count: 2 },
  publish('a', { qos: 1, count: 2, topic: '{t}/own', wait: false }),
  { op: 'awaitPackets', d: 'a', packet: 'PUBACK', count: 2 },
  publish('b', { qos: 2, count: 2 }),
  { op: 'awaitPackets', d: 'a', packet: 'PUBREL', count: 2 },
  drop('a'),
  publish('b', { qos: 1, count: 2 }),
  publish('b', { qos: 2, count: 2 }),
  connect('a', { ...lasting(version), dropAt: { packet, nth } }),
  { op: 'awaitClose', d: 'a' },
  connect('a', lasting(version)),
  publish('b', { qos: 1 }),
  COLLECT,
];

/** What comes in a resume, more than once but for CONNACK. */
const STEPS_OF_RESUME: readonly (readonly [packet: string, nth: number])[] = [
  ['CONNACK', 1],
  ...['PUBLISH', 'PUBREL', 'PUBREC', 'PUBCOMP', 'PUBACK'].flatMap((packet) => [1, 2].map((nth) => [packet, nth] as const)),
];

/** A PUBLISH of QoS 2 that comes again and again before it is released. */
const sentAgain = (version: Version): readonly Step[] => [
  connect('a', lasting(version)),
  subscribe('a', { qos: 2 }),
  connect('b', { ...lasting(version), holds: ['PUBREC'] }),
  publish('b', { qos: 2, packetId: 7, body: 'once', wait: false }),
  { op: 'awaitPackets', d: 'b', packet: 'PUBREC' },
  publish('b', { qos: 2, packetId: 7, body: 'once', dup: true, wait: false }),
  { op: 'awaitPackets', d: 'b', packet: 'PUBREC', count: 2 },
  drop('b'),
  connect('b', { ...lasting(version), holds: ['PUBREC'] }),
  { op: 'awaitPackets', d: 'b', packet: 'PUBREC' },
  publish('b', { qos: 2, packetId: 7, body: 'once', dup: true, wait: false }),
  { op: 'awaitPackets', d: 'b', packet: 'PUBREC', count: 2 },
  { op: 'release', d: 'b', count: 1 },
  { op: 'awaitPackets', d: 'b', packet: 'PUBCOMP' },
  publish('b', { qos: 2, packetId: 7, body: 'twice', wait: false }),
  { op: 'awaitPackets', d: 'b', packet: 'PUBREC', count: 3 },
  { op: 'send', d: 'b', packet: { cmd: 'pubrel', messageId: 7 } },
  { op: 'awaitPackets', d: 'b', packet: 'PUBCOMP', count: 2 },
  COLLECT,
];

const strangePubrels = (version: Version): readonly Step[] => [
  connect('a', lasting(version)),
  { op: 'send', d: 'a', packet: { cmd: 'pubrel', messageId: 77 } },
  { op: 'awaitPackets', d: 'a', packet: 'PUBCOMP' },
  publish('a', { qos: 2, packetId: 3 }),
  { op: 'send', d: 'a', packet: { cmd: 'pubrel', messageId: 3 } },
  { op: 'send', d: 'a', packet: { cmd: 'pubrel', messageId: 3 } },
  { op: 'awaitPackets', d: 'a', packet: 'PUBCOMP', count: 4 },
  drop('a'),
  connect('a', lasting(version)),
  { op: 'send', d: 'a', packet: { cmd: 'pubrel', messageId: 3 } },
  { op: 'awaitPackets', d: 'a', packet: 'PUBCOMP' },
  ping('a'),
];

const awayForLong = (version: Version): readonly Step[] => [
  ...pair(version),
  disconnect('a'),
  publish('b', { qos: 1, count: 150 }),
  publish('b', { qos: 2, count: 50 }),
  publish('b', { qos: 0, count: 5 }),
  connect('a', lasting(version)),
  COLLECT,
  publish('b', { qos: 1 }),
  COLLECT,
];

/** It acknowledges nothing for a while: what waits comes in order, and the oldest comes first when it is back. */
const holdsBack = (version: Version): readonly Step[] => [
  ...pair(version, { holds: ['PUBLISH'] }),
  publish('b', { qos: 1, count: 10 }),
  publish('b', { qos: 2, count: 10 }),
  arrives('a', 10),
  { op: 'release', d: 'a', count: 3 },
  SETTLE,
  drop('a'),
  publish('b', { qos: 1, count: 3 }),
  connect('a', lasting(version)),
  COLLECT,
];

export const RESUME_PROGRAMS: readonly Program[] = [
  ...[1, 2].flatMap((qos) =>
    inBoth(`receiver-drops-at-publish-of-qos-${qos}`, (version) => receiverDrops(version, 'PUBLISH', qos)),
  ),
  ...inBoth('receiver-drops-at-a-later-publish', (version) => receiverDrops(version, 'PUBLISH', 1, 2)),
  ...inBoth('receiver-drops-at-pubrel', (version) => receiverDrops(version, 'PUBREL', 2)),
  ...inBoth('publisher-drops-at-puback', (version) => publisherDrops(version, 'PUBACK', 1)),
  ...inBoth('publisher-drops-at-pubrec', (version) => publisherDrops(version, 'PUBREC', 2)),
  ...inBoth('publisher-drops-at-pubcomp', (version) => publisherDrops(version, 'PUBCOMP', 2)),
  ...[1, 2].flatMap((qos) => inBoth(`publisher-gone-behind-publish-of-qos-${qos}`, (version) => publisherGone(version, qos))),
  ...STEPS_OF_RESUME.flatMap(([packet, nth]) =>
    inBoth(`resume-drops-at-${packet.toLowerCase()}-${nth}`, (version) => resumeDrops(version, packet, nth)),
  ),
  ...inBoth('publish-of-qos-2-sent-again', sentAgain),
  ...inBoth('pubrel-of-nothing', strangePubrels),
  ...inBoth('away-for-two-hundred-messages', awayForLong),
  ...inBoth('receiver-holds-back', holdsBack),
  ...inBoth('packet-ids-come-again', (version) => [
    ...pair(version),
    ...Array.from({ length: 6 }, (_, i) => publish('b', { qos: 1 + (i % 2), packetId: 1 + (i % 2) })),
    drop('b'),
    connect('b', lasting(version)),
    ...Array.from({ length: 6 }, (_, i) => publish('b', { qos: 1 + (i % 2), packetId: 1 + (i % 2) })),
    COLLECT,
  ]),
  ...inBoth('resumed-twice-before-it-reads', (version) => [
    ...pair(version),
    disconnect('a'),
    publish('b', { qos: 2, count: 4 }),
    connect('a', { ...lasting(version), holds: ['PUBLISH'] }),
    arrives('a', 4),
    drop('a'),
    connect('a', { ...lasting(version), holds: ['PUBREL'] }),
    { op: 'awaitPackets', d: 'a', packet: 'PUBREL', count: 4 },
    drop('a'),
    connect('a', lasting(version)),
    COLLECT,
    ping('a'),
  ]),
  programOf(
    'the-bridge-is-restarted',
    [...pair(5), disconnect('a'), publish('b', { qos: 2, count: 5 }), { op: 'restart' }, ...back(), COLLECT],
    {
      alone: true,
      needs: ['stop'],
    },
  ),
  programOf(
    'the-bridge-is-killed',
    [...pair(5), disconnect('a'), publish('b', { qos: 1, count: 5 }), { op: 'kill' }, ...back(), COLLECT],
    {
      alone: true,
      needs: ['kill'],
    },
  ),
  programOf(
    'killed-under-load',
    [...pair(5), publish('b', { qos: 1, count: 20, wait: false }), { op: 'kill' }, ...back(), COLLECT],
    {
      alone: true,
      needs: ['kill'],
    },
  ),
];

/** Both devices come back, and more is published. */
function back(): readonly Step[] {
  return [connect('b', lasting(5)), SETTLE, publish('b', { qos: 1 }), connect('a', lasting(5)), pass(50)];
}
