import type { QoS } from '../codec/packet.ts';

/** `up`: devices publish, none receives. `down`: devices receive, none publishes. */
export type Direction = 'up' | 'down' | 'both';

/** Maps the MQTT topics that a filter selects to a topic of the cluster (QNT-MQT-001). */
export interface Rule {
  /** An MQTT topic filter. `{name}` in the place of a level stands for any one level, as `+` does, and names what stood there. */
  readonly match: string;
  /** The topic of the cluster. */
  readonly topic: string;
  /** Its tag; `{name}` stands for what was captured. Default: none. */
  readonly tag?: string;
  /** Its key; `{name}` stands for what was captured. Default: the MQTT topic. */
  readonly key?: string;
  /** Default `both`. */
  readonly direction?: Direction;
  /** Messages of a higher quality of service are stored with this one. Default 2. */
  readonly maxQos?: QoS;
  /** False: messages are stored as not retained. Default true. */
  readonly retain?: boolean;
}

/** Where the messages of one MQTT topic go. */
export interface MappedTopic {
  readonly topic: string;
  readonly tag: string | undefined;
  readonly key: string;
  /** The key is not the MQTT topic itself: the property `mqtt.topic` says it (QNT-MQT-006). */
  readonly carriesTopic: boolean;
  readonly direction: Direction;
  readonly maxQos: QoS;
  readonly retain: boolean;
}
