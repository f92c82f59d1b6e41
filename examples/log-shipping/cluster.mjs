// A cluster of real processes: one NameServer and two brokers, started by the command line as an operator would.
import { join } from 'node:path';
import { end, start } from '../processes.mjs';

export async function startCluster(directory) {
  const nameServer = await start(['nameserver', '--listen', '127.0.0.1:0']);
  const nameServers = nameServer.endpoint;
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
  return {
    nameServers,
    brokerNames: [...brokers.keys()],
    /** kill -9, then a new process on the same data and port. */
    async killAndRestart(name, downMs) {
      const broker = brokers.get(name);
      await end(broker.child, 'SIGKILL');
      await new Promise((resolve) => setTimeout(resolve, downMs));
      brokers.set(name, await start(brokerArgs(name, broker.endpoint)));
    },
    async stop() {
      for (const { child } of brokers.values()) await end(child, 'SIGTERM');
      await end(nameServer.child, 'SIGTERM');
    },
  };
}
