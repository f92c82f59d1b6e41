// A NameServer or a broker of this repository with settings for which the command `qanat` has no option: limits and times of the
// engine. Its one argument is JSON; like the command it prints its endpoint when it is ready, and stops in good order at SIGTERM.
import { startBroker, startNameServer } from '@qanat/server';

const { role, listen, data, nameServers, settings } = JSON.parse(process.argv[2]);
const options = { name: 'subject', listen, engine: settings };
const node =
  role === 'broker' ? await startBroker({ ...options, data, nameServers, createsTopics: true }) : await startNameServer(options);
process.on('SIGTERM', () => node.stop());
process.stdout.write(`${JSON.stringify({ endpoint: node.endpoint })}\n`);
await node.ended;
