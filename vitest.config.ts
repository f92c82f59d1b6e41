import { defineConfig } from 'vitest/config';

// The private condition makes tests import sources, so that no build is needed before a test.
const conditions = ['@qanat/source', 'node', 'import', 'default'];

export default defineConfig({
  resolve: { conditions },
  ssr: { resolve: { conditions } },
  test: { include: ['packages/*/test/**/*.test.ts', 'spec/test/**/*.test.ts'], testTimeout: 30_000 },
});
