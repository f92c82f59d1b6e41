import type { MqttRule, RunningNode } from '@qanat/server';

/** How many rules are shown when a bridge starts. */
const SHOWN_MAX = 8;

const wordsOf = ({ direction, key, tag, maxQos, retain }: MqttRule): string[] => [
  ...(direction === undefined || direction === 'both' ? [] : [direction]),
  ...(key === undefined ? [] : [`key=${key}`]),
  ...(tag === undefined ? [] : [`tag=${tag}`]),
  ...(maxQos === undefined ? [] : [`qos=${maxQos}`]),
  ...(retain === false ? ['retain=false'] : []),
];

/** As it is written on the command line. */
export const formatRule = (rule: MqttRule): string => [`${rule.match} => ${rule.topic}`, ...wordsOf(rule)].join(' ');

/** What the bridge tells people when it serves. */
export function bridgeLines(node: RunningNode, listens: string, rules: readonly MqttRule[], http: string): string {
  const shown = rules.slice(0, SHOWN_MAX).map((rule) => `  ${formatRule(rule)}`);
  const more = rules.length > SHOWN_MAX ? [`  … and ${rules.length - SHOWN_MAX} more`] : [];
  return [`mqtt bridge ${node.name} ${listens}${http}`, ...shown, ...more].join('\n');
}
