import { QanatError } from '@qanat/core';
import { expect, it } from 'vitest';
import { REFUSALS_LOGGED_MAX, REFUSALS_MS, refusalLog } from '../src/refusals.ts';

it('a crowd of refused peers is REFUSALS_LOGGED_MAX lines in REFUSALS_MS, and one that counts the others', () => {
  const lines: unknown[] = [];
  let nowMs = 1_000;
  const refused = refusalLog(
    (level, event, fields) => lines.push({ level, event, ...fields }),
    () => nowMs,
  );
  const error = new QanatError('TLS_FAILED', 'no TLS with a:1: it does not speak TLS', { hint: 'use qanats://' });
  for (let i = 0; i < REFUSALS_LOGGED_MAX + 7; i++) refused(`a:${i}`, error);
  expect(lines).toHaveLength(REFUSALS_LOGGED_MAX);
  expect(lines[0]).toEqual({
    level: 'warn',
    event: 'peer refused',
    remote: 'a:0',
    code: 'TLS_FAILED',
    why: 'no TLS with a:1: it does not speak TLS',
    hint: 'use qanats://',
  });
  nowMs += REFUSALS_MS;
  refused('b:1', error);
  expect(lines.slice(REFUSALS_LOGGED_MAX)).toMatchObject([
    { event: 'more peers were refused', count: 7 },
    { event: 'peer refused', remote: 'b:1' },
  ]);
  nowMs += REFUSALS_MS;
  refused('b:2', error);
  expect(lines).toHaveLength(REFUSALS_LOGGED_MAX + 3);
});
