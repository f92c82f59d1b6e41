#!/usr/bin/env node
// This file is committed, so that npm links the command before anything was built.
import { existsSync } from 'node:fs';

const entry = new URL('../dist/cli/index.js', import.meta.url);
if (existsSync(entry)) {
  const { main } = await import(entry.href);
  await main();
} else {
  process.stderr.write('error: the conformance kit is not built yet\nhint: run npm run build\n');
  process.exitCode = 3;
}
