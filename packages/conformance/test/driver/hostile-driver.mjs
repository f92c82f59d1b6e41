// A driver that says hello as it should, and then does what its argument says.
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';

const [mode] = process.argv.slice(2);
const say = (message) => process.stdout.write(`${JSON.stringify(message)}\n`);

/** Writes as fast as it is read, without end. */
function flood(text) {
  while (process.stdout.write(text));
  process.stdout.once('drain', () => flood(text));
}

const answers = {
  crashes: () => process.exit(7),
  garbage: () => flood(`${'this is no JSON '.repeat(50)}\n`),
  'one-line': () => flood('x'.repeat(1_000_000)),
  twice: ({ id }) => [id, id].forEach((one) => void say({ id: one, ok: {} })),
  'leaves-a-child': () => {
    // A server that would outlive its driver, and holds its standard output.
    const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1_000_000)'], {
      stdio: ['ignore', 'inherit', 'inherit'],
    });
    child.once('spawn', () => {
      process.stdout.write(`${JSON.stringify({ event: 'child', client: '', pid: child.pid })}\n`, () => process.exit(7));
    });
  },
};

createInterface({ input: process.stdin }).on('line', (line) => {
  const call = JSON.parse(line);
  if (call.op === 'hello')
    say({ id: call.id, ok: { protocol: 1, name: mode, version: '0', roles: ['broker'], abilities: ['kill'] } });
  else if (call.op === 'start') answers[mode](call);
  else say({ id: call.id, error: { kind: 'unsupported' } });
});
