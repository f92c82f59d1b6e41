import { describe, expect, it } from 'vitest';
import { REFUSAL_LINES_MAX, REFUSAL_REPEAT_MS, RefusalLog } from '../../src/index.ts';

function log(): { readonly lines: object[]; tell(nowMs: number, key: string): void } {
  const lines: object[] = [];
  const refusals = new RefusalLog((event, fields) => lines.push({ event, ...fields }));
  return { lines, tell: (nowMs, key) => refusals.tell(nowMs, 'refused', key, { why: key }) };
}

describe('the log of refusals', () => {
  it('REFUSAL_REPEAT_MS: tells the same once a minute, and how often it came meanwhile', () => {
    const { lines, tell } = log();
    for (let i = 0; i < 5; i++) tell(i, 'a');
    tell(6, 'b');
    tell(REFUSAL_REPEAT_MS, 'a');
    expect(lines).toEqual([
      { event: 'refused', why: 'a' },
      { event: 'refused', why: 'b' },
      { event: 'refused', why: 'a', timesBefore: 4 },
    ]);
  });

  it('REFUSAL_LINES_MAX: a crowd does not fill the disk, and the next line says how many were not told', () => {
    const { lines, tell } = log();
    for (let i = 0; i < REFUSAL_LINES_MAX + 7; i++) tell(1, `peer ${i}`);
    expect(lines).toHaveLength(REFUSAL_LINES_MAX);
    tell(20_000, 'later');
    expect(lines.at(-1)).toEqual({ event: 'refused', why: 'later', unsaid: 7 });
  });
});
