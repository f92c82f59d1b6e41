// Compares what was sent with what the log holds.
import { bodyOf } from './traffic.mjs';

const TEXT = new TextDecoder();

/** The name of the source and the number, without what fills the body. */
const brief = (text) => text.split(' ', 2).join(' ');

/** Everything that the topic holds. */
export async function readTopic(client, topic) {
  const messages = [];
  for await (const { broker, queue, offset, key, body } of client.pullConsumer().read(topic, { until: 'end' })) {
    messages.push({ place: `${broker}/${queue}`, offset, key, text: TEXT.decode(body) });
  }
  return messages;
}

/**
 * @param others bodies that were sent besides. @returns what is wrong with the log, by kind: every list is empty when all is
 * well.
 */
function verifyLog(messages, traffics, others) {
  const wrong = { missing: [], duplicates: [], gaps: [], order: [], strangers: [] };
  const stored = new Map(); // body -> the message
  for (const message of messages) {
    const before = stored.get(message.text);
    const at = `${message.place}@${message.offset}`;
    if (before !== undefined) wrong.duplicates.push(`${brief(message.text)} is at ${before.place}@${before.offset} and at ${at}`);
    else stored.set(message.text, message);
  }
  for (const traffic of traffics) checkTraffic(traffic, stored, wrong);
  const sent = traffics.flatMap((one) => Array.from({ length: one.sent }, (_, i) => bodyOf(one.name, i + 1)));
  const expected = new Set([...sent, ...others]);
  for (const { text, place, offset } of messages) {
    if (!expected.has(text)) wrong.strangers.push(`${brief(text)} at ${place}@${offset} was never sent`);
  }
  checkQueues(messages, wrong);
  return wrong;
}

function checkTraffic(traffic, stored, wrong) {
  for (const [number, { place, offset }] of traffic.acked) {
    const message = stored.get(bodyOf(traffic.name, number));
    const name = `${traffic.name} ${number}`;
    if (message === undefined) wrong.missing.push(`${name} was acknowledged at ${place}@${offset} and is not stored`);
    else if (message.place !== place || (offset !== undefined && message.offset !== offset)) {
      wrong.missing.push(`${name} was acknowledged at ${place}@${offset} and is at ${message.place}@${message.offset}`);
    } else if (message.key !== traffic.keyOf(number)) wrong.missing.push(`${name} has key ${message.key}`);
  }
  for (const [number, why] of traffic.failed) {
    const refused = /\((rejected|not-sent)\)/.test(why);
    if (refused && stored.has(bodyOf(traffic.name, number)))
      wrong.strangers.push(`${traffic.name} ${number} is stored, but: ${why}`);
  }
}

/** Offsets are dense, a key is in one queue, and there in the order in which its messages were sent. */
function checkQueues(messages, wrong) {
  const queues = new Map();
  for (const message of messages) {
    if (!queues.has(message.place)) queues.set(message.place, []);
    queues.get(message.place).push(message);
  }
  const placeOfKey = new Map();
  for (const [place, list] of queues) {
    const newest = new Map();
    list.sort((a, b) => a.offset - b.offset);
    list.forEach(({ offset, key, text }, i) => {
      if (offset !== i) wrong.gaps.push(`${place}: offset ${offset} where ${i} is due`);
      if (key === undefined) return;
      const [name, number] = text.split(' ');
      const source = `${name} ${key}`;
      const other = placeOfKey.get(source) ?? place;
      placeOfKey.set(source, place);
      if (other !== place) wrong.order.push(`${source} is in ${place} and in ${other}`);
      if ((newest.get(source) ?? 0) >= Number(number))
        wrong.order.push(`${place}: ${brief(text)} came after number ${newest.get(source)}`);
      newest.set(source, Number(number));
    });
  }
}

/** Reads the topic and tells the verdict on it. @param others bodies that were sent besides. */
export async function checkLog(trial, client, topic, traffics, others = []) {
  const messages = await readTopic(client, topic);
  const wrong = verifyLog(messages, traffics, others);
  const acked = traffics.reduce((sum, one) => sum + one.acked.size, 0);
  const retried = traffics.reduce((sum, one) => sum + [...one.acked.values()].filter(({ duplicate }) => duplicate).length, 0);
  const failed = traffics.flatMap((one) => [...one.failed].map(([number, why]) => `${one.name} ${number}: ${why}`));
  trial.check(failed.length === 0, `every send was acknowledged: ${acked}, not ${failed.length}`, failed);
  trial.check(wrong.missing.length === 0, `all ${acked} acknowledged are stored, at the offset that was told`, wrong.missing);
  const twice = `none of the ${messages.length} stored is stored twice (${retried} were sent again and found there)`;
  trial.check(wrong.duplicates.length === 0, twice, wrong.duplicates);
  trial.check(wrong.gaps.length === 0, 'offsets are dense', wrong.gaps);
  trial.check(wrong.order.length === 0, 'messages of a key are in one queue, in order', wrong.order);
  trial.check(wrong.strangers.length === 0, 'nothing is stored that was not sent, or that was refused', wrong.strangers);
}
