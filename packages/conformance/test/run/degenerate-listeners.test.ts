import { expect, it } from 'vitest';
import { FAMILIES } from '../../src/families/index.ts';
import { BUDGETS } from '../../src/run/budget.ts';
import { DriverSite } from '../../src/run/driver-site.ts';
import { explore } from '../../src/run/explore.ts';
import { countOf } from '../../src/run/result.ts';
import { DegenerateListener, type DegenerateListenerName } from '../../src/selftest/degenerate-listeners.ts';

const cases: readonly (readonly [DegenerateListenerName, why: string])[] = [
  ['claims TCP and WebSocket, serves TCP', 'the request for the upgrade got no answer: is WebSocket spoken there?'],
  ['claims WebSocket, tells no endpoint for it', 'the subject did not start: it told no "endpoints" with "ws"'],
  ['answers every upgrade with 404', 'the upgrade to WebSocket was answered HTTP/1.1 404 Not Found'],
];

it.each(cases)('a server that %s gets no credit over WebSocket, and is told why', { timeout: 60_000 }, async (name, why) => {
  const driver = new DegenerateListener(name);
  const site = new DriverSite({ role: 'nameserver', driver, binding: 'websocket' });
  const result = await explore({
    site,
    families: FAMILIES,
    budget: { ...BUDGETS.quick, generatedOnRealTime: 0, shrinkRunsOnRealTime: 0, confirmations: 0 },
    seed: 1,
    command: 'test',
    kit: 'kit',
    startedAt: '',
    nowMs: () => performance.now(),
  });
  site.close();
  await driver.close();
  expect(result.settled).not.toBe('conformant');
  expect([countOf(result, 'pass'), result.harness[0]?.why]).toEqual([0, expect.stringContaining(why)]);
});
