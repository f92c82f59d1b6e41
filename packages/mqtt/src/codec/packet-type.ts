/** Types of packets: the high four bits of their first byte (MQTT 5.0 section 2.1.2). */
export const PACKET_TYPE = {
  CONNECT: 1,
  CONNACK: 2,
  PUBLISH: 3,
  PUBACK: 4,
  PUBREC: 5,
  PUBREL: 6,
  PUBCOMP: 7,
  SUBSCRIBE: 8,
  SUBACK: 9,
  UNSUBSCRIBE: 10,
  UNSUBACK: 11,
  PINGREQ: 12,
  PINGRESP: 13,
  DISCONNECT: 14,
  AUTH: 15,
} as const;

export type PacketTypeName = keyof typeof PACKET_TYPE;

/** The flags that a type has to have [MQTT-2.1.3-1]; PUBLISH has its own. */
const reservedFlags = (type: number): number =>
  type === PACKET_TYPE.PUBREL || type === PACKET_TYPE.SUBSCRIBE || type === PACKET_TYPE.UNSUBSCRIBE ? 2 : 0;

/** First byte of a packet, of another type than PUBLISH. */
export const firstByte = (type: number): number => (type << 4) | reservedFlags(type);
