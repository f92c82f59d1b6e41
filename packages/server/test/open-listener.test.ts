import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Logger, startBroker, startNameServer } from '@qanat/server';
import { describe, expect, it } from 'vitest';

function recorder(): { readonly log: Logger; readonly warnings: unknown[] } {
  const warnings: unknown[] = [];
  const log: Logger = (level, event, fields) => {
    if (level === 'warn') warnings.push({ event, ...fields });
  };
  return { log, warnings };
}

const OPEN = { event: 'listening beyond loopback', endpoint: expect.stringContaining('0.0.0.0:') };

describe('a server tells its operator where it listens beyond loopback [QNT-SEC-001]', () => {
  it.each([
    ['127.0.0.1:0', []],
    ['localhost:0', []],
    ['0.0.0.0:0', [OPEN]],
  ])('a NameServer at %s', async (listen, expected) => {
    const { log, warnings } = recorder();
    const node = await startNameServer({ listen, logger: log });
    await node.stop();
    expect(warnings).toMatchObject(expected);
    for (const warning of warnings) expect(warning).toMatchObject({ why: expect.stringContaining('administer everything') });
  });

  it.each([
    ['127.0.0.1:0', []],
    ['0.0.0.0:0', [OPEN]],
  ])('a broker at %s', async (listen, expected) => {
    const { log, warnings } = recorder();
    const data = mkdtempSync(join(tmpdir(), 'qanat-open-'));
    const node = await startBroker({ name: 'a', listen, data, nameServers: [], logger: log });
    await node.stop();
    rmSync(data, { recursive: true });
    expect(warnings).toMatchObject(expected);
  });
});
