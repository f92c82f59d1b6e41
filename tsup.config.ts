import { existsSync, readdirSync, rmSync } from 'node:fs';
import { defineConfig, type Options } from 'tsup';

const entries: Record<string, Record<string, string>> = {
  core: { index: 'src/index.ts', 'annotate/index': 'src/annotate/index.ts', 'testing/index': 'src/testing/index.ts' },
  transports: {
    'browser/index': 'src/browser/index.ts',
    'memory/index': 'src/memory/index.ts',
    'network/index': 'src/network/index.ts',
    'node/index': 'src/node/index.ts',
    'streams/index': 'src/streams/index.ts',
    'tcp/index': 'src/tcp/index.ts',
    'tls/index': 'src/tls/index.ts',
    'websocket/index': 'src/websocket/index.ts',
  },
  storage: { index: 'src/index.ts' },
  simulator: { index: 'src/index.ts' },
  client: { index: 'src/index.ts' },
  mqtt: { index: 'src/index.ts' },
  server: { index: 'src/index.ts' },
  testing: { index: 'src/index.ts' },
  cli: { index: 'src/index.ts' },
  conformance: { index: 'src/index.ts', 'cli/index': 'src/cli/index.ts' },
};

function options(name: string, entry: Record<string, string>): Options {
  const root = `packages/${name}`;
  return {
    name,
    entry: Object.fromEntries(Object.entries(entry).map(([to, from]) => [to, `${root}/${from}`])),
    outDir: `${root}/dist`,
    format: 'esm',
    target: 'node20',
    platform: 'node',
    removeNodeProtocol: false,
    sourcemap: true,
    silent: true,
    external: [/^@qanat\//, 'commander', 'mqtt', 'mqtt-packet', 'prom-client', 'selfsigned', 'vitest', 'yaml'],
  };
}

/** The client for browsers is a file that a page can import as it is, with all that it needs beside it. */
const browserClient: Options = {
  name: 'client for browsers',
  entry: { browser: 'packages/client/src/browser.ts' },
  outDir: 'packages/client/dist',
  format: 'esm',
  splitting: true,
  target: 'es2022',
  platform: 'browser',
  noExternal: [/./],
  minify: true,
  sourcemap: true,
  silent: true,
  esbuildOptions: (options) => {
    // From the sources: the other packages are being built at the same time.
    options.conditions = ['@qanat/source', 'browser'];
  },
};

/** Files that are loaded later have another name whenever they change. */
function removeOldParts(folder: string): void {
  const names = existsSync(folder) ? readdirSync(folder) : [];
  for (const name of names) if (/-[A-Z0-9]{8}\.js(\.map)?$/.test(name)) rmSync(`${folder}/${name}`);
}

removeOldParts('packages/client/dist');

// Declarations are emitted by `tsc -b`; tsup makes the JavaScript only.
export default defineConfig([
  ...Object.entries(entries)
    .filter(([name]) => existsSync(`packages/${name}/src/index.ts`) || name === 'transports')
    .map(([name, entry]) => options(name, entry)),
  browserClient,
]);
