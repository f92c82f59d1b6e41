import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Logger, startBroker, startNameServer } from '@qanat/server';
import { afterAll, describe, expect, it } from 'vitest';
import { refuseOpenListeners } from '../src/open-listeners.ts';

const folder = mkdtempSync(join(tmpdir(), 'qanat-open-'));
afterAll(() => rmSync(folder, { recursive: true }));

function recorder(): { readonly log: Logger; readonly warnings: unknown[] } {
  const warnings: unknown[] = [];
  const log: Logger = (level, event, fields) => {
    if (level === 'warn') warnings.push({ event, ...fields });
  };
  return { log, warnings };
}

const CLOSED = {
  code: 'BAD_CONFIG',
  message: expect.stringContaining('is closed by default'),
  hint: expect.stringMatching(/TLS.*127\.0\.0\.1.*--insecure/),
};
const OPEN = {
  event: 'listening beyond loopback',
  endpoint: expect.stringContaining('0.0.0.0:'),
  why: expect.stringContaining('administer everything'),
};

describe('a server is closed by default: it does not listen beyond loopback unless its operator says so [QNT-SEC-001, QNT-SEC-007]', () => {
  it.each([
    ['127.0.0.1:0', []],
    ['localhost:0', []],
    ['[::1]:0', []],
    ['127.0.0.1:0,lan=0.0.0.0:0', [OPEN]],
  ])('a NameServer at %s', async (listen, warned) => {
    const { log, warnings } = recorder();
    if (warned.length > 0) await expect(startNameServer({ listen, logger: log })).rejects.toMatchObject(CLOSED);
    const node = await startNameServer({ listen, logger: log, insecure: warned.length > 0 });
    await node.stop();
    expect(warnings).toMatchObject(warned);
  });

  it('a broker, which does not touch its data either', async () => {
    const { log, warnings } = recorder();
    const data = join(folder, 'data');
    const options = { name: 'a', listen: '0.0.0.0:0', data, nameServers: [], logger: log };
    await expect(startBroker(options)).rejects.toMatchObject(CLOSED);
    expect(readdirSync(folder)).toEqual([]);
    const node = await startBroker({ ...options, insecure: true });
    await node.stop();
    expect(warnings).toMatchObject([OPEN]);
  });

  const at = (scheme: string, address: string) => [{ listener: 'default', scheme, address }];
  it.each([
    ['qanat', '10.0.0.1:1', false, /administer everything/],
    ['qanat', '10.0.0.1:1', true, /read and changed on the way/],
    ['qanats', '10.0.0.1:1', false, /administer everything/],
    ['qanats', '10.0.0.1:1', true, undefined],
    ['wss', '[2001:db8::1]:1', true, undefined],
    ['ws', '127.0.0.1.example:1', true, /on the way/],
    ['qanat', '[::ffff:127.0.0.1]:1', false, undefined],
    ['qanat', 'LOCALHOST:1', false, undefined],
  ])('%s at %s, known peers: %s', (scheme, address, authenticates, why) => {
    const refuse = (): void => refuseOpenListeners(at(scheme, address), { authenticates, insecure: false });
    if (why === undefined) expect(refuse).not.toThrow();
    else expect(refuse).toThrow(why);
    refuseOpenListeners(at(scheme, address), { authenticates, insecure: true });
  });
});
