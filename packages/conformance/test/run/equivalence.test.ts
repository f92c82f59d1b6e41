import { describe, expect, it } from 'vitest';
import { canonicalHistory, firstDifference } from '../../src/history/canonical.ts';
import { differenceOf, drawnPrograms, plainPrograms } from '../../src/selftest/run-equivalence.ts';

describe('the same program gives the same canonical history over memory, TCP and WebSocket', () => {
  // Those of two families; the self-test of the kit runs all.
  const programs = (['nameserver', 'broker'] as const).flatMap((role) =>
    plainPrograms(role)
      .filter(({ family }) => family === 'framing' || family === 'consume')
      .filter((_, i) => i % 4 === 0)
      .concat(drawnPrograms(role, 4, 2))
      .map((program) => ({ role, program })),
  );
  it('has programs to show it', () => expect(programs.length).toBeGreaterThan(15));
  it.each(programs)('$role: $program.name', async ({ role, program }) => {
    expect(await differenceOf(role, program)).toBeUndefined();
  });
});

it('tells where two histories part', () => {
  const one = canonicalHistory([{ kind: 'opened', atMs: 0, connection: 1, by: 'kit', node: 'subject' }]);
  expect(firstDifference(one, one)).toBeUndefined();
  expect(firstDifference(one, [])).toContain('connection 0');
});
