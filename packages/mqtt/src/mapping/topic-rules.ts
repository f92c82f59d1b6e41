import { QanatError } from '@qanat/core';
import { FilterTree } from '../filters/filter-tree.ts';
import { mayMeet } from '../filters/topic-filter.ts';
import { type CompiledRule, compileRule, mapByRule } from './compiled-rule.ts';
import { isMqttTopic } from './mqtt-string.ts';
import type { MappedTopic, Rule } from './rule.ts';
import { lintRules } from './rule-lint.ts';

/** Everything to one topic, by its MQTT topic. */
export const DEFAULT_RULES: readonly Rule[] = [{ match: '#', topic: 'mqtt' }];

/** Rules of one bridge. */
export const RULES_MAX = 256;

/** MQTT topics of which the mapping is remembered; the others are mapped again. */
export const MAPPED_TOPICS_KEPT_MAX = 32_768;

/** Longer topics are rare, and would let a device fill the memory. */
const KEPT_LENGTH_MAX = 255;

/** The rules between MQTT topics and topics of the cluster. The first one that selects a topic decides (QNT-MQT-001). */
export class TopicRules {
  readonly #rules: readonly CompiledRule[];
  readonly #tree = new FilterTree<CompiledRule>();
  /** Two generations: what is asked for moves to the young one, and when that is full the old one is forgotten. */
  #young = new Map<string, MappedTopic>();
  #old = new Map<string, MappedTopic>();

  /**
   * @throws QanatError BAD_CONFIG: a rule that is wrong, one that never wins because another one stands in front, two that
   * overlap without one being the exception of the other.
   */
  constructor(rules: readonly Rule[] = DEFAULT_RULES) {
    if (rules.length < 1 || rules.length > RULES_MAX)
      throw new QanatError('BAD_CONFIG', `there are ${rules.length} rules`, { hint: `give 1 to ${RULES_MAX} rules` });
    this.#rules = rules.map(compileRule);
    lintRules(this.#rules);
    for (const rule of this.#rules) this.#tree.set(rule.filter, '', rule);
  }

  /**
   * Where the messages of an MQTT topic go; undefined: nowhere, as what is no topic's name. The same topic always has the same
   * key.
   */
  toCluster(mqttTopic: string): MappedTopic | undefined {
    const kept = this.#young.get(mqttTopic);
    if (kept !== undefined) return kept;
    const mapped = this.#old.get(mqttTopic) ?? this.#map(mqttTopic);
    if (mapped !== undefined && mqttTopic.length <= KEPT_LENGTH_MAX) this.#keep(mqttTopic, mapped);
    return mapped;
  }

  /** Every topic of the cluster that a rule names. */
  clusterTopics(): readonly string[] {
    return [...new Set(this.#rules.map(({ settings }) => settings.topic))];
  }

  /** The topics of the cluster from which devices with this filter may receive something. The filter is none of `$share/`. */
  clusterTopicsOf(filter: string): readonly string[] {
    const rules = this.#rules.filter((rule) => rule.settings.direction !== 'up' && mayMeet(rule.filter, filter));
    return [...new Set(rules.map(({ settings }) => settings.topic))];
  }

  #keep(mqttTopic: string, mapped: MappedTopic): void {
    if (this.#young.size >= MAPPED_TOPICS_KEPT_MAX / 2) {
      this.#old = this.#young;
      this.#young = new Map();
    }
    this.#young.set(mqttTopic, mapped);
  }

  #map(mqttTopic: string): MappedTopic | undefined {
    if (!isMqttTopic(mqttTopic)) return undefined;
    let first: CompiledRule | undefined;
    this.#tree.match(mqttTopic, (rule) => {
      if (first === undefined || rule.index < first.index) first = rule;
    });
    return first && mapByRule(first, mqttTopic);
  }
}
