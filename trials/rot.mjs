// A bit of durable data flips: the broker refuses to start, says where and what to do, and changes nothing.
import { createHash } from 'node:crypto';
import { cpSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Cluster } from './cluster.mjs';
import { runQanat, sleep } from './processes.mjs';
import { Traffic } from './traffic.mjs';
import { checkLog } from './verify.mjs';

const TOPIC = 'orders';
const BROKER = 'broker-a';
const SEGMENT_HEADER_BYTES = 64;
const ENTRY_HEADER_BYTES = 64;
/** Of the entries; what is behind it may be the group that was on its way when the broker was killed. */
const DURABLE_SHARE = 0.9;

export async function rot(trial) {
  const flips = trial.rounds(8, 40);
  const data = join(trial.directory, 'store');
  const cluster = await new Cluster(trial).start({ brokers: [BROKER], broker: { data: () => data } });
  await cluster.createTopic(TOPIC, 4);
  const { client } = await cluster.connect('trial');
  const traffic = new Traffic(client, TOPIC, { perSecond: 1_000 }).start();
  await sleep(3_000);
  await traffic.stop();
  await cluster.end(BROKER, 'SIGKILL');
  const file = newestSegment(data);
  const entries = readEntries(readFileSync(file));
  const durable = entries.slice(0, Math.floor(entries.length * DURABLE_SHARE));
  trial.note(`the log has ${entries.length} entries, of which ${durable.length} are tried`);
  const outcomes = [];
  for (let i = 0; i < flips; i++) {
    outcomes.push(await flip(trial, data, durable, i, flips));
    trial.progress(`${i + 1} bits of ${flips}`);
  }
  tell(trial, outcomes);
  await cluster.startAgain(BROKER);
  await checkLog(trial, client, TOPIC, [traffic]);
}

const newestSegment = (data) => {
  const names = readdirSync(join(data, 'log')).filter((name) => name.endsWith('.seg'));
  return join(data, 'log', names.sort().at(-1));
};

/** Where each entry begins in the file, and how long it is: its first four bytes say so. */
function readEntries(bytes) {
  const entries = [];
  for (let at = SEGMENT_HEADER_BYTES; at + ENTRY_HEADER_BYTES <= bytes.length; ) {
    const length = bytes.readUInt32BE(at);
    if (length < ENTRY_HEADER_BYTES || at + length > bytes.length) break;
    entries.push({ at, length });
    at += length;
  }
  return entries;
}

/** Headers, bodies and the header of the segment in turn, all over the file. */
async function flip(trial, data, durable, i, flips) {
  const copy = join(trial.directory, `flip-${i}`);
  cpSync(data, copy, { recursive: true });
  const file = newestSegment(copy);
  const bytes = readFileSync(file);
  const entry = durable[Math.floor((i * (durable.length - 1)) / Math.max(1, flips - 1))];
  const inSegmentHeader = i === flips - 1;
  const place = inSegmentHeader ? 24 + (i % 8) : entry.at + placeIn(entry, i);
  bytes[place] ^= 1 << (i % 8);
  writeFileSync(file, bytes);
  const before = digest(copy);
  const args = ['broker', '--name', `rotten-${i}`, '--listen', '127.0.0.1:0', '--nameserver', '127.0.0.1:1', '--data', copy];
  const { code, notes } = await runQanat([...args, '--json', '--log-level', 'error'], trial.log('rotten'), { withinMs: 20_000 });
  const said = notes.join('\n');
  // Positions count entries only; the file has a header before them.
  const position = entry.at - SEGMENT_HEADER_BYTES;
  return {
    what: `${inSegmentHeader ? 'the header of the segment' : `the entry at position ${position}`}, byte ${place}`,
    refused: code !== 0 && code !== null && said.includes('CORRUPT_LOG'),
    located: inSegmentHeader ? said.includes('.seg') : new RegExp(`position ${position}\\b`).test(said),
    helped: /hint:|"hint"/.test(said),
    unchanged: before === digest(copy),
    said: said.slice(0, 300),
  };
}

const placeIn = ({ length }, i) => (i % 2 === 0 ? (i * 5) % ENTRY_HEADER_BYTES : ENTRY_HEADER_BYTES + ((i * 37) % (length - 64)));

/** Of every file but the one that only tells who uses the store. */
function digest(directory) {
  const hash = createHash('sha256');
  for (const name of readdirSync(directory, { recursive: true }).sort()) {
    if (name === 'LOCK') continue;
    try {
      hash.update(`${name}\n`).update(readFileSync(join(directory, name)));
    } catch (error) {
      if (error.code !== 'EISDIR') throw error;
    }
  }
  return hash.digest('hex');
}

function tell(trial, outcomes) {
  const check = (field, text) => {
    const wrong = outcomes.filter((one) => !one[field]);
    trial.check(
      wrong.length === 0,
      `${outcomes.length - wrong.length} of ${outcomes.length} flipped bits: ${text}`,
      wrong.map(({ what, said }) => `${what}: ${said}`),
    );
  };
  check('refused', 'the broker refuses to start (CORRUPT_LOG)');
  check('located', 'it names the place, the exact position of the entry');
  check('helped', 'it says what to do');
  check('unchanged', 'every file is byte for byte what it was');
  trial.note(outcomes[0].said.replaceAll('\n', ' '));
}
