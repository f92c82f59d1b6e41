/** The properties of a message that MQTT knows of (QNT-MQT-008). */
export const PROPERTY = {
  /** The MQTT topic, where the key is another text. */
  TOPIC: 'mqtt.topic',
  QOS: 'mqtt.qos',
  RETAIN: 'mqtt.retain',
  /** Client id of the publisher. */
  CLIENT: 'mqtt.client',
  FORMAT: 'mqtt.format',
  CONTENT_TYPE: 'mqtt.content-type',
  RESPONSE_TOPIC: 'mqtt.response-topic',
  /** Base64. */
  CORRELATION: 'mqtt.correlation',
  /** Deadline, ms since 1970. */
  EXPIRES: 'mqtt.expires',
  /** User properties: JSON, a list of pairs. */
  USER: 'mqtt.user',
  /** The MQTT server that it was fetched from. */
  FROM: 'mqtt.from',
  /** So many bytes in front of the body are JSON with further properties. */
  HEAD: 'mqtt.head',
} as const;
