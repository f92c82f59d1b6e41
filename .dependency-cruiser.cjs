// The arrows between the packages. scripts/check-dependency-rules.mjs plants a violation of every rule here.

/** What the sources of each package may import of the others, by their folders. A package that is not here may import nothing. */
const ARROWS = {
  core: [],
  transports: ['core'],
  storage: ['core'],
  simulator: ['core'],
  conformance: ['core', 'transports', 'simulator'],
  client: ['core', 'transports'],
  mqtt: ['core', 'client'],
  server: ['core', 'transports', 'storage', 'client', 'mqtt'],
  testing: ['core', 'client', 'simulator', 'transports/src/node'],
  cli: ['core', 'client', 'server', 'conformance', 'transports/src/node'],
};

const arrow = ([name, targets]) => ({
  name: `${name}-imports-only-its-lower-packages`,
  comment: `${name} may import: ${targets.join(', ') || 'nothing of ours'}.`,
  severity: 'error',
  from: { path: `^packages/${name}/src/` },
  to: { path: '^packages/', pathNot: [name, ...targets].map((target) => `^packages/${target}/`) },
});

const rule = (name, comment, from, to) => ({ name, comment, severity: 'error', from, to });

module.exports = {
  forbidden: [
    ...Object.entries(ARROWS).map(arrow),
    rule(
      'every-package-has-its-arrows',
      'A new package gets a line in ARROWS.',
      { path: '^packages/[^/]+/src/', pathNot: `^packages/(${Object.keys(ARROWS).join('|')})/` },
      {},
    ),
    rule(
      'core-imports-only-hashes',
      'The core runs in a browser: of npm it takes hashes, and nothing else.',
      { path: '^packages/core/src/' },
      { path: 'node_modules/', pathNot: 'node_modules/@noble/hashes/' },
    ),
    rule(
      'engines-do-no-input-or-output',
      'No module of Node in what runs on virtual time.',
      { path: '^packages/(core|simulator)/src/' },
      { dependencyTypes: ['core'] },
    ),
    rule(
      'servers-start-no-process',
      'Nothing that a peer sends can start one.',
      { path: '^packages/(core|transports|storage|client|mqtt|server)/src/' },
      { path: '^(child_process|worker_threads|vm|cluster|repl)$', dependencyTypes: ['core'] },
    ),
    rule(
      'packages-by-their-exports',
      'Another package is imported by its name, never by a path into its files.',
      // The self-test runs the MQTT server over the cluster in memory of its own tests.
      { path: '^packages/([^/]+)/', pathNot: '^packages/conformance/selftest/bridge-engine[.]ts$' },
      { path: '^packages/', pathNot: '^packages/$1/', dependencyTypes: ['local'] },
    ),
    rule(
      'imports-resolve',
      'What is imported exists, and its package exports it: this finds paths past `exports` too.',
      {},
      { couldNotResolve: true },
    ),
    rule(
      'npm-packages-are-declared',
      'What a package takes of npm stands in its own dependencies.',
      { path: '^packages/[^/]+/src/' },
      { path: 'node_modules/', dependencyTypes: ['npm-dev', 'npm-no-pkg', 'npm-unknown'] },
    ),
    rule(
      'testing-folder-of-core-stays-out-of-production',
      'packages/core/src/testing is for tests, the simulator, the kit and the package testing.',
      {
        path: '^(packages|scripts|spec|examples|benchmarks)/',
        pathNot: '/test/|^packages/(simulator|conformance|testing)/src/|^packages/core/src/testing/',
      },
      { path: '^packages/core/src/testing/' },
    ),
    rule('sources-import-no-tests', 'What ships imports nothing of a test folder.', { path: '/src/' }, { path: '(^|/)test/' }),
    rule(
      'nobody-imports-the-private-folders',
      'Examples, benchmarks and trials are leaves.',
      { path: '^(packages|scripts|spec)/' },
      { path: '^(examples|benchmarks|trials|fuzz)/' },
    ),
    rule('no-cycles', 'Types count too: a cycle of types is a cycle of thought.', {}, { circular: true }),
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '(^|/)dist/' },
    // Imports of types are arrows like any other.
    tsPreCompilationDeps: true,
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['@qanat/source', 'node', 'import', 'default', 'types'],
      extensions: ['.ts', '.mjs', '.js', '.cjs', '.json'],
    },
  },
};
