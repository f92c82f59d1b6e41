// A producer of one broker on an island, for `failover-partition`: node isolated-sender.mjs NAMESERVERS TOPIC BROKER QUEUES. It
// sends until SIGTERM, and writes what became of each message, one line of JSON each.
import { connect } from '@qanat/client';

const EVERY_MS = 20;
/** Less than the partition lasts: whoever is told nothing by then has to be told UNKNOWN. */
const TIMEOUT_MS = 8_000;

const [nameServers, topic, broker, queues] = process.argv.slice(2);
const client = await connect(nameServers, { label: 'islander' });
const producer = client.producer();
const tell = (line) => process.stdout.write(`${JSON.stringify({ atMs: Date.now(), ...line })}\n`);
const pending = new Set();
let number = 0;

function send() {
  const body = `islander ${++number}`;
  const options = { queue: { broker, queue: number % Number(queues) }, timeoutMs: TIMEOUT_MS };
  const sentMs = Date.now();
  const sending = producer.send(topic, { body }, options).then(
    ({ queue, offset }) => tell({ outcome: 'ok', body, sentMs, place: `${broker}/${queue}`, offset }),
    ({ code, outcome }) => tell({ outcome, code, body, sentMs }),
  );
  pending.add(sending);
  sending.finally(() => pending.delete(sending));
}

const timer = setInterval(send, EVERY_MS);
process.once('SIGTERM', async () => {
  clearInterval(timer);
  await Promise.all(pending);
  await client.close({ drain: false });
});
