import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { parseRule, readRulesFile } from '../src/bridge/bridge-rules.ts';
import { formatRule } from '../src/bridge/bridge-summary.ts';
import { qanat } from './fake-io.ts';
import { Served } from './mqtt/bridge-world.ts';

const folder = mkdtempSync(join(tmpdir(), 'qanat-rules-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const file = (text: string): string => {
  const path = join(folder, 'rules.yaml');
  writeFileSync(path, text);
  return path;
};

describe('a rule of the command line', () => {
  it.each([
    ['# => mqtt', { match: '#', topic: 'mqtt' }],
    [
      'devices/{id}/up/# => telemetry up key={id}',
      { match: 'devices/{id}/up/#', topic: 'telemetry', direction: 'up', key: '{id}' },
    ],
    ['a b/+ => t tag=x qos=1 retain=false', { match: 'a b/+', topic: 't', tag: 'x', maxQos: 1, retain: false }],
  ])('%s', (text, rule) => {
    expect(parseRule(text)).toEqual(rule);
    expect(formatRule(parseRule(text))).toBe(text);
  });

  it.each(['a', 'a =>b', 'a => ', 'a => t sideways', 'a => t qos=3', 'a => t retain=maybe', 'a => t key='])(
    '"%s" is none',
    (text) => {
      expect(() => parseRule(text)).toThrow(/write 'MATCH => TOPIC'/);
    },
  );
});

describe('a file of rules', () => {
  it('is a list, with every field of a rule', async () => {
    const path = file(
      '- { match: "a/{x}", topic: t, tag: "{x}", key: k, direction: down, maxQos: 0, retain: false }\n- match: "#"\n  topic: m\n',
    );
    expect(await readRulesFile(path)).toEqual([
      { match: 'a/{x}', topic: 't', tag: '{x}', key: 'k', direction: 'down', maxQos: 0, retain: false },
      { match: '#', topic: 'm' },
    ]);
  });

  it.each([
    ['rules: x\n', ':1:1: the rules are no list'],
    ['- a\n', ':1:3: this is no rule'],
    ['- match: "#"\n', ':1:3: the rule has no topic'],
    ['- match: "#"\n  topic: t\n  maxQos: 3\n', ':3:11: maxQos is 0, 1 or 2'],
    ['- match: "#"\n  topic: t\n  retain: "no"\n', ':3:11: retain is true or false'],
    ['- match: "#"\n  topic: t\n  direction: sideways\n', ':3:14: direction is up, down or both'],
    ['- match: "#"\n  topic: 5\n', ':2:10: topic is a text'],
    ['- match: "#\n', ':2:1: '],
  ])('%j is told with its place', async (text, why) => {
    await expect(readRulesFile(file(text))).rejects.toThrow(why);
  });

  it('is YAML in a setting too: a list of rules, each by itself', async () => {
    const config = join(folder, 'bridge.yaml');
    writeFileSync(config, 'rule: ["a,b/# => one", "# => two sideways"]\n');
    const { code, err } = await qanat(['bridge', 'mqtt', '--config', config]);
    expect(code).toBe(2);
    expect(err).toContain('bridge.yaml:1:1: rule is');
    expect(err).toContain('"sideways" is not understood');
  });
});

describe('qanat dev', () => {
  it('runs no bridge with --no-mqtt', async () => {
    const dev = await Served.start(['dev', '--no-mqtt', '--data', join(folder, 'dev')]);
    expect(dev.ready.mqtt).toBeUndefined();
    expect(await dev.stop()).toBe(0);
  });
});
