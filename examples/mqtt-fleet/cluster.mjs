// A NameServer, two brokers and two bridges, each a process started by the command line as an operator would.
import { join } from 'node:path';
import { end, start } from '../processes.mjs';

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
    /** In the order in which they are killed: also a short run kills one of each kind. */
    names: ['bridge-a', 'broker-a', 'bridge-b', 'broker-b'],
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
