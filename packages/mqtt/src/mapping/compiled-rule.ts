import { nameError, QanatError, tagError } from '@qanat/core';
import { isShared, isTopicFilter } from '../filters/topic-filter.ts';
import type { MappedTopic, Rule } from './rule.ts';
import { storedKey } from './stored-key.ts';
import { expandTemplate, parseTemplate, type Template } from './template.ts';

/** A rule that was found to be good. */
export interface CompiledRule {
  /** As in the list, from 0: of two that select a topic the lower one wins. */
  readonly index: number;
  /** For people: which rule it is. */
  readonly label: string;
  /** `match` as a filter: captures are `+`. */
  readonly filter: string;
  readonly tag: Template | undefined;
  readonly key: Template | undefined;
  readonly settings: Required<Pick<Rule, 'topic' | 'direction' | 'maxQos' | 'retain'>>;
}

const CAPTURE = /^\{([A-Za-z][A-Za-z0-9_]*)\}$/;

export const labelOf = (index: number, { match, topic }: Rule): string => `rule ${index + 1} (${match} => ${topic})`;

/** @throws QanatError BAD_CONFIG: which rule, what is wrong with it, what to do. */
export function refuseRule(label: string, what: string, hint: string): never {
  throw new QanatError('BAD_CONFIG', `${label}: ${what}`, { hint });
}

/** @throws QanatError BAD_CONFIG. */
export function compileRule(rule: Rule, index: number): CompiledRule {
  const label = labelOf(index, rule);
  const refuse = (what: string, hint: string): never => refuseRule(label, what, hint);
  const { filter, captures } = parseMatch(rule.match, refuse);
  checkSettings(rule, refuse);
  return {
    index,
    label,
    filter,
    tag: rule.tag === undefined ? undefined : parseTemplate(rule.tag, captures, refuse),
    key: rule.key === undefined ? undefined : parseTemplate(rule.key, captures, refuse),
    settings: {
      topic: rule.topic,
      direction: rule.direction ?? 'both',
      maxQos: rule.maxQos ?? 2,
      retain: rule.retain ?? true,
    },
  };
}

type Refuse = (what: string, hint: string) => never;

function parseMatch(match: string, refuse: Refuse): { filter: string; captures: ReadonlyMap<string, number> } {
  if (typeof match !== 'string') return refuse('"match" is no text', 'write an MQTT topic filter, such as devices/{id}/#');
  const captures = new Map<string, number>();
  const levels = match.split('/').map((level, i) => {
    if (!/[{}]/.test(level)) return level;
    const name = CAPTURE.exec(level)?.[1];
    if (name === undefined)
      return refuse(`"${level}" is no capture`, 'a capture is a whole level, {name}, of letters and digits');
    if (captures.has(name)) return refuse(`{${name}} stands twice in "match"`, 'give each capture a name of its own');
    captures.set(name, i);
    return '+';
  });
  const filter = levels.join('/');
  if (!isTopicFilter(filter)) refuse('"match" is no MQTT topic filter', '+ and # stand alone in their level, and # comes last');
  if (isShared(filter)) refuse('"match" is a shared subscription', 'leave $share and its name out');
  return { filter, captures };
}

/** Rules come from files too: types promise nothing there. */
function checkSettings({ topic, tag, key, direction, maxQos, retain }: Rule, refuse: Refuse): void {
  const error = typeof topic === 'string' ? nameError(topic) : 'it is no text';
  if (error !== undefined) refuse(`"topic" names no topic: ${error}`, 'name a topic of the cluster, without captures');
  for (const [name, text] of Object.entries({ tag, key })) {
    if (text !== undefined && (typeof text !== 'string' || text === ''))
      refuse(`"${name}" is no text`, 'write a text, such as {id}, or leave it out');
  }
  if (direction !== undefined && !['up', 'down', 'both'].includes(direction))
    refuse(`"direction" is ${JSON.stringify(direction)}`, 'it is up (from devices), down (to devices) or both');
  if (maxQos !== undefined && ![0, 1, 2].includes(maxQos)) refuse(`"maxQos" is ${JSON.stringify(maxQos)}`, 'it is 0, 1 or 2');
  if (retain !== undefined && typeof retain !== 'boolean') refuse(`"retain" is ${JSON.stringify(retain)}`, 'it is true or false');
}

/** Where a topic goes by the rule that selects it. */
export function mapByRule({ tag, key, settings }: CompiledRule, mqttTopic: string): MappedTopic {
  const levels = tag === undefined && key === undefined ? [] : mqttTopic.split('/');
  // Messages without a key have no order: an empty level does not name one (QNT-MQT-005).
  const keyText = (key && expandTemplate(key, levels)) || mqttTopic;
  const stored = storedKey(keyText);
  const tagText = tag && expandTemplate(tag, levels);
  return {
    ...settings,
    tag: tagText === undefined || tagError(tagText) !== undefined ? undefined : tagText,
    key: stored,
    carriesTopic: stored !== mqttTopic,
  };
}
