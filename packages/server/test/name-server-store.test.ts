import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startNameServer } from '@qanat/server';
import { afterAll, describe, expect, it } from 'vitest';

const folder = mkdtempSync(join(tmpdir(), 'qanat-records-'));
afterAll(() => rmSync(folder, { recursive: true }));

const start = (data: string) => startNameServer({ listen: '127.0.0.1:0', data, logger: () => {} });

describe('the store of a NameServer', () => {
  it('is its own while it runs, and free once it has stopped', async () => {
    const store = join(folder, 'own');
    const first = await start(store);
    await expect(start(store)).rejects.toMatchObject({ code: 'STORE_LOCKED' });
    await first.stop();
    await (await start(store)).stop();
  });

  it('keeps it from starting when it is damaged, and is left as it was', async () => {
    const store = join(folder, 'damaged');
    await (await start(store)).stop();
    writeFileSync(join(store, 'group-records'), 'not a file of records');
    for (let i = 0; i < 2; i++)
      await expect(start(store)).rejects.toMatchObject({
        code: 'CORRUPT_LOG',
        hint: expect.stringContaining('restore the file'),
      });
    expect(readFileSync(join(store, 'group-records'), 'utf8')).toBe('not a file of records');
  });
});
