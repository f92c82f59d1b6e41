// Goal: what a simulation once found is never lost again.
// Method: each plan in packages/simulator/seeds was shrunk from a seed that broke a rule; it breaks none now.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { runSimulation } from '@qanat/simulator';
import { nodePlatform } from '@qanat/transports/node';
import { describe, expect, it } from 'vitest';

const folder = new URL('../seeds/', import.meta.url);
const files = existsSync(folder) ? readdirSync(folder).filter((name) => name.endsWith('.json')) : [];

describe('seeds that failed once', () => {
  it.each([...files, 'none'].filter((name) => name !== 'none' || files.length === 0))(
    '%s',
    (name) => {
      if (name === 'none') return;
      const { seed, plan } = JSON.parse(readFileSync(new URL(name, folder), 'utf8'));
      const { violations } = runSimulation({ seed, plan, platform: nodePlatform });
      expect(violations).toEqual([]);
    },
    60_000,
  );
});
