// Records the sessions of whole roles: node scripts/record-sessions.mjs [--check]
//
// Their outputs are what the reference implementation did, and were read against the specification when they were first
// recorded. A difference from then on is either a defect or a change that the changelog has to tell of.
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { build } from 'esbuild';

const FOLDER = 'spec/v1/vectors/sessions';

/** The recorder and the core from their sources, as one module. It stands in spec/test: its modules find their files by it. */
async function loadRecorder() {
  const folder = mkdtempSync(join('spec', 'test', '.record-'));
  try {
    const outfile = join(folder, 'scenarios.mjs');
    const entryPoints = ['spec/test/scenarios.ts'];
    const options = { bundle: true, format: 'esm', platform: 'node', target: 'node20', logLevel: 'error' };
    await build({ ...options, entryPoints, outfile, conditions: ['@qanat/source'] });
    return await import(pathToFileURL(outfile).href);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const { values } = parseArgs({ options: { check: { type: 'boolean' } } });
const { recordSessions } = await loadRecorder();
const stale = [];
for (const [name, text] of recordSessions()) {
  const path = join(FOLDER, name);
  if (existsSync(path) && readFileSync(path, 'utf8') === text) continue;
  stale.push(name);
  if (values.check !== true) writeFileSync(path, text);
}
console.log(`recorded sessions: ${stale.length} ${values.check === true ? 'stale' : 'written'} ${stale.join(' ')}`.trimEnd());
process.exitCode = values.check === true && stale.length > 0 ? 1 : 0;
