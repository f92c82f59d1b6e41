import { isShared, isTopicFilter, parseShare } from '../filters/topic-filter.ts';
import { MqttError, malformed, protocolError } from './mqtt-error.ts';
import type { ProtocolVersion, QoS, RetainHandling, Subscribe, Subscription, Unsubscribe } from './packet.ts';
import { readPacketId } from './packet-id.ts';
import { FILTERS_PER_PACKET_MAX, TOPIC_LEVELS_MAX } from './packet-limits.ts';
import type { PacketReader } from './packet-reader.ts';
import { PACKET_TYPE } from './packet-type.ts';
import { readProperties } from './read-properties.ts';
import { REASON } from './reason-codes.ts';

const filterInvalid = (message: string): MqttError => new MqttError(REASON.TOPIC_FILTER_INVALID, message);

function levelsOf(filter: string): number {
  let levels = 1;
  for (let at = filter.indexOf('/'); at >= 0; at = filter.indexOf('/', at + 1)) levels++;
  return levels;
}

/** [MQTT-4.7.1-1] [MQTT-4.7.1-2] [MQTT-4.7.3-1], of shared subscriptions [MQTT-4.8.2-1] [MQTT-4.8.2-2]. */
function readFilter(reader: PacketReader): string {
  const filter = reader.text();
  if (levelsOf(filter) > TOPIC_LEVELS_MAX) throw filterInvalid(`a topic filter of more than ${TOPIC_LEVELS_MAX} levels`);
  if (isShared(filter) ? parseShare(filter) === undefined : !isTopicFilter(filter))
    throw filterInvalid('a topic filter is none by its form');
  return filter;
}

/** Reads entries until the packet ends: there is at least one [MQTT-3.8.3-2] [MQTT-3.10.3-2]. */
function readEntries<Entry>(reader: PacketReader, read: () => Entry): Entry[] {
  if (reader.left === 0) throw protocolError('no topic filter is named');
  const entries: Entry[] = [];
  while (reader.left > 0) {
    if (entries.length >= FILTERS_PER_PACKET_MAX)
      throw new MqttError(REASON.QUOTA_EXCEEDED, `more than ${FILTERS_PER_PACKET_MAX} topic filters in one packet`);
    entries.push(read());
  }
  return entries;
}

/** 3.1.1 section 3.8.3: a byte that holds the QoS alone (statement [MQTT-3-8.3-4]). */
function readRequestedQoS(reader: PacketReader, filter: string): Subscription {
  const qos = reader.byte();
  if (qos > 2) throw malformed('a requested QoS is none');
  return { filter, qos: qos as QoS, noLocal: false, retainAsPublished: false, retainHandling: 0 };
}

/** MQTT 5.0 section 3.8.3.1. */
function readOptions(reader: PacketReader, filter: string): Subscription {
  const options = reader.byte();
  const [qos, noLocal, retainHandling] = [options & 3, (options & 4) !== 0, (options >>> 4) & 3];
  if (options & 0xc0) throw malformed('reserved bits of subscription options are set');
  if (qos === 3) throw protocolError('the maximum QoS of a subscription is 3');
  if (retainHandling === 3) throw protocolError('the retain handling of a subscription is 3');
  if (noLocal && isShared(filter)) throw protocolError('a shared subscription has No Local');
  return {
    filter,
    qos: qos as QoS,
    noLocal,
    retainAsPublished: (options & 8) !== 0,
    retainHandling: retainHandling as RetainHandling,
  };
}

/** Reads what follows the fixed header of SUBSCRIBE. */
export function decodeSubscribe(reader: PacketReader, version: ProtocolVersion): Subscribe {
  const packetId = readPacketId(reader);
  const properties = version === 5 ? readProperties(reader, PACKET_TYPE.SUBSCRIBE) : undefined;
  const readRest = version === 5 ? readOptions : readRequestedQoS;
  const subscriptions = readEntries(reader, () => readRest(reader, readFilter(reader)));
  return { type: 'SUBSCRIBE', packetId, subscriptions, ...(properties === undefined ? {} : { properties }) };
}

/** Reads what follows the fixed header of UNSUBSCRIBE. */
export function decodeUnsubscribe(reader: PacketReader, version: ProtocolVersion): Unsubscribe {
  const packetId = readPacketId(reader);
  const properties = version === 5 ? readProperties(reader, PACKET_TYPE.UNSUBSCRIBE) : undefined;
  const filters = readEntries(reader, () => readFilter(reader));
  return { type: 'UNSUBSCRIBE', packetId, filters, ...(properties === undefined ? {} : { properties }) };
}
