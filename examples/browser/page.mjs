// Sends, tails and watches a topic. For the console: `qanat` is the client, and what is stored and what comes are events:
//   document.addEventListener('qanat:stored', ({ detail }) => console.log(detail.message, detail.receipt));
//   document.addEventListener('qanat:message', ({ detail }) => console.log(detail.key, detail.offset));
import { connect } from './qanat/browser.js';

const ROWS = 20;
const EVENTS = 100;
const SHOW_MS = 200;
const QUEUES_MS = 1_000;
const SEND_MS = 50;

const element = (id) => document.getElementById(id);
const counters = { sent: 0, acknowledged: 0, failed: 0, received: 0, again: 0 };
const newest = [];
const text = new TextDecoder();
let consumer;

// ---- showing ----

/** Payloads are anybody's: they become text, never markup. */
function row(values) {
  const line = document.createElement('tr');
  for (const value of values) line.append(Object.assign(document.createElement('td'), { textContent: value ?? '–' }));
  return line;
}

function show() {
  for (const [id, count] of Object.entries(counters)) element(id).textContent = count;
  const rows = newest.map((message) => [
    `${message.broker}/${message.queue}`,
    message.offset,
    message.key,
    text.decode(message.body),
  ]);
  element('messages').replaceChildren(...rows.reverse().map(row));
}

function showEvent({ kind, peer, address, queues, topic, error, message }) {
  const details = [
    peer,
    address,
    queues && `${queues.length} queues`,
    topic,
    message,
    error && `${error.code}: ${error.message}`,
  ];
  const line = document.createElement('li');
  line.textContent = [new Date().toLocaleTimeString(), kind, ...details.filter(Boolean)].join(' · ');
  element('events').prepend(line);
  element('events').children[EVENTS]?.remove();
}

const peers = new Set();

function showState({ kind, peer }) {
  if (kind === 'connected') peers.add(peer);
  else if (kind === 'disconnected') peers.delete(peer);
  else return;
  element('state').textContent = peers.size > 0 ? `connected to ${[...peers].sort().join(', ')}` : 'connecting again …';
}

async function showQueues(client) {
  const { topic, group } = fields('tail');
  try {
    const { queues } = await client.admin.describeTopic(topic);
    const places = await placesOf(client, group);
    const rows = queues.map(({ broker, queue, away, oldestOffset, highWatermark }) => {
      const place = places.find((one) => one.topic === topic && one.broker === broker && one.queue === queue);
      return [broker, queue, ...(away ? ['away'] : [oldestOffset, highWatermark, place?.committed, place?.lag])];
    });
    element('queues').replaceChildren(...rows.map(row));
  } catch (error) {
    element('queues').replaceChildren(row([error.message]));
  }
  setTimeout(() => showQueues(client), QUEUES_MS);
}

async function placesOf(client, group) {
  try {
    return (await client.admin.describeGroup(group)).queues;
  } catch (error) {
    if (error.code === 'GROUP_NOT_FOUND') return []; // nobody has tailed yet
    throw error;
  }
}

// ---- sending ----

function fields(form) {
  return Object.fromEntries(new FormData(element(form)));
}

async function send(producer) {
  const { topic, text: body, key, ...numbers } = fields('send');
  const [count, keys, rate] = [Number(numbers.count), Number(numbers.keys), Number(numbers.rate)];
  const atOnce = Math.ceil((rate * SEND_MS) / 1_000);
  for (let i = 0; i < count; i++) {
    if (i > 0 && i % atOnce === 0) await new Promise((resolve) => setTimeout(resolve, SEND_MS));
    const number = counters.sent++;
    const message = {
      body: count === 1 ? body : `${body} ${number}`,
      ...(key && { key: keys === 1 ? key : `${key}-${number % keys}` }),
    };
    producer.send(topic, message).then((receipt) => stored(message, receipt), notStored);
  }
}

function stored(message, receipt) {
  counters.acknowledged++;
  tell('stored', { message, receipt });
}

function notStored(error) {
  counters.failed++;
  showEvent({ kind: 'send failed', error });
}

// ---- receiving ----

async function tail(client) {
  const { topic, group } = fields('tail');
  const places = new Map();
  consumer = client.pushConsumer({ group, topics: topic, from: 'first' });
  element('tail').elements.stop.disabled = false;
  element('tail').elements.start.disabled = true;
  try {
    await consumer.run((message) => receive(message, places));
  } catch (error) {
    showEvent({ kind: 'tail ended', error });
  }
  element('tail').elements.stop.disabled = true;
  element('tail').elements.start.disabled = false;
}

function receive(message, places) {
  const queue = `${message.broker}/${message.queue}`;
  if (message.offset < (places.get(queue) ?? 0)) counters.again++;
  else places.set(queue, message.offset + 1);
  counters.received++;
  newest.push(message);
  if (newest.length > ROWS) newest.shift();
  tell('message', message);
}

function tell(what, detail) {
  document.dispatchEvent(new CustomEvent(`qanat:${what}`, { detail }));
}

// ---- connecting ----

async function start() {
  element('connect').querySelector('button').disabled = true;
  element('state').textContent = 'connecting …';
  try {
    const { servers, user, password } = fields('connect');
    const client = await connect(servers, { label: 'page', ...(user && { login: { user, password } }) });
    run(client);
  } catch (error) {
    element('state').textContent = `${error.code}: ${error.message} (${error.hint})`;
    element('connect').querySelector('button').disabled = false;
  }
}

function run(client) {
  window.qanat = client;
  const producer = client.producer();
  showState({ kind: 'connected', peer: 'nameserver' });
  client.onEvent(showState);
  client.onEvent(showEvent);
  onSubmit('send', () => send(producer));
  onSubmit('tail', () => tail(client));
  element('tail').elements.stop.addEventListener('click', () => consumer.close());
  for (const set of document.querySelectorAll('fieldset')) set.disabled = false;
  showQueues(client);
}

function onSubmit(form, act) {
  element(form).addEventListener('submit', (event) => {
    event.preventDefault();
    act();
  });
}

const given = new URLSearchParams(location.search);
for (const [name, value] of given)
  for (const input of document.getElementsByName(name)) if (input.type !== 'password') input.value = value;
onSubmit('connect', start);
setInterval(show, SHOW_MS);
