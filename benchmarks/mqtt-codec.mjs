// The codec of MQTT beside mqtt-packet: packets per second of processor time, of PUBLISH with QoS 1 and of acknowledgements. Both
// read the same bytes, in chunks of 64 KiB; ours writes into a buffer that is used again, mqtt-packet gives a buffer for each.
import { ACK_BYTES, decodePacket, encodePacket, packetEnd, publishLength, writeAck, writePublish } from '@qanat/mqtt';
import mqttPacket from 'mqtt-packet';

const CHUNK_BYTES = 65_536;
const ROUND_MS = 400;
const PROPERTIES = {
  contentType: 'application/json',
  messageExpiryInterval: 3600,
  userProperties: [['site', 'north']],
};
const THEIR_PROPERTIES = { ...PROPERTIES, userProperties: { site: 'north' } };

/** In one piece, as a text that was read. */
const topicOf = (i) => Buffer.from(`devices/${String(i % 1_000).padStart(5, '0')}/telemetry`).toString();
const publish = (i, size, properties) => ({
  type: 'PUBLISH',
  dup: false,
  qos: 1,
  retain: false,
  topic: topicOf(i),
  packetId: (i % 65_535) + 1,
  payload: new Uint8Array(size).fill(120),
  ...(properties === undefined ? {} : { properties }),
});

/** As many packets as fill a chunk. */
function chunkOf(packets) {
  const chunk = Buffer.alloc(CHUNK_BYTES);
  let at = 0;
  let count = 0;
  for (; ; count++) {
    const bytes = packets(count);
    if (at + bytes.length > CHUNK_BYTES) return { chunk: chunk.subarray(0, at), count };
    chunk.set(bytes, at);
    at += bytes.length;
  }
}

/** Processor time of this process, which others on the machine do not lengthen; the collector's is in it. */
function cpuMs() {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

/** @param round does some packets and returns how many. @returns packets per second, the best of three rounds. */
function rate(round) {
  let best = 0;
  for (let i = 0; i < 4; i++) {
    const startMs = cpuMs();
    let done = 0;
    let tookMs = 0;
    do {
      done += round();
      tookMs = cpuMs() - startMs;
    } while (tookMs < ROUND_MS);
    // The first is for the compiler.
    if (i > 0) best = Math.max(best, (done / tookMs) * 1000);
  }
  return best;
}

function decodeOurs({ chunk, count }, version) {
  return rate(() => {
    let seen = 0;
    for (let at = 0; at < chunk.length; ) {
      const end = packetEnd(chunk, at, chunk.length, 1 << 20);
      if (decodePacket(chunk, at, end, version).packetId > 0) seen++;
      at = end;
    }
    if (seen !== count) throw new Error(`${seen} of ${count} packets were decoded`);
    return count;
  });
}

function decodeTheirs({ chunk, count }, version) {
  let seen = 0;
  const parser = mqttPacket.parser({ protocolVersion: version });
  parser.on('packet', ({ messageId }) => {
    if (messageId > 0) seen++;
  });
  parser.on('error', (error) => {
    throw error;
  });
  return rate(() => {
    seen = 0;
    parser.parse(chunk);
    if (seen !== count) throw new Error(`${seen} of ${count} packets were decoded`);
    return count;
  });
}

function encodeOurs(packets, version) {
  const target = new Uint8Array(CHUNK_BYTES);
  return rate(() => {
    let at = 0;
    for (const packet of packets) {
      if (at + publishLength(packet, version) > CHUNK_BYTES) at = 0;
      at = writePublish(target, at, packet, version);
    }
    return packets.length;
  });
}

function encodeAcks() {
  const target = new Uint8Array(CHUNK_BYTES);
  return rate(() => {
    for (let at = 0, id = 1; at < CHUNK_BYTES; at += ACK_BYTES) writeAck(target, at, 'PUBACK', id++);
    return CHUNK_BYTES / ACK_BYTES;
  });
}

function encodeTheirs(packets, protocolVersion) {
  return rate(() => {
    for (const packet of packets) mqttPacket.generate(packet, { protocolVersion });
    return packets.length;
  });
}

const theirsOf = ({ topic, packetId, payload }, properties) => ({
  cmd: 'publish',
  topic,
  messageId: packetId,
  qos: 1,
  payload: Buffer.from(payload),
  ...(properties === undefined ? {} : { properties }),
});

/** @returns rows of [name, ours, theirs], in packets per second. */
export function mqttCodec({ size }) {
  const indices = Array.from({ length: 500 }, (_, i) => i);
  const kinds = [
    ['PUBLISH 3.1.1', 4, topicOf, undefined],
    ['PUBLISH 3.1.1, one topic', 4, () => topicOf(0), undefined],
    ['PUBLISH 5.0', 5, topicOf, undefined],
    ['PUBLISH 5.0, 3 properties', 5, topicOf, PROPERTIES],
  ];
  const rows = [];
  for (const [name, version, topic, properties] of kinds) {
    const packets = indices.map((i) => ({ ...publish(i, size, properties), topic: topic(i) }));
    const theirs = packets.map((packet) => theirsOf(packet, properties && THEIR_PROPERTIES));
    const chunk = chunkOf((i) => encodePacket(packets[i % packets.length], version));
    rows.push([`decode ${name}`, decodeOurs(chunk, version), decodeTheirs(chunk, version)]);
    rows.push([`encode ${name}`, encodeOurs(packets, version), encodeTheirs(theirs, version)]);
  }
  const acks = chunkOf((i) => encodePacket({ type: 'PUBACK', packetId: (i % 65_535) + 1, reasonCode: 0 }, 5));
  const puback = indices.map((i) => ({ cmd: 'puback', messageId: i + 1, reasonCode: 0 }));
  rows.push(['decode PUBACK', decodeOurs(acks, 5), decodeTheirs(acks, 5)]);
  rows.push(['encode PUBACK', encodeAcks(), encodeTheirs(puback, 5)]);
  return rows;
}

/** Prints the rows. */
export function tellMqttCodec({ size, json }) {
  const rows = mqttCodec({ size: Number(size ?? 64) });
  for (const [name, ours, theirs] of rows) {
    const figures = `${(ours / 1e6).toFixed(2).padStart(7)} M/s   mqtt-packet ${(theirs / 1e6).toFixed(2).padStart(6)} M/s`;
    console.log(`${name.padEnd(34)}${figures}   ${(ours / theirs).toFixed(1).padStart(6)}`);
  }
  if (json) console.log(JSON.stringify(rows.map(([name, ours, theirs]) => ({ name, ours, theirs }))));
}
