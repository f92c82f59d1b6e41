// A process with many members of one group: `node group-members.mjs NAMESERVERS GROUP TOPIC COUNT FIRST CLIENTS`. Commands on
// standard input: `join N` and `leave N` with the number of a member. It answers each with `done`.
import { createInterface } from 'node:readline';
import { connect } from '@qanat/client';

const [, , nameServers, group, topic, count, first, clients] = process.argv;
const members = new Map();
const connected = await Promise.all(
  Array.from({ length: Number(clients) }, (_, i) => connect(nameServers, { label: `members-${first}-${i}`, timeoutMs: 30_000 })),
);
let received = 0;

function join(number) {
  const label = `member-${String(number).padStart(5, '0')}`;
  const client = connected[number % connected.length];
  const consumer = client.pushConsumer({ group, topics: topic, from: 'first', label });
  members.set(number, consumer);
  consumer
    .runBatch((messages) => {
      received += messages.length;
    })
    .catch((error) => process.stderr.write(`member ${number}: ${error.code} ${error.message}\n`));
}

for (let i = 0; i < Number(count); i++) join(Number(first) + i);
process.stdout.write('done\n');
for await (const line of createInterface({ input: process.stdin })) {
  const [command, number] = line.split(' ');
  if (command === 'join') join(Number(number));
  else if (command === 'leave') await members.get(Number(number)).close();
  else if (command === 'received') process.stdout.write(`received ${received}\n`);
  process.stdout.write('done\n');
}
process.exit(0);
