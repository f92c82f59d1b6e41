import { protocolError } from './mqtt-error.ts';
import type { PacketReader } from './packet-reader.ts';

/** [MQTT-2.2.1-3] [MQTT-2.2.1-4]. @throws MqttError 0x82 where it is 0. */
export function checkPacketId(packetId: number): number {
  if (packetId === 0) throw protocolError('the packet identifier is 0');
  return packetId;
}

export const readPacketId = (reader: PacketReader): number => checkPacketId(reader.uint16());
