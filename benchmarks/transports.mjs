// The same work over WebSocket right after it was done over TCP, so that both see the same minute of the machine.
import { execFile } from 'node:child_process';
import { tmpdir } from 'node:os';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { median } from './yardstick.mjs';

const MAIN = fileURLToPath(new URL('./main.mjs', import.meta.url));
const RUN_MS_MAX = 180_000;
const run = promisify(execFile);

async function bench(...args) {
  const { stdout } = await run(process.execPath, [MAIN, ...args.map(String), '--duration', '3600', '--json'], {
    timeout: RUN_MS_MAX,
    maxBuffer: 1 << 24,
  });
  return JSON.parse(stdout);
}

/** One round over one transport: what each work came to, messages a second. */
async function round(over, messages, dir) {
  const backlog = await bench('consume', '--messages', messages, '--over', over, '--dir', dir);
  const both = await bench('e2e', '--messages', messages, '--over', over, '--dir', dir);
  return {
    'produce, batches of 512': backlog.produced.messagesPerSecond,
    'consume a backlog': backlog.messagesPerSecond,
    'produce and consume at once': both.messagesPerSecond,
  };
}

/** @param values the options of the command line: runs, messages, dir, json. */
export async function transports(values) {
  const runs = Number(values.runs);
  const messages = Math.ceil(Number(values.messages ?? 4_000_000) / 2048) * 2048;
  const dir = values.dir ?? tmpdir();
  const rounds = [];
  for (let i = 1; i <= runs; i++) {
    process.stderr.write(`run ${i} of ${runs}\n`);
    rounds.push({ tcp: await round('qanat', messages, dir), ws: await round('ws', messages, dir) });
  }
  const rows = Object.keys(rounds[0].tcp).map((name) => ({
    name,
    runs,
    tcp: median(rounds.map(({ tcp }) => tcp[name])),
    ws: median(rounds.map(({ ws }) => ws[name])),
    ratio: median(rounds.map(({ tcp, ws }) => ws[name] / tcp[name])),
  }));
  if (values.json) return console.log(JSON.stringify(rows));
  console.log('| Work | TCP, messages/s | WebSocket, messages/s | median of the ratios | runs |');
  console.log('|---|---|---|---|---|');
  const show = (figure) => Math.round(figure).toLocaleString('en');
  for (const { name, tcp, ws, ratio } of rows)
    console.log(`| ${name} | ${show(tcp)} | ${show(ws)} | ${Math.round(ratio * 100)} % | ${runs} |`);
}
