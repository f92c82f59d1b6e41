// Shows that every rule of .dependency-cruiser.cjs can fail: builds a small workspace in a temporary folder, plants one
// violation for each rule, and expects that exactly that rule fires for it.
import { existsSync, mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { cruise } from 'dependency-cruiser';

const config = createRequire(import.meta.url)('../.dependency-cruiser.cjs');
const packages = ['core', 'transports', 'storage', 'simulator', 'conformance', 'client', 'mqtt', 'server', 'testing', 'cli'];

/** One violation: a file and what it imports. `support` are files that it needs. */
const plants = [
  { rule: 'core-imports-only-its-lower-packages', at: 'packages/core/src/planted-arrow.ts', imports: '@qanat/storage' },
  {
    rule: 'transports-imports-only-its-lower-packages',
    at: 'packages/transports/src/planted-arrow.ts',
    imports: '@qanat/storage',
  },
  { rule: 'storage-imports-only-its-lower-packages', at: 'packages/storage/src/planted-arrow.ts', imports: '@qanat/simulator' },
  {
    rule: 'simulator-imports-only-its-lower-packages',
    at: 'packages/simulator/src/planted-arrow.ts',
    imports: '@qanat/transports/memory',
  },
  {
    rule: 'conformance-imports-only-its-lower-packages',
    at: 'packages/conformance/src/planted-arrow.ts',
    imports: '@qanat/client',
  },
  { rule: 'client-imports-only-its-lower-packages', at: 'packages/client/src/planted-arrow.ts', imports: '@qanat/server' },
  { rule: 'server-imports-only-its-lower-packages', at: 'packages/server/src/planted-arrow.ts', imports: '@qanat/simulator' },
  { rule: 'mqtt-imports-only-its-lower-packages', at: 'packages/mqtt/src/planted-arrow.ts', imports: '@qanat/server' },
  {
    rule: 'testing-imports-only-its-lower-packages',
    at: 'packages/testing/src/planted-arrow.ts',
    imports: '@qanat/transports/tcp',
  },
  { rule: 'cli-imports-only-its-lower-packages', at: 'packages/cli/src/planted-arrow.ts', imports: '@qanat/storage' },
  { rule: 'every-package-has-its-arrows', at: 'packages/newcomer/src/index.ts', imports: '@qanat/core' },
  { rule: 'core-imports-only-hashes', at: 'packages/core/src/planted-npm.ts', imports: 'protobufjs' },
  { rule: 'engines-do-no-input-or-output', at: 'packages/core/src/planted-node.ts', imports: 'node:fs' },
  { rule: 'servers-start-no-process', at: 'packages/server/src/planted-process.ts', imports: 'node:child_process' },
  { rule: 'packages-by-their-exports', at: 'packages/client/src/planted-path.ts', imports: '../../core/src/index.ts' },
  { rule: 'imports-resolve', at: 'packages/client/src/planted-deep.ts', imports: '@qanat/core/src/index.ts' },
  { rule: 'npm-packages-are-declared', at: 'packages/client/src/planted-undeclared.ts', imports: 'commander' },
  {
    rule: 'testing-folder-of-core-stays-out-of-production',
    at: 'packages/server/src/planted-testing.ts',
    imports: '@qanat/core/testing',
  },
  {
    rule: 'sources-import-no-tests',
    at: 'packages/storage/src/planted-test.ts',
    imports: '../test/planted.ts',
    support: { 'packages/storage/test/planted.ts': 'export {};\n' },
  },
  {
    rule: 'nobody-imports-the-private-folders',
    at: 'packages/cli/src/planted-example.ts',
    imports: '../../../examples/planted.ts',
    support: { 'examples/planted.ts': 'export {};\n' },
  },
  {
    rule: 'no-cycles',
    at: 'packages/storage/src/planted-cycle.ts',
    imports: './planted-cycle-back.ts',
    support: { 'packages/storage/src/planted-cycle-back.ts': "import type {} from './planted-cycle.ts';\n" },
  },
];

/** Imports that the rules must leave alone: without them a rule that forbids everything would pass. */
const allowed = {
  'packages/core/src/allowed.ts': ['@noble/hashes/sha2.js', './index.ts'],
  'packages/client/src/allowed.ts': ['@qanat/core', '@qanat/transports/tcp', 'node:fs'],
  'packages/simulator/src/allowed.ts': ['@qanat/core', '@qanat/core/testing'],
  'packages/cli/src/allowed.ts': ['@qanat/client', '@qanat/server', 'commander'],
  'packages/storage/test/allowed.test.ts': ['@qanat/core/testing', '@qanat/simulator', '../src/index.ts'],
};

const root = realpathSync(mkdtempSync(join(tmpdir(), 'qanat-rules-')));
const write = (path, text) => {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), text);
};
const importsOf = (names) => names.map((name) => `import type {} from '${name}';\n`).join('');

function buildWorkspace() {
  write('package.json', '{ "name": "planted", "private": true }');
  mkdirSync(join(root, 'node_modules/@qanat'), { recursive: true });
  for (const name of packages) {
    const real = `packages/${name}/package.json`;
    const manifest = existsSync(real)
      ? JSON.parse(readFileSync(real, 'utf8'))
      : { name: `@qanat/${name}`, exports: { '.': { '@qanat/source': './src/index.ts' } } };
    // Declared, so that who imports it in the core breaks the rule of the core only.
    if (name === 'core') manifest.dependencies.protobufjs = '1.0.0';
    write(real, JSON.stringify(manifest));
    const sources = Object.values(manifest.exports).map((target) => target['@qanat/source']);
    for (const source of sources.filter(Boolean)) write(join('packages', name, source), 'export {};\n');
    symlinkSync(join(root, 'packages', name), join(root, 'node_modules/@qanat', name));
  }
  for (const name of ['protobufjs', 'commander', '@noble/hashes']) {
    write(`node_modules/${name}/package.json`, JSON.stringify({ name, version: '1.0.0', main: 'index.js' }));
    write(`node_modules/${name}/index.js`, 'module.exports = {};\n');
    write(`node_modules/${name}/sha2.js`, 'module.exports = {};\n');
  }
}

async function violations() {
  const home = process.cwd();
  process.chdir(root);
  try {
    const { enhancedResolveOptions, ...options } = config.options;
    const ruleSet = { forbidden: config.forbidden };
    const result = await cruise(
      ['packages'],
      { ...options, enhancedResolveOptions, validate: true, ruleSet },
      enhancedResolveOptions,
    );
    return result.output.summary.violations;
  } finally {
    process.chdir(home);
  }
}

function problemsOf(found) {
  const problems = [];
  for (const { rule, at, support = {} } of plants) {
    const fired = new Set(found.filter((v) => v.from === at || v.from in support).map((v) => v.rule.name));
    if (!fired.has(rule)) problems.push(`${rule} did not fire for ${at}`);
    for (const other of fired) if (other !== rule) problems.push(`${other} fired for ${at}, which breaks ${rule} only`);
  }
  const planted = new Set(plants.flatMap(({ at, support = {} }) => [at, ...Object.keys(support)]));
  for (const v of found) if (!planted.has(v.from)) problems.push(`${v.rule.name} fired for ${v.from}, which is allowed`);
  for (const { name } of config.forbidden) {
    if (!plants.some(({ rule }) => rule === name)) problems.push(`${name} has no planted violation`);
  }
  return problems;
}

try {
  buildWorkspace();
  for (const { at, imports, support = {} } of plants) {
    write(at, importsOf([imports]));
    for (const [path, text] of Object.entries(support)) write(path, text);
  }
  for (const [path, names] of Object.entries(allowed)) write(path, importsOf(names));
  const problems = problemsOf(await violations());
  for (const problem of problems) console.error(problem);
  if (problems.length === 0) console.log(`${plants.length} rules, each shown to fail`);
  process.exitCode = problems.length === 0 ? 0 : 1;
} finally {
  rmSync(root, { recursive: true, force: true });
}
