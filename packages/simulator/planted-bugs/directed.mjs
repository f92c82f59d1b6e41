// Runs the test file that a bug names with the bug planted, and tells its parent which tests ran and which of them failed:
// a process of its own, as vitest is one for a whole run.
import { fileURLToPath } from 'node:url';
import { startVitest } from 'vitest/node';
import { CATALOGUE } from './catalogue.mjs';
import { plantedBug } from './plant.mjs';

const root = fileURLToPath(new URL('../../../', import.meta.url));
const conditions = ['@qanat/source', 'node', 'import', 'default'];

async function failedTests(bug) {
  const { path, contents } = plantedBug(bug);
  const plugin = { name: 'planted-bug', enforce: 'pre', load: (id) => (id === path ? contents : undefined) };
  const options = { root, config: false, watch: false, reporters: [{}], include: [bug.directed], maxWorkers: 1 };
  const vite = { resolve: { conditions }, ssr: { resolve: { conditions } }, plugins: [plugin] };
  const vitest = await startVitest('test', [], options, vite);
  const tests = vitest.state.getTestModules().flatMap((file) => [...file.children.allTests()]);
  await vitest.close();
  return { ran: tests.length, failed: tests.filter((one) => one.result().state === 'failed').map(({ fullName }) => fullName) };
}

const cpuSeconds = () => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
};

const bug = CATALOGUE.find(({ name }) => name === process.argv[2]);
const told = await failedTests(bug).catch((error) => ({ ran: 0, failed: [], error: error.stack ?? String(error) }));
process.send({ ...told, cpuSeconds: cpuSeconds() }, () => process.exit());
