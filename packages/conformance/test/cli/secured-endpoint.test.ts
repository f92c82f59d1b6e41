import * as core from '@qanat/core';
import { nodePlatform } from '@qanat/transports/node';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ReferenceServer } from '../../src/driver/reference-server.ts';
import { groundOver } from '../../src/ground/ground-over.ts';
import { Folder, run } from './terminal.ts';

const USERS = [{ name: 'root', password: 'of all evil', roles: ['admin', 'broker'] }];
const folder = new Folder();
const login = (password: string): readonly string[] => ['--user', 'root', '--password-file', folder.file('pw', `${password}\n`)];

describe.each(['nameserver', 'broker'] as const)('a %s at an address that asks who its clients are', (role) => {
  const server = new ReferenceServer({ role, ground: groundOver('tcp'), platform: nodePlatform, engines: core });
  let endpoint: readonly string[] = [];
  beforeAll(async () => {
    const ok = await new Promise((resolve) => server.call('start', { users: USERS }, (_, told) => resolve(told)));
    endpoint = ['--endpoint', (ok as { address: string }).address];
  });
  afterAll(() => server.close());

  it('is told plainly to whom gives no user, and to whom gives a wrong password', async () => {
    const without = await run('run', role, ...endpoint);
    expect(without).toMatchObject({ code: 64, out: '' });
    expect(without.err).toContain('this server asks who its clients are\nhint: give --user and --password-file');
    const wrong = await run('smoke', role, ...endpoint, ...login('x'));
    expect(wrong).toMatchObject({ code: 64, err: expect.stringContaining('does not let "root" in: AUTH_FAILED') });
  });

  it('is judged like any other by whom it lets in, with what an address cannot show not run', async () => {
    const { code, out } = await run(
      'run',
      role,
      ...endpoint,
      ...login('of all evil'),
      '--family',
      'connection,authentication',
      '--budget',
      'quick',
      '--json',
    );
    const { settled, spec, clauses } = JSON.parse(out);
    const having = (verdict: string): readonly string[] =>
      clauses.filter((one: { verdict: string }) => one.verdict === verdict).map(({ id }: { id: string }) => id);
    expect({ code, settled, spec, fail: having('fail') }).toEqual({ code: 2, settled: 'inconclusive', spec: '1.1', fail: [] });
    expect(having('pass')).toEqual(expect.arrayContaining(['QNT-CON-004', 'QNT-CON-015', 'QNT-AUT-001', 'QNT-AUT-020']));
    expect(clauses.find(({ id }: { id: string }) => id === 'QNT-AUT-015').reason).toBe('needs a driver that can: users');
  });
});

afterAll(() => folder.remove());
