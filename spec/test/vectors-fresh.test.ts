// The vectors are what the independent encoder writes, where there is a Python to run it.
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { SPEC_DIR } from './fences.ts';

const python = (...args: string[]) => spawnSync('python3', args, { cwd: join(SPEC_DIR, '..'), encoding: 'utf8' });
const hasPython = python('--version').status === 0;

test.skipIf(!hasPython)('no vector file is stale: python3 scripts/vectors/make.py --check', () => {
  const { status, stdout, stderr } = python('scripts/vectors/make.py', '--check');
  expect(stderr).toBe('');
  expect(stdout).toContain(' 0 stale');
  expect(status).toBe(0);
});
