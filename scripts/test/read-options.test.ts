import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const { scripts } = JSON.parse(readFileSync(`${ROOT}/package.json`, 'utf8')) as { scripts: Record<string, string> };
/** Those that stand on what is built would need a build before the test. */
const STANDS_ON_BUILD = ['start', 'bench', 'trial'];
const files = Object.entries(scripts).flatMap(([name, command]) => {
  const [, file] = /^node (\S+\.mjs)$/.exec(command) ?? [];
  return file === undefined || STANDS_ON_BUILD.includes(name) ? [] : [file];
});

const run = (file: string, ...args: readonly string[]) =>
  spawnSync(process.execPath, [file, ...args], { cwd: ROOT, encoding: 'utf8' });

describe.each([...new Set(files)])('the script %s', (file) => {
  it('tells how it is used', () => {
    const { status, stdout, stderr } = run(file, '--help');
    expect([status, stderr]).toEqual([0, '']);
    expect(stdout).toMatch(/--help/);
  });

  it('ends with 64 where it is used wrongly, and tells what is wrong and how it is used', () => {
    const { status, stdout, stderr } = run(file, '--nonsense');
    expect([status, stdout]).toEqual([64, '']);
    expect(stderr).toMatch(/^error: Unknown option '--nonsense'\n\n(.|\n)*--help/);
  });
});
