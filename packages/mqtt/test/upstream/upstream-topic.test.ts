import { QanatError } from '@qanat/core';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { inwards, outwards, parseUpstreamTopic } from '../../src/upstream/upstream-topic.ts';

describe('a topic that is exchanged with another broker', () => {
  it('is written as mosquitto has it, with defaults from behind', () => {
    expect(parseUpstreamTopic('#')).toEqual({ pattern: '#', direction: 'out', qos: 1, localPrefix: '', remotePrefix: '' });
    expect(parseUpstreamTopic('a/+ both 2 here/ there/')).toEqual({
      pattern: 'a/+',
      direction: 'both',
      qos: 2,
      localPrefix: 'here/',
      remotePrefix: 'there/',
    });
    expect(parseUpstreamTopic('# in 0 "" "site a/"')).toMatchObject({ localPrefix: '', remotePrefix: 'site a/' });
  });

  it.each(['', '# sideways', '# in 3', '# in 1 a+/', 'a#', '# in 1 a/ b/ c/', '$share/g/a in 1'])('"%s" is none', (text) => {
    try {
      parseUpstreamTopic(text);
      expect.unreachable();
    } catch (error) {
      expect(QanatError.is(error, 'BAD_CONFIG')).toBe(true);
      expect((error as QanatError).hint).toContain('PATTERN');
    }
  });

  it('changes the prefixes, and nothing behind them', () => {
    const topics = [parseUpstreamTopic('cmd/# in 1 "" site-7/'), parseUpstreamTopic('# out 1 devices/ site-7/')];
    expect(outwards(topics, 'devices/1/t')).toEqual({ topic: 'site-7/1/t', qos: 1 });
    expect(outwards(topics, 'other')).toBeUndefined();
    expect(inwards(topics, 'site-7/cmd/x')).toBe('cmd/x');
    expect(inwards(topics, 'site-7/1/t')).toBeUndefined();
  });

  it('comes back as it went, where both directions have it', () => {
    const level = fc.constantFrom('a', 'b', '', '$x');
    const name = fc.array(level, { minLength: 1, maxLength: 4, size: 'max' }).map((levels) => levels.join('/'));
    fc.assert(
      fc.property(name, name, name, (local, remote, rest) => {
        const topics = [
          { pattern: '#', direction: 'both', qos: 1, localPrefix: `${local}/`, remotePrefix: `${remote}/` } as const,
        ];
        const there = outwards(topics, `${local}/${rest}`);
        expect(there && inwards(topics, there.topic)).toBe(`${local}/${rest}`);
      }),
    );
  });
});
