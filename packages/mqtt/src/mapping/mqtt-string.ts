import { utf8Length } from '@qanat/core';
import { isTopicName } from '../filters/topic-filter.ts';

/** A string of MQTT has two bytes for its length (MQTT 5.0 section 1.5.4). */
export const STRING_BYTES_MAX = 65_535;
const ILL_FORMED = /\0|\p{Surrogate}/u;

/** Whether MQTT can say the text: no U+0000, no half of a surrogate pair, not too long [MQTT-1.5.4-1] [MQTT-1.5.4-2]. */
export function isMqttString(text: string): boolean {
  return !ILL_FORMED.test(text) && (text.length * 3 <= STRING_BYTES_MAX || utf8Length(text) <= STRING_BYTES_MAX);
}

/** Whether the text may be the name of a topic, and MQTT can say it. */
export const isMqttTopic = (text: string): boolean => isTopicName(text) && isMqttString(text);
