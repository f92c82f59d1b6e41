// Says where the time of a profile went: self time by function, of what was not idle.
//   node benchmarks/hot-functions.mjs FILE.cpuprofile [ROWS]
// Profiles: QANAT_BENCH_NODE_ARGS='--cpu-prof --cpu-prof-dir=DIR' node --cpu-prof --cpu-prof-dir=DIR benchmarks/main.mjs produce
// (the broker's is the larger one of `qanat`; the consumer is a process of its own).
import { readFileSync } from 'node:fs';

const [file, rows = '15'] = process.argv.slice(2);
const { nodes, samples, timeDeltas } = JSON.parse(readFileSync(file, 'utf8'));
const nameOf = ({ functionName, url, lineNumber }) => {
  const where = url === '' ? '' : ` ${url.split('/').slice(-3).join('/')}:${lineNumber + 1}`;
  return `${functionName || '(anonymous)'}${where}`;
};
const names = new Map(nodes.map(({ id, callFrame }) => [id, nameOf(callFrame)]));
const times = new Map();
let busyUs = 0;
let allUs = 0;
for (let i = 0; i < samples.length; i++) {
  const us = timeDeltas[i + 1] ?? 0;
  const name = names.get(samples[i]);
  allUs += us;
  if (name === '(idle)') continue;
  busyUs += us;
  times.set(name, (times.get(name) ?? 0) + us);
}
console.log(`busy ${Math.round(busyUs / 1000)} of ${Math.round(allUs / 1000)} ms`);
for (const [name, us] of [...times].sort((a, b) => b[1] - a[1]).slice(0, Number(rows)))
  console.log(`${((100 * us) / busyUs).toFixed(1).padStart(5)} %  ${name}`);
