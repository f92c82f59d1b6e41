// Compares what was sent with what arrived.
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';

/** The first word is the key of a line; every fourth line has none. */
export const keyOf = (line, number) => (number % 4 === 0 ? undefined : (/^\W*(\w{1,20})/.exec(line)?.[1] ?? undefined));

/** Every line of the file with its number, from 1 on. Only \n separates lines. */
export async function* linesOf(path) {
  let rest = '';
  let number = 0;
  for await (const chunk of createReadStream(path, { encoding: 'utf8' })) {
    const parts = (rest + chunk).split('\n');
    rest = parts.pop();
    for (const line of parts) yield { number: ++number, line };
  }
  if (rest !== '') yield { number: ++number, line: rest };
}

async function* deliveries(outputs) {
  for (const output of outputs) {
    for await (const text of createInterface({ input: createReadStream(output) })) {
      const [number, key, broker, queue, offset, digest] = JSON.parse(text);
      yield { number, key, place: `${broker}/${queue}`, offset, digest };
    }
  }
}

/** @returns the faults found; empty when what arrived is exactly what was sent. */
export async function verify({ file, acked, outputs, exactlyOnce }) {
  const faults = [];
  const fault = (text) => faults.length < 20 && faults.push(text);
  const digests = [];
  for await (const { number, line } of linesOf(file)) digests[number] = createHash('sha1').update(line).digest('base64');
  const stored = new Map(); // line -> place@offset: where it is in the log
  let redelivered = 0;
  const byQueue = new Map();
  for await (const { number, key, place, offset, digest } of deliveries(outputs)) {
    if (digests[number] === undefined) fault(`line ${number} was never sent`);
    else if (digests[number] !== digest) fault(`line ${number} arrived changed`);
    const at = `${place}@${offset}`;
    const before = stored.get(number);
    if (before === undefined) stored.set(number, at);
    else if (before === at) redelivered++;
    else fault(`line ${number} is stored twice: ${before} and ${at}`);
    if (!byQueue.has(place)) byQueue.set(place, new Map());
    byQueue.get(place).set(offset, { number, key });
  }
  if (exactlyOnce && redelivered > 0) fault(`${redelivered} messages were delivered twice`);
  for (const number of acked) if (!stored.has(number)) fault(`line ${number} was acknowledged and did not arrive`);
  checkOrder(byQueue, fault);
  return { faults, arrived: stored.size, redelivered };
}

/** Offsets are dense, and within a key the lines are in the order in which they were sent. */
function checkOrder(byQueue, fault) {
  const placeOfKey = new Map();
  for (const [place, messages] of byQueue) {
    const newest = new Map();
    const offsets = [...messages.keys()].sort((a, b) => a - b);
    offsets.forEach((offset, i) => {
      if (offset !== i) fault(`${place}: offset ${i} is missing`);
      const { number, key } = messages.get(offset);
      if (key === '') return;
      if (placeOfKey.get(key) !== undefined && placeOfKey.get(key) !== place)
        fault(`key ${key} is in ${place} and ${placeOfKey.get(key)}`);
      placeOfKey.set(key, place);
      if ((newest.get(key) ?? 0) >= number) fault(`key ${key}: line ${number} came after line ${newest.get(key)}`);
      newest.set(key, number);
    });
  }
}
