#!/usr/bin/env node
// A driver for the producers and consumers of this repository, by their public API.
//   node packages/conformance/drivers/qanat-client.mjs
// It speaks lines of JSON on its standard input and output (docs/conformance-drivers.md).
import { createInterface } from 'node:readline';
import { connect } from '@qanat/client';

const clients = new Map();
/** Clients that connect: what is asked of them waits for it. */
const starting = new Map();
const say = (message) => process.stdout.write(`${JSON.stringify(message)}\n`);
const tell = (event, client, fields) => say({ event, client, ...fields });
const text = new TextDecoder();

/** What the handler of a consumer does with a message: it may fail some times, take its time, or not end. */
async function handle(client, attempt) {
  const { policy } = clients.get(client) ?? { policy: {} };
  if (typeof policy.slow === 'number') await new Promise((resolve) => setTimeout(resolve, policy.slow));
  if (policy.hang) await new Promise((resolve) => clients.get(client)?.held.push(resolve));
  if (attempt <= (policy.fail ?? 0)) throw new Error('the script says so');
}

async function open(client, { nameServers, label, credentials, policy = {} }) {
  const qanat = await connect(nameServers, { label: label ?? client, login: credentials });
  const running = { qanat, policy, held: [], attempts: new Map() };
  clients.set(client, running);
  void tellEvents(client, qanat);
  return running;
}

/** What the client says of itself: assigned, revoked, idle, error, … */
async function tellEvents(client, qanat) {
  const plain = (_, value) => (value instanceof Error ? { code: value.code } : value);
  for await (const { kind, ...fields } of qanat.events()) tell(kind, client, JSON.parse(JSON.stringify(fields, plain)));
}

/** How often a message was handed out, this time included. */
function nextAttempt({ attempts }, { topic, broker, queue, offset }) {
  const key = `${topic} ${broker} ${queue} ${offset}`;
  attempts.set(key, (attempts.get(key) ?? 0) + 1);
  return attempts.get(key);
}

const bodyOf = ({ body = '', size }) => (size === undefined ? body : new Uint8Array(size).fill(0x61));
const messageOf = (of) => ({ body: bodyOf(of), key: of.key, tag: of.tag, properties: of.properties });

const operations = {
  hello: () => ({
    protocol: 1,
    name: 'qanat',
    version: '0.1.0',
    language: 'TypeScript',
    roles: ['producer', 'consumer'],
    transports: ['tcp', 'websocket'],
    abilities: ['policy', 'events', 'batch', 'broadcasting', 'dead-letter', 'credentials', 'disconnected'],
  }),
  'producer.start': async ({ client, options, ...args }) => {
    const running = await open(client, args);
    running.producer = running.qanat.producer(options);
  },
  send: async ({ client, topic, queue, timeoutMs, batch, ...message }) => {
    const { producer } = clients.get(client);
    const options = { timeoutMs, queue };
    if (batch === undefined) return [receiptOf(await producer.send(topic, messageOf(message), options))];
    return (await producer.sendBatch(topic, batch.map(messageOf), options)).map(receiptOf);
  },
  'consumer.start': async ({ client, mode, group = 'group', subscriptions, from = 'first', options, ...args }) => {
    const running = await open(client, args);
    const topics = Object.fromEntries(subscriptions.map(({ topic, filter = '*' }) => [topic, filter]));
    const common = { topics, from, ...options };
    running.consumer =
      mode === 'broadcasting' ? running.qanat.broadcastingConsumer(common) : running.qanat.pushConsumer({ group, ...common });
    running.consumer
      .run(async (message) => {
        const { topic, broker, queue, offset, key, tag, properties } = message;
        const place = { topic, broker, queue, offset };
        const attempt = nextAttempt(running, place);
        tell('delivered', client, {
          ...place,
          body: text.decode(message.body),
          key,
          tag,
          properties: { ...properties },
          attempt,
        });
        await handle(client, attempt);
        tell('handled', client, { ...place, attempt });
      })
      .then(
        () => tell('ended', client, {}),
        (error) => tell('ended', client, { code: error.code, text: error.message }),
      );
  },
  policy: ({ client, policy }) => {
    const running = clients.get(client);
    running.policy = policy;
    for (const resolve of running.held.splice(0)) resolve();
  },
  close: async ({ client }) => {
    const { qanat, producer, consumer } = clients.get(client);
    await (producer ?? consumer).close();
    await qanat.close();
    clients.delete(client);
  },
};

/** Programs that the kit makes smaller may lack the start of a client. */
const OF_CLIENTS = new Set(['send', 'policy', 'close']);

const receiptOf = ({ broker, queue, baseOffset, offset, duplicate, count = 1 }) => ({
  broker,
  queue,
  offset: baseOffset ?? offset ?? null,
  duplicate,
  count,
});

const errorOf = ({ code, outcome, message }) => ({ kind: outcome === 'unknown' ? 'indefinite' : 'failed', code, text: message });

createInterface({ input: process.stdin })
  .on('line', async (line) => {
    const { id, op, ...args } = JSON.parse(line);
    if (operations[op] === undefined) return say({ id, error: { kind: 'unsupported' } });
    await starting.get(args.client);
    if (OF_CLIENTS.has(op) && !clients.has(args.client)) return say({ id, error: { kind: 'invalid', text: 'no such client' } });
    try {
      const done = operations[op](args);
      if (op.endsWith('.start')) starting.set(args.client, Promise.allSettled([done]));
      say({ id, ok: (await done) ?? {} });
    } catch (error) {
      say({ id, error: errorOf(error) });
    }
  })
  .on('close', () => process.exit(0));
process.on('SIGTERM', () => process.exit(0));
