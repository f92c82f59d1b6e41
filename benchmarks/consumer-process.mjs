// The consuming side of a benchmark, as a process of its own.
// fork with the arguments: NAMESERVERS TOPIC LATENCY(0|1); it is sent the number of messages to wait for, and answers with what
// it measured.
import { connect } from '@qanat/client';
import { consume } from './consume.mjs';

const [nameServers, topic, latency] = process.argv.slice(2);
// Before anything is awaited: a message that comes earlier than its listener is lost.
const expected = new Promise((resolve) => process.once('message', resolve));
const client = await connect(nameServers, { label: 'bench-consumer' });
let ready = false;
const result = await consume(client, topic, {
  expected,
  latency: latency === '1',
  onReady: () => {
    if (!ready) process.send('ready');
    ready = true;
  },
});
process.send(result);
await client.close();
process.disconnect();
