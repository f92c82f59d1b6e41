import { encodePacket, encodeWithin, type ServerPacket } from '@qanat/mqtt';
import { expect, test } from 'vitest';

const reasonString = 'because';
const userProperties = [['where', 'here']] as const;

test.each([
  ['[MQTT-3.2.2-19] [MQTT-3.2.2-20]', { type: 'CONNACK', sessionPresent: false, reasonCode: 0x87 }],
  ['[MQTT-3.4.2-2] [MQTT-3.4.2-3]', { type: 'PUBACK', packetId: 1, reasonCode: 0x87 }],
  ['[MQTT-3.5.2-2] [MQTT-3.5.2-3]', { type: 'PUBREC', packetId: 1, reasonCode: 0x87 }],
  ['[MQTT-3.6.2-2] [MQTT-3.6.2-3]', { type: 'PUBREL', packetId: 1, reasonCode: 0x92 }],
  ['[MQTT-3.7.2-2] [MQTT-3.7.2-3]', { type: 'PUBCOMP', packetId: 1, reasonCode: 0x92 }],
  ['[MQTT-3.9.2-1] [MQTT-3.9.2-2]', { type: 'SUBACK', packetId: 1, reasonCodes: [0x87] }],
  ['[MQTT-3.11.2-1] [MQTT-3.11.2-2]', { type: 'UNSUBACK', packetId: 1, reasonCodes: [0x11] }],
  ['[MQTT-3.14.2-3] [MQTT-3.14.2-4]', { type: 'DISCONNECT', reasonCode: 0x8b }],
  ['[MQTT-3.15.2-2] [MQTT-3.15.2-3]', { type: 'AUTH', reasonCode: 0x18 }],
] as const)('%s user properties and the reason string of %j are left out where it would be too long', (_ids, bare) => {
  const whole = { ...bare, properties: { reasonString, userProperties } } as ServerPacket;
  const named = { ...bare, properties: { reasonString } } as ServerPacket;
  const [longest, shorter, shortest] = [whole, named, bare as ServerPacket].map((packet) => encodePacket(packet, 5));
  expect(encodeWithin(whole, 5, longest?.length as number)).toEqual(longest);
  expect(encodeWithin(whole, 5, (longest?.length as number) - 1)).toEqual(shorter);
  expect(encodeWithin(whole, 5, (shorter?.length as number) - 1)?.length).toBeLessThanOrEqual((shorter?.length as number) - 1);
  expect(shortest?.length).toBeLessThan(shorter?.length as number);
});
