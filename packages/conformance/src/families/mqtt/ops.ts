import { View } from '../../history/view.ts';
import { bytesOf, isObject, type JsonObject } from '../../json.ts';
import type { Op } from '../../play/family.ts';
import type { Play } from '../../play/play.ts';
import { countOf, flagOf, listOf, msOf, numberOf, objectOf, type Step, textOf } from '../../play/program.ts';
import { SERVER_OPS } from '../../play/server-ops.ts';
import { Device, type DeviceHabits } from './device.ts';
import { ANSWER_MS, clientIdOf, devicesOf, namedIn, sessionOf, untilAnswered } from './devices.ts';
import { COLLECT_MS, owedOf, wasGiven } from './messages.ts';
import { connectPacket, encoded, payloadOf, publishPacket, subscribePacket, unsubscribePacket } from './sent-packets.ts';
import type { PacketName, Version } from './wire/packet.ts';
import { numberIn } from './wire/properties.ts';

const versionOf = (step: JsonObject): Version => (numberOf(step, 'version', 5) === 4 ? 4 : 5);

const deviceIn = (play: Play, step: Step): Device | undefined => devicesOf(play).byName.get(textOf(step, 'd', 'a'));

/** A device that can speak. */
const openIn = (play: Play, step: Step): Device | undefined => {
  const device = deviceIn(play, step);
  return device?.state === 'closed' ? undefined : device;
};

function habitsOf(step: Step): DeviceHabits {
  const dropAt = objectOf(step, 'dropAt');
  return {
    version: versionOf(step),
    holds: new Set(listOf(step, 'holds').map(String)),
    dropAt: step.dropAt === undefined ? undefined : { packet: textOf(dropAt, 'packet'), nth: numberOf(dropAt, 'nth', 1) },
    resends: flagOf(step, 'resends', true),
  };
}

/** Opens a link for the device `d`. @param greeting of its client. */
async function link(play: Play, step: Step, clientId: string, greeting: Uint8Array): Promise<Device> {
  const devices = devicesOf(play);
  const session = sessionOf(play, clientId);
  session.requests.clear();
  const device = new Device(play, session, habitsOf(step), greeting);
  devices.all.push(device);
  devices.byName.set(textOf(step, 'd', 'a'), device);
  return device;
}

/**
 * The device `d` connects: `version` 4 or 5 (the default), `id`: of its client, default its name, empty for none; `holds`:
 * packets that it does not answer; `dropAt`: `{ packet, nth }` at which it drops its link; fields of CONNECT. Waits for
 * CONNACK (`wait`).
 */
const connect: Op = async (play, step) => {
  const clientId = clientIdOf(play, textOf(step, 'id', textOf(step, 'd', 'a')));
  const device = await link(play, step, clientId, connectPacket(step, clientId, versionOf(step), namedIn(play)));
  if (flagOf(step, 'wait', true)) await untilAnswered(play, () => device.connack !== undefined || device.state === 'closed');
};

/** The device `d` opens a link and says nothing. */
const dial: Op = async (play, step) => {
  const device = await link(play, step, '', new Uint8Array(0));
  await untilAnswered(play, () => device.state !== 'opening');
};

/**
 * Publishes: `topic`, `qos`, `retain`, `body` (default: one that no other has) or `size`, `count` such messages, `packetId`,
 * `dup`, `alias` (with `unnamed` and no topic), properties. Waits until exchanges are over (`wait`).
 */
const publish: Op = async (play, step) => {
  const device = openIn(play, step);
  if (device === undefined) return;
  const count = Math.min(countOf(step, 'count'), 2_000);
  const ids: (number | undefined)[] = [];
  const hasRoom = (): boolean => device.session.openCount < takenBy(device) || device.state === 'closed';
  for (let i = 0; i < count; i++) {
    // What a server does not take at once waits, as a client has to.
    if (numberOf(step, 'qos', 0) > 0 && !hasRoom() && !(await untilAnswered(play, hasRoom))) break;
    ids.push(publishOne(play, device, step));
  }
  if (!flagOf(step, 'wait', true)) return;
  const isOver = (): boolean => device.state === 'closed' || !ids.some((id) => id !== undefined && device.session.isOpen(id));
  await untilAnswered(play, isOver);
};

/** The receive maximum of the server. */
const takenBy = ({ connack }: Device): number => numberIn(connack?.properties ?? [], 'receiveMaximum') ?? 65_535;

/** @returns the packet id of the exchange that it begins. */
function publishOne(play: Play, device: Device, step: Step): number | undefined {
  const devices = devicesOf(play);
  const named = namedIn(play);
  const qos = Math.min(Math.max(0, Math.floor(numberOf(step, 'qos', 0))), 2);
  const payload = payloadOf(step, `m${++devices.publications} {t}`, named);
  const topic = flagOf(step, 'unnamed') ? '' : named(textOf(step, 'topic', '{t}/a'));
  const packetId = numberOf(step, 'packetId', qos > 0 ? device.session.freeId() : 0);
  const bytes = publishPacket(
    step,
    { topic, payload, qos, retain: flagOf(step, 'retain') },
    packetId,
    device.habits.version,
    named,
  );
  if (qos > 0) device.session.published(packetId, bytes);
  device.send(bytes);
  return qos > 0 ? packetId : undefined;
}

/** SUBSCRIBE, and waits for SUBACK. */
const subscribe: Op = (play, step) => asking(play, step, subscribePacket);

/** UNSUBSCRIBE, and waits for UNSUBACK. */
const unsubscribe: Op = (play, step) => asking(play, step, unsubscribePacket);

async function asking(play: Play, step: Step, packet: typeof subscribePacket): Promise<void> {
  const device = openIn(play, step);
  if (device === undefined) return;
  const packetId = device.session.freeId();
  device.session.requests.add(packetId);
  device.answered.delete(packetId);
  device.send(packet(step, packetId, device.habits.version, namedIn(play)));
  if (!flagOf(step, 'wait', true)) return;
  await untilAnswered(play, () => device.answered.has(packetId) || device.state === 'closed');
  device.session.requests.delete(packetId);
}

/** PINGREQ, and waits for PINGRESP: what came before it on this connection was handled. */
const ping: Op = async (play, step) => {
  const device = openIn(play, step);
  if (device === undefined) return;
  const before = device.countOf('PINGRESP');
  device.send(encoded({ cmd: 'pingreq' }, device.habits.version));
  if (flagOf(step, 'wait', true))
    await untilAnswered(play, () => device.countOf('PINGRESP') > before || device.state === 'closed');
};

/** Says DISCONNECT with a `reason`, perhaps another `expiry`, and ends the link. */
const disconnect: Op = async (play, step) => {
  const device = openIn(play, step);
  if (device === undefined) return;
  const properties = typeof step.expiry === 'number' ? { properties: { sessionExpiryInterval: step.expiry } } : {};
  const said = device.habits.version === 5 ? { reasonCode: numberOf(step, 'reason', 0), ...properties } : {};
  device.send(encoded({ cmd: 'disconnect', ...said }, device.habits.version));
  device.end();
  await play.until(() => device.state === 'closed', 1_000);
};

/** Drops the link of a device without a word. */
const drop: Op = async (play, step) => deviceIn(play, step)?.drop();

/** A device stops reading (`on`: false), or goes on. */
const reading: Op = async (play, step) => deviceIn(play, step)?.setReading(flagOf(step, 'on', true));

/** A device answers what it has held back, `count` packets of it. */
const release: Op = async (play, step) =>
  openIn(play, step)?.release(typeof step.count === 'number' ? countOf(step, 'count') : undefined);

/** Sends a packet as `mqtt-packet` says it (`packet`). */
const send: Op = async (play, step) => {
  const device = openIn(play, step);
  if (device === undefined || !isObject(step.packet)) return;
  const bytes = tryEncoded(namedDeep(step.packet, namedIn(play)) as JsonObject, device.habits.version);
  if (bytes !== undefined) device.send(bytes);
};

/** What cannot be encoded is no step of the kit's own programs: others may have it. */
function tryEncoded(packet: JsonObject, version: Version): Uint8Array | undefined {
  try {
    return encoded(packet, version);
  } catch {
    return undefined;
  }
}

function namedDeep(json: unknown, named: (text: string) => string): unknown {
  if (typeof json === 'string') return named(json);
  if (Array.isArray(json)) return json.map((one) => namedDeep(one, named));
  if (!isObject(json)) return json;
  return Object.fromEntries(Object.entries(json).map(([name, value]) => [name, namedDeep(value, named)]));
}

/**
 * Sends what a server has to refuse: `hex`, for the rule `clause`; where it says why, by one of `reasons`. Waits until the
 * link is closed.
 */
const wrong: Op = async (play, step) => {
  const device = openIn(play, step);
  if (device === undefined) return;
  const { clause = '', reasons = [], of = '' } = step;
  play.note('wrong', { connection: device.number, clause, reasons, of });
  device.sendRaw(bytesOf(textOf(step, 'hex')));
  await untilAnswered(play, () => device.state === 'closed');
};

/** Publishes with QoS 2 and releases nothing, one message more than the server takes at once, if that is not above `most`. */
const tooMany: Op = async (play, step) => {
  const device = openIn(play, step);
  const takes = numberIn(device?.connack?.properties ?? [], 'receiveMaximum');
  if (device === undefined || takes === undefined || takes > countOf(step, 'most', 1_000)) return;
  for (let i = 0; i < takes; i++) publishOne(play, device, { ...step, qos: 2 });
  await untilAnswered(play, () => device.countOf('PUBREC') >= takes || device.state === 'closed');
  const of = 'a message more than the server takes at once';
  play.note('wrong', { connection: device.number, clause: textOf(step, 'clause'), reasons: listOf(step, 'reasons'), of });
  publishOne(play, device, { ...step, qos: 2 });
  await untilAnswered(play, () => device.state === 'closed');
};

/** Sends bytes as they are, whether they are right or not. */
const raw: Op = async (play, step) => openIn(play, step)?.sendRaw(bytesOf(textOf(step, 'hex')));

/** Waits until so many packets (`count`) of a type have come on the connection of a device. */
const awaitPackets: Op = async (play, step) => {
  const device = deviceIn(play, step);
  if (device === undefined) return;
  const name = textOf(step, 'packet', 'PUBLISH') as PacketName;
  const count = countOf(step, 'count');
  await untilAnswered(play, () => device.countOf(name) >= count || device.state === 'closed', msOf(step, 'withinMs', ANSWER_MS));
};

const awaitClose: Op = async (play, step) => {
  const device = deviceIn(play, step);
  if (device !== undefined) await untilAnswered(play, () => device.state === 'closed', msOf(step, 'withinMs', ANSWER_MS));
};

const LOOK_MS = 50;

/** Waits until every session that is online has been given what it is owed, or for so long that nothing more will come. */
const collect: Op = async (play) => {
  const isComplete = (): boolean => {
    const view = new View(play.history.events, play.ground.slackMs);
    return owedOf(view).every((owed) => wasGiven(view, owed) || owed.life.links.at(-1)?.closed !== undefined);
  };
  for (let waitedMs = 0; waitedMs < COLLECT_MS && !isComplete(); waitedMs += LOOK_MS) await play.pass(LOOK_MS);
  await settle(play, { op: 'settle' });
};

const QUIET_MS = 150;

/** Waits until nothing has come for `ms`, ten times as long at the most. */
const settle: Op = async (play, step) => {
  const { all } = devicesOf(play);
  const ms = msOf(step, 'ms', QUIET_MS);
  const received = (): number => all.reduce((sum, one) => sum + one.received, 0);
  for (let i = 0, before = -1; i < 10 && before !== received(); i++) {
    before = received();
    await play.pass(ms);
  }
};

/** Operations of devices. What a driver can do to its bridge is as for other servers. */
export const MQTT_OPS = {
  connect,
  dial,
  publish,
  subscribe,
  unsubscribe,
  ping,
  disconnect,
  drop,
  reading,
  release,
  send,
  wrong,
  tooMany,
  raw,
  awaitPackets,
  awaitClose,
  settle,
  collect,
  ...{
    pass: SERVER_OPS.pass as Op,
    kill: SERVER_OPS.kill as Op,
    restart: SERVER_OPS.restart as Op,
    pause: SERVER_OPS.pause as Op,
  },
} as const satisfies Readonly<Record<string, Op>>;
