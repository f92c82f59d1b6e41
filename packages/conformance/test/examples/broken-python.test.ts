// The kit and a client in another language, from one end to the other: a known mistake is found, kept, and seen again.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { runCommand } from '../../src/cli/main.ts';
import { LineDriver } from '../../src/driver/line-driver.ts';
import { producer } from '../../src/families/producer/index.ts';
import { BUDGETS } from '../../src/run/budget.ts';
import { DriverSite } from '../../src/run/driver-site.ts';
import { explore } from '../../src/run/explore.ts';
import { reproOf } from '../../src/run/repro.ts';

const BROKEN = fileURLToPath(new URL('../../../../examples/clients/python/broken_driver.py', import.meta.url));
const command = `python3 ${BROKEN}`;
const hasPython = spawnSync('python3', ['--version']).status === 0;

const folder = mkdtempSync(join(tmpdir(), 'qanat-broken-python-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Runs one program of the producers, and judges it by one clause. */
async function tryOut(id: string, name: string) {
  const driver = await LineDriver.open({ command });
  try {
    const result = await explore({
      site: new DriverSite({ role: 'producer', driver }),
      families: [
        {
          ...producer,
          clauses: producer.clauses.filter((clause) => clause.id === id),
          programs: producer.programs.filter((program) => program.name === name),
          generated: {},
        },
      ],
      budget: { ...BUDGETS.quick, shrinkRunsOnRealTime: 10 },
      seed: 1,
      only: (one) => one === id,
      command: '',
      kit: '',
      startedAt: '',
      nowMs: () => performance.now(),
    });
    return result.clauses[0];
  } finally {
    await driver.close();
  }
}

describe.skipIf(!hasPython)('a client in Python with a mistake', () => {
  it('is found out by the clause that it breaks, with a program of a few operations that shows it again', async () => {
    const verdict = await tryOut('QNT-SND-024', 'keys-have-their-queues');
    expect(verdict).toMatchObject({ verdict: 'fail', failure: { confirmed: 2, confirmations: 2 } });
    expect(verdict?.failure?.program.steps.length).toBeLessThanOrEqual(3);

    const file = join(folder, 'QNT-SND-024.json');
    writeFileSync(file, JSON.stringify(verdict && reproOf(verdict)));
    let said = '';
    const terminal = {
      interactive: false,
      out: (text: string) => {
        said += text;
      },
      err: () => {},
    };
    expect(await runCommand(['replay', file, '--cmd', command], terminal)).toBe(1);
    expect(said).toContain('FAIL QNT-SND-024');
  }, 30_000);
});
