// A NameServer, two brokers and two bridges, each a process started by the command line as an operator would.
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
  return { child, endpoint: JSON.parse(value).endpoint };
}

async function end(child, signal) {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exit = once(child, 'exit');
  child.kill(signal);
  await exit;
}

export async function startCluster(directory) {
  const nameServer = await start(['nameserver', '--listen', '127.0.0.1:0']);
  const toNameServer = ['--nameserver', nameServer.endpoint];
  const broker = (name) => (listen) =>
    start(['broker', '--name', name, '--listen', listen, '--data', join(directory, name), ...toNameServer, '--create-topics']);
  const bridge = (name) => (listen) => start(['bridge', 'mqtt', '--name', name, '--listen', listen, ...toNameServer]);
  const kinds = {
    'broker-a': broker('broker-a'),
    'broker-b': broker('broker-b'),
    'bridge-a': bridge('bridge-a'),
    'bridge-b': bridge('bridge-b'),
  };
  const nodes = new Map();
  for (const [name, make] of Object.entries(kinds)) {
    const first = name.startsWith('bridge') ? 'mqtt://127.0.0.1:0' : '127.0.0.1:0';
    nodes.set(name, { make, ...(await make(first)) });
  }
  return {
    nameServers: nameServer.endpoint,
    bridges: ['bridge-a', 'bridge-b'].map((name) => nodes.get(name).endpoint),
    names: [...nodes.keys()],
    /** kill -9, then a new process on the same data and port. */
    async killAndRestart(name, downMs) {
      const { make, child, endpoint } = nodes.get(name);
      await end(child, 'SIGKILL');
      await new Promise((resolve) => setTimeout(resolve, downMs));
      nodes.set(name, { make, ...(await make(endpoint)) });
    },
    async stop() {
      for (const { child } of [...nodes.values()].reverse()) await end(child, 'SIGTERM');
      await end(nameServer.child, 'SIGTERM');
    },
  };
}
