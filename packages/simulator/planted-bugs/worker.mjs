// Runs seeds that its parent asks for on the simulator with one bug in it: a process of its own, so that one that hangs can be
// ended.
const { runSeed } = await import(process.argv[2]);

// Errors are a part of normal life under faults, and traces of the stack cost more than all else about them.
Error.stackTraceLimit = 0;

const cpuSeconds = () => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
};

process.on('message', ({ seed, minutes, stress }) => {
  try {
    const violations = runSeed(seed, minutes, stress);
    process.send({ violations, cpuSeconds: cpuSeconds() });
  } catch (error) {
    process.send({ error: error.stack ?? String(error), cpuSeconds: cpuSeconds() });
  }
});
process.send({ ready: true });
