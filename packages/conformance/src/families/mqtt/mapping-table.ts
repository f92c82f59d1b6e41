import { LIMITS } from '@qanat/core';

/** The longest key of a message; longer MQTT topics are stored under another one (QNT-MQT-004). */
export const KEY_BYTES_MAX_OF_MQTT: number = LIMITS.KEY_BYTES_MAX;

/** The properties of messages of MQTT (chapter 24 of the specification). */
export const MQTT_PROPERTIES: readonly string[] = [
  'mqtt.topic',
  'mqtt.qos',
  'mqtt.retain',
  'mqtt.client',
  'mqtt.format',
  'mqtt.content-type',
  'mqtt.response-topic',
  'mqtt.correlation',
  'mqtt.expires',
  'mqtt.user',
  'mqtt.from',
];
