// The benchmarks in turn with the yardstick: each of ours right after the same work of bare Node, so that both see the same
// minute
// of the machine. Medians, ratios of the medians. A run in which not every message is accounted for is void and named.
import { execFile } from 'node:child_process';
import { tmpdir } from 'node:os';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { median, syncMs, WORKS } from './yardstick.mjs';

const MAIN = fileURLToPath(new URL('./main.mjs', import.meta.url));
const RUN_MS_MAX = 180_000;
/** As many that what runs while programs are compiled is not in the median. */
const SERIAL_MESSAGES = 10_000;
const run = promisify(execFile);

/** One run of ours as a process of its own. @returns undefined where it is void. */
async function bench(args, tell) {
  const options = { timeout: RUN_MS_MAX, maxBuffer: 1 << 24 };
  try {
    const { stdout } = await run(process.execPath, [MAIN, ...args, '--json'], options);
    return JSON.parse(stdout);
  } catch (error) {
    tell(`VOID: ${args.join(' ')}: ${error.stderr?.trim() || error.message}`);
    return undefined;
  }
}

const perSecond = (figure) => ({ perSecond: figure.messagesPerSecond, cpuUs: figure.cpuUs });
const ofYardstick = (figure) => ({ perSecond: figure.rate, cpuUs: figure.cpuUs });

/** Works by name. Each gives rows: [name, our figure, the yardstick's]; a figure is { perSecond, cpuUs } or { ms }. */
const PAIRS = {
  async backlog({ dir, messages }, ours) {
    const theirs = await WORKS.backlog(dir, messages, 128);
    const figure = await ours('consume', '--messages', messages);
    if (figure === undefined) return [];
    return [
      ['produce, batches of 512', perSecond(figure.produced), ofYardstick(theirs.produce)],
      ['consume a backlog', perSecond(figure), ofYardstick(theirs.consume)],
    ];
  },
  async both({ dir, messages }, ours) {
    const theirs = await WORKS.both(dir, messages, 128);
    const figure = await ours('e2e', '--messages', messages);
    return figure === undefined ? [] : [['produce and consume at once', perSecond(figure), ofYardstick(theirs)]];
  },
  kib: produceRow('produce 1 KiB, batches of 64', 1024, 64, 16, 8),
  batch32: produceRow('produce, batches of 32', 128, 32, 32, 4),
  single64: produceRow('64 single sends in flight', 128, 1, 64, 20),
  async serial({ dir }, ours) {
    const theirs = await WORKS.produce(dir, SERIAL_MESSAGES, 128, 1, 1);
    const figure = await ours('produce', '--messages', SERIAL_MESSAGES, '--batch', 1, '--in-flight', 1);
    return figure === undefined ? [] : [['one serial sender, p50', { ms: figure.latencyMs.p50 }, { ms: theirs.p50 }]];
  },
  async sync({ dir }) {
    return [['fdatasync of 4 KiB, p50', undefined, { ms: syncMs(dir) }]];
  },
};

/** @param share of the messages, its inverse: single sends are fewer. */
function produceRow(name, size, batch, inFlight, share) {
  return async ({ dir, messages }, ours) => {
    const count = Math.ceil(messages / share / 2048) * 2048;
    const theirs = await WORKS.produce(dir, count, size, batch, inFlight);
    const options = ['--messages', count, '--size', size, '--batch', batch, '--in-flight', inFlight];
    const figure = await ours('produce', ...options);
    return figure === undefined ? [] : [[name, perSecond(figure), ofYardstick(theirs)]];
  };
}

const value = (figure) => figure?.ms ?? figure?.perSecond;
const cpuSum = ({ cpuUs } = {}) => (cpuUs === undefined ? undefined : Object.values(cpuUs).reduce((sum, us) => sum + us, 0));
const medianOf = (figures, of) => {
  const values = figures.map(of).filter((one) => one !== undefined && !Number.isNaN(one));
  return values.length === 0 ? undefined : median(values);
};

function summary(name, rows) {
  const ours = rows.map(([figure]) => figure);
  const theirs = rows.map(([, figure]) => figure);
  const unit = theirs[0].ms === undefined ? 'messages/s' : 'ms';
  const [qanat, yardstick] = [medianOf(ours, value), medianOf(theirs, value)];
  const cpuUs = { qanat: medianOf(ours, cpuSum), yardstick: medianOf(theirs, cpuSum) };
  return { name, runs: rows.length, unit, qanat, yardstick, ratio: qanat === undefined ? undefined : qanat / yardstick, cpuUs };
}

function line({ name, runs, unit, qanat, yardstick, ratio, cpuUs }) {
  const show = (figure) => {
    if (figure === undefined) return '–';
    return unit === 'ms' ? `${figure.toFixed(3)} ms` : Math.round(figure).toLocaleString('en');
  };
  const us = (figure) => figure?.toFixed(2) ?? '–';
  const share = ratio === undefined ? '–' : `${Math.round(ratio * 100)} %`;
  return `| ${name} | ${show(qanat)} | ${show(yardstick)} | ${share} | ${us(cpuUs.qanat)} / ${us(cpuUs.yardstick)} | ${runs} |`;
}

/** @param values the options of the command line: runs, messages, only (names of works), dir, json. */
export async function compare(values) {
  const runs = Number(values.runs);
  const messages = Math.ceil(Number(values.messages ?? 4_000_000) / 2048) * 2048;
  const dir = values.dir ?? tmpdir();
  const names = values.only?.split(',') ?? Object.keys(PAIRS);
  const tell = (text) => process.stderr.write(`${text}\n`);
  const ours = (...args) => bench([...args.map(String), '--duration', '3600', '--dir', dir], tell);
  const rows = new Map();
  for (let i = 1; i <= runs; i++) {
    for (const name of names) {
      tell(`run ${i} of ${runs}: ${name}`);
      for (const [row, mine, theirs] of await PAIRS[name]({ dir, messages }, ours)) {
        if (!rows.has(row)) rows.set(row, []);
        rows.get(row).push([mine, theirs]);
      }
    }
  }
  const summaries = [...rows].map(([name, list]) => summary(name, list));
  if (values.json) return console.log(JSON.stringify(summaries));
  console.log(
    '| Work | Qanat | bare Node | ratio | µs of a processor for each message, all processes: Qanat / bare Node | runs |',
  );
  console.log('|---|---|---|---|---|---|');
  for (const one of summaries) console.log(line(one));
}
