import { availableParallelism } from 'node:os';
import { configDefaults, defineConfig } from 'vitest/config';

// The private condition makes tests import sources, so that no build is needed before a test.
const conditions = ['@qanat/source', 'node', 'import', 'default'];
/** Tests that put something in the place of a module of Node, which no other file may see. */
const MOCKING = ['packages/storage/test/failing-disk.test.ts'];

export default defineConfig({
  resolve: { conditions },
  ssr: { resolve: { conditions } },
  test: {
    testTimeout: 30_000,
    // Otherwise one processor is left to its owner, and of two half the time is lost.
    maxWorkers: availableParallelism(),
    projects: [
      {
        extends: true,
        // Engines are pure: files of tests share what they import, which takes a third off their time.
        test: {
          name: 'all',
          include: ['packages', 'spec', 'scripts', 'examples'].map((name) => `${name}/**/test/**/*.test.ts`),
          exclude: [...configDefaults.exclude, ...MOCKING],
          isolate: false,
        },
      },
      { extends: true, test: { name: 'mocking', include: MOCKING } },
    ],
  },
});
