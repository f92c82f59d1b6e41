import { QanatError } from '@qanat/core';
import { expect, it } from 'vitest';
import { refusalLog } from '../src/refusals.ts';

it('the same refusal of one host is one line, whatever its ports; another host is another line', () => {
  const lines: unknown[] = [];
  const refused = refusalLog(
    (level, event, fields) => lines.push({ level, event, ...fields }),
    () => 1,
  );
  for (const remote of ['10.0.0.1:1', '10.0.0.1:2', '10.0.0.2:1'])
    refused(remote, new QanatError('TLS_FAILED', `no TLS with ${remote}: it does not speak TLS`, { hint: 'use qanats://' }));
  const line = { level: 'warn', event: 'peer refused', code: 'TLS_FAILED', hint: 'use qanats://' };
  expect(lines).toEqual(
    ['10.0.0.1:1', '10.0.0.2:1'].map((remote) => ({ ...line, remote, why: `no TLS with ${remote}: it does not speak TLS` })),
  );
});
