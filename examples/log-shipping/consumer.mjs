// One member of the group, as a process of its own: writes what it was given, one line a message, to its output file.
//   node consumer.mjs NAMESERVERS TOPIC GROUP LABEL OUTPUT
import { createHash } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { connect } from '@qanat/client';

const [nameServers, topic, group, label, output] = process.argv.slice(2);
const out = createWriteStream(output);
const client = await connect(nameServers, { label });
const consumer = client.pushConsumer({ group, topics: topic, from: 'first' });
const stop = new AbortController();
process.once('SIGTERM', () => stop.abort());
process.send?.('ready');

let count = 0;
await consumer.runBatch(
  (messages) => {
    for (const message of messages) {
      const digest = createHash('sha1').update(message.body).digest('base64');
      const { broker, queue, offset, key } = message;
      out.write(`${JSON.stringify([Number(message.properties.line), key ?? '', broker, queue, offset, digest])}\n`);
    }
    count += messages.length;
    process.send?.(count);
  },
  { signal: stop.signal },
);
await client.close();
await new Promise((resolve) => out.end(resolve));
process.disconnect?.();
