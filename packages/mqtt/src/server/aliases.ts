import { MqttError } from '../codec/mqtt-error.ts';
import type { Publish } from '../codec/packet.ts';
import { REASON } from '../codec/reason-codes.ts';

/** Topic aliases that a client set; they end with its connection [MQTT-3.3.2-7]. */
export class InboundAliases {
  readonly #topics: (string | undefined)[] = [];

  /**
   * The topic that a PUBLISH with an alias means.
   * @throws MqttError TOPIC_ALIAS_INVALID for 0 [MQTT-3.3.2-8] or more than `maximum` [MQTT-3.3.2-9], PROTOCOL_ERROR for one that
   *   stands for nothing (section 3.3.2.3.4).
   */
  topicOf(publish: Publish, alias: number, maximum: number): string {
    if (alias === 0 || alias > maximum) throw new MqttError(REASON.TOPIC_ALIAS_INVALID, `topic alias ${alias} of ${maximum}`);
    if (publish.topic !== '') {
      this.#topics[alias] = publish.topic;
      return publish.topic;
    }
    const topic = this.#topics[alias];
    if (topic === undefined) throw new MqttError(REASON.PROTOCOL_ERROR, `topic alias ${alias} stands for nothing`);
    return topic;
  }
}

/** Topic aliases towards a client: the first topics get them, as many as it takes [MQTT-3.1.2-26]. */
export class OutboundAliases {
  readonly #aliases = new Map<string, number>();
  readonly #maximum: number;

  /** @param maximum 1 to 65,535. */
  constructor(maximum: number) {
    this.#maximum = maximum;
  }

  /** The alias that stands for the topic already. */
  of(topic: string): number | undefined {
    return this.#aliases.get(topic);
  }

  /** An alias that is free; undefined when all are given. */
  get free(): number | undefined {
    return this.#aliases.size < this.#maximum ? this.#aliases.size + 1 : undefined;
  }

  /** A packet with the topic and the alias `free` is sent. */
  give(topic: string): void {
    this.#aliases.set(topic, this.#aliases.size + 1);
  }
}
