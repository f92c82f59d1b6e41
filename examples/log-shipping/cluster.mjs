// A cluster of real processes: one NameServer and two brokers, started by the command line as an operator would.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const QANAT = fileURLToPath(new URL('../../packages/cli/bin/qanat.mjs', import.meta.url));

/** Starts one process, and resolves when it says that it is ready. */
async function start(args) {
  const child = spawn(process.execPath, [QANAT, ...args, '--json', '--log-level', 'error'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const exit = once(child, 'exit').then(([code, signal]) => {
    throw new Error(`qanat ${args[0]} ended before it was ready (${code ?? signal})`);
  });
  const { value } = await Promise.race([lines.next(), exit]);
  exit.catch(() => {});
  return { child, ready: JSON.parse(value) };
}

export async function startCluster(directory) {
  const nameServer = await start(['nameserver', '--listen', '127.0.0.1:0']);
  const nameServers = nameServer.ready.endpoint;
  const brokerArgs = (name, listen) => [
    'broker',
    '--name',
    name,
    '--listen',
    listen,
    '--data',
    join(directory, name),
    '--nameserver',
    nameServers,
    '--create-topics',
  ];
  const brokers = new Map();
  for (const name of ['broker-a', 'broker-b']) brokers.set(name, await start(brokerArgs(name, '127.0.0.1:0')));
  const end = async (child, signal) => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const exit = once(child, 'exit');
    child.kill(signal);
    await exit;
  };
  return {
    nameServers,
    brokerNames: [...brokers.keys()],
    /** kill -9, then a new process on the same data and port. */
    async killAndRestart(name, downMs) {
      const broker = brokers.get(name);
      await end(broker.child, 'SIGKILL');
      await new Promise((resolve) => setTimeout(resolve, downMs));
      brokers.set(name, await start(brokerArgs(name, broker.ready.endpoint)));
    },
    async stop() {
      for (const { child } of brokers.values()) await end(child, 'SIGTERM');
      await end(nameServer.child, 'SIGTERM');
    },
  };
}
