import type { MqttRule } from '@qanat/server';
import type { Node, Pair, Scalar, YAMLMap } from 'yaml';
import { usageError } from '../errors.ts';
import { readYamlFile } from '../yaml-file.ts';

const FORM = "write 'MATCH => TOPIC', and behind it up, down or both, key=…, tag=…, qos=0|1|2, retain=false";
const FIELDS = ['match', 'topic', 'tag', 'key', 'direction', 'maxQos', 'retain'] as const;
const ARROW = ' => ';
const DIRECTIONS: readonly string[] = ['up', 'down', 'both'];

/** What a rule says, before the bridge looks at what it means. */
type Draft = { -readonly [K in keyof MqttRule]: MqttRule[K] };

/**
 * Reads one rule: `devices/{id}/up/# => telemetry up key={id}`.
 * @throws Error that says what is wrong and how it is written.
 */
export function parseRule(text: string): MqttRule {
  const at = text.indexOf(ARROW);
  if (at < 0) throw new Error(`there is no "=>" with blanks around it; ${FORM}`);
  const [topic = '', ...words] = text
    .slice(at + ARROW.length)
    .trim()
    .split(/\s+/);
  if (topic === '') throw new Error(`no topic stands behind "=>"; ${FORM}`);
  const rule: Draft = { match: text.slice(0, at).trim(), topic };
  for (const word of words) takeWord(rule, word);
  return rule;
}

function takeWord(rule: Draft, word: string): void {
  const [, name = '', value = ''] = /^([a-z]+)=(.*)$/.exec(word) ?? [];
  if (DIRECTIONS.includes(word)) rule.direction = word as NonNullable<MqttRule['direction']>;
  else if (name === 'tag' && value !== '') rule.tag = value;
  else if (name === 'key' && value !== '') rule.key = value;
  else if (name === 'qos' && /^[012]$/.test(value)) rule.maxQos = Number(value) as 0 | 1 | 2;
  else if (name === 'retain' && /^(true|false)$/.test(value)) rule.retain = value === 'true';
  else throw new Error(`"${word}" is not understood; ${FORM}`);
}

/**
 * Reads a file of rules, YAML: a list, each with `match` and `topic`, and what else a rule has.
 * @throws CliError that names file, line and column.
 */
export async function readRulesFile(file: string): Promise<readonly MqttRule[]> {
  const { isMap, isSeq } = await import('yaml');
  const hint = `rules are a list: - { match: "devices/{id}/#", topic: telemetry }; fields: ${FIELDS.join(', ')}`;
  const { contents, placeOf } = await readYamlFile(file, 'file of rules', hint);
  if (!isSeq<Node>(contents)) throw usageError(`${file}:1:1: the rules are no list`, hint);
  return contents.items.map((item) => {
    if (!isMap<Scalar, Scalar>(item)) throw usageError(`${placeOf(item)}: this is no rule`, hint);
    return ruleOf(item, placeOf, hint);
  });
}

function ruleOf(map: YAMLMap<Scalar, Scalar>, placeOf: (node: Node) => string, hint: string): MqttRule {
  const rule: Record<string, unknown> = {};
  for (const { key, value } of map.items as Pair<Scalar, Scalar>[]) {
    const name = String(key.value);
    const why = whyNot(name, value?.value);
    if (why !== undefined) throw usageError(`${placeOf(value ?? key)}: ${why}`, hint);
    rule[name] = value?.value;
  }
  const missing = ['match', 'topic'].find((name) => rule[name] === undefined);
  if (missing !== undefined) throw usageError(`${placeOf(map)}: the rule has no ${missing}`, hint);
  return rule as unknown as MqttRule;
}

function whyNot(name: string, value: unknown): string | undefined {
  if (!(FIELDS as readonly string[]).includes(name)) return `a rule has no field "${name}"`;
  if (name === 'retain') return typeof value === 'boolean' ? undefined : 'retain is true or false';
  if (name === 'maxQos') return [0, 1, 2].includes(value as number) ? undefined : 'maxQos is 0, 1 or 2';
  if (name === 'direction') return DIRECTIONS.includes(value as string) ? undefined : 'direction is up, down or both';
  return typeof value === 'string' && value !== '' ? undefined : `${name} is a text`;
}
