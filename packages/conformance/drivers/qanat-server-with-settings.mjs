// A NameServer or a broker of this repository with settings for which the command `qanat` has no option: limits and times of the
// engine, a password of its own. Its one argument is JSON; like the command it prints its endpoint when it is ready, and stops in
// good order at SIGTERM. At SIGHUP it reads its users again, and prints a line when it knows them.
import { startBroker, startNameServer } from '@qanat/server';

const { role, listen, data, nameServers, settings, users, login, replication } = JSON.parse(process.argv[2]);
const engine = replication === undefined ? settings : { ...settings, replication };
const options = { name: 'subject', listen, data, engine, users };
const node =
  role === 'broker' ? await startBroker({ ...options, login, nameServers, createsTopics: true }) : await startNameServer(options);
process.on('SIGTERM', () => node.stop());
process.on('SIGHUP', () => {
  node.reload();
  process.stdout.write('{"reloaded":true}\n');
});
process.stdout.write(`${JSON.stringify({ endpoints: node.endpoints })}\n`);
await node.ended;
