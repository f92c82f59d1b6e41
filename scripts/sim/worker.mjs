// Runs seeds that its parent asks for, one after the other.
import { writeFileSync } from 'node:fs';

const simulator = await import(process.env.QANAT_SIM_MODULE);
const { Trace, nodePlatform, runSimulation, shrinkPlan } = simulator;

// Errors are a part of normal life under faults, and traces of the stack cost more than all else about them.
const STACK_LINES = 20;
Error.stackTraceLimit = 0;

const cpuMs = ({ user, system }) => (user + system) / 1_000;

function run({ seed, minutes, slaves, plan, compare }) {
  const before = process.cpuUsage();
  const options = { seed, minutes, slaves, plan, platform: nodePlatform };
  let result = compare ? compareRuns(options) : runSimulation(options);
  if (result.violations.some(({ checker }) => checker === 'defect')) result = withStacks(() => runSimulation(options));
  const { violations, traceHash, stats, virtualMs } = result;
  return {
    seed: result.seed,
    kind: result.plan.kind,
    violations: violations.slice(0, 20).map(({ checker, message }) => ({ checker, message })),
    violationCount: violations.length,
    traceHash,
    stats,
    virtualMs,
    cpuMs: cpuMs(process.cpuUsage(before)),
  };
}

function withStacks(work) {
  Error.stackTraceLimit = STACK_LINES;
  try {
    return work();
  } finally {
    Error.stackTraceLimit = 0;
  }
}

/** Runs a seed twice and compares the traces line by line. */
function compareRuns(options) {
  const traces = [new Trace(Number.MAX_SAFE_INTEGER), new Trace(Number.MAX_SAFE_INTEGER)];
  const [one, other] = traces.map((trace) => runSimulation({ ...options, trace }));
  const [a, b] = traces.map((trace) => trace.lines);
  const at = a.findIndex((line, i) => line !== b[i]);
  const where = at >= 0 ? at : a.length === b.length ? undefined : Math.min(a.length, b.length);
  if (where === undefined && one.violations.length === other.violations.length) return one;
  const message = `two runs differ in line ${(where ?? 0) + 1} of ${a.length}: "${a[where]}" and "${b[where]}"`;
  return { ...one, violations: [{ checker: 'determinism', message }, ...one.violations] };
}

/** The smallest plan found that still breaks the same rule. */
function shrink({ seed, minutes, slaves, plan, checkers, runsMax }) {
  const first = runSimulation({ seed, minutes, slaves, plan, platform: nodePlatform });
  const fails = (smaller) =>
    runSimulation({ seed, plan: smaller, platform: nodePlatform }).violations.some(({ checker }) => checkers.includes(checker));
  return { seed, plan: shrinkPlan(first.plan, fails, runsMax) };
}

function trace({ seed, minutes, slaves, plan, file }) {
  const lines = new Trace(Number.MAX_SAFE_INTEGER);
  const result = runSimulation({ seed, minutes, slaves, plan, platform: nodePlatform, trace: lines });
  writeFileSync(file, `${lines.lines.join('\n')}\n`);
  return { seed, lines: lines.count, traceHash: result.traceHash };
}

const jobs = { run, shrink, trace };
process.on('message', (job) => {
  try {
    process.send({ ok: jobs[job.do](job) });
  } catch (error) {
    process.send({ error: error.stack ?? String(error), seed: job.seed });
  }
});
process.send({ ready: true });
