import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { afterAll, describe, expect, it } from 'vitest';
import { Folder, run } from './terminal.ts';

const folder = new Folder();
afterAll(() => folder.remove());

const MANIFEST = { protocol: 1, name: 'mine', version: '7', roles: ['nameserver'], abilities: [] };

/**
 * A driver that is right but for what is changed: it answers `hello` with a manifest, and everything else with "unsupported".
 * `say` is called with a message, `line` writes text as it is.
 */
function driver(change = '', manifest: object = MANIFEST): string {
  const path = folder.file(
    `driver-${files++}.mjs`,
    `import { createInterface } from 'node:readline';
import { spawn } from 'node:child_process';
const line = (text) => process.stdout.write(text + '\\n');
const say = (message) => line(JSON.stringify(message));
let answer = ({ id, op }) =>
  say(op === 'hello' ? { id, ok: ${JSON.stringify(manifest)} } : { id, error: { kind: 'unsupported' } });
${change}
for await (const text of createInterface({ input: process.stdin })) answer(JSON.parse(text));
`,
  );
  return `'${process.execPath}' '${path}'`;
}
let files = 0;

/** A driver that listens instead, at a port of its own that it prints. */
const listening = `
import { createServer } from 'node:net';
import { createInterface } from 'node:readline';
const server = createServer((socket) => createInterface({ input: socket }).on('line', (text) => {
  const { id, op } = JSON.parse(text);
  const said = op === 'hello' ? { id, ok: ${JSON.stringify(MANIFEST)} } : { id, error: { kind: 'unsupported' } };
  socket.write(JSON.stringify(said) + '\\n');
}));
server.listen(0, '127.0.0.1', () => console.log(server.address().port));
`;

/** Starts it, and lets the doctor look at it by its address. */
async function doctorOfListener(): Promise<Awaited<ReturnType<typeof run>>> {
  const child = spawn(process.execPath, [folder.file('listening.mjs', listening)], { stdio: ['ignore', 'pipe', 'inherit'] });
  try {
    const port = await new Promise<string>((resolve) => child.stdout.once('data', (text) => resolve(String(text).trim())));
    return await run('doctor', '--connect', `127.0.0.1:${port}`, '--within', '1500');
  } finally {
    child.kill();
  }
}

const doctor = (change?: string, manifest?: object) => run('doctor', '--cmd', driver(change, manifest), '--within', '1500');

/** What answers `start`, and the rest as it should. */
const starting = (ok: string): string =>
  `const right = answer; answer = (call) => (call.op === 'start' ? say({ id: call.id, ok: ${ok} }) : right(call));`;

const manifest = (change: object): object => ({ ...MANIFEST, ...change });

describe('the doctor says what is wrong with', () => {
  const wrong: readonly (readonly [what: string, change: string, manifest: object, says: RegExp])[] = [
    [
      'an answer without an id',
      'answer = () => say({ ok: {} });',
      MANIFEST,
      /a message has either "event", or the number "id" of the call/,
    ],
    ['an id that is text', 'answer = ({ id }) => say({ id: String(id), ok: {} });', MANIFEST, /the number "id"/],
    ['neither ok nor error', 'answer = ({ id }) => say({ id });', MANIFEST, /call 1 has neither "ok" nor "error"/],
    [
      'an unknown kind of error',
      "answer = ({ id }) => say({ id, error: { kind: 'oops' } });",
      MANIFEST,
      /needs "kind": one of failed, .* not "oops"/,
    ],
    ['an error that is text', "answer = ({ id }) => say({ id, error: 'oops' });", MANIFEST, /the error of call 1 needs "kind"/],
    [
      'hello refused',
      "answer = ({ id }) => say({ id, error: { kind: 'unsupported' } });",
      MANIFEST,
      /answers hello with .*unsupported/,
    ],
    [
      'two answers',
      'const once = answer; answer = (call) => { once(call); once(call); };',
      MANIFEST,
      /answers call 1, which is not open/,
    ],
    [
      'ok to what there is not',
      "const right = answer; answer = (call) => (call.op === 'hello' ? right(call) : say({ id: call.id, ok: {} }));",
      MANIFEST,
      /answers an operation that does not exist .* with \{"ok":\{\}\}; it has to answer .*unsupported/,
    ],
    [
      'text on the standard output',
      "line('starting up …');",
      MANIFEST,
      /is no JSON: "starting up …"\. Only messages go to the standard output/,
    ],
    ['a list', "line('[1]');", MANIFEST, /a message of a driver is a JSON object, not \[1\]/],
    [
      'silence',
      "answer = () => console.error('waiting for godot');",
      MANIFEST,
      /did not answer "hello" within 1500 ms\. It said: waiting for godot/,
    ],
    [
      'an end at once',
      "console.error('no such module'); process.exit(7);",
      MANIFEST,
      /the driver ended with 7\. It said: no such module/,
    ],
    [
      'a server that does not start again',
      `let starts = 1; const right = answer;
       answer = (call) => say({ id: call.id, ok: call.op === 'start' && starts++ === 1 ? { address: '127.0.0.1:1' } : {} });
       const all = answer; answer = (call) => (['start', 'stop'].includes(call.op) ? all(call) : right(call));`,
      manifest({ abilities: ['stop'] }),
      /behind "stop" the server does not start again/,
    ],
    ['another protocol', '', manifest({ protocol: 2 }), /needs "protocol": 1, and has 2/],
    ['no protocol', '', manifest({ protocol: undefined }), /needs "protocol": 1, and has none/],
    ['no name', '', manifest({ name: undefined }), /needs "name" as text/],
    ['an unknown role', '', manifest({ roles: ['cook'] }), /unknown entry of "roles": "cook"; known are nameserver/],
    ['no role', '', manifest({ roles: [] }), /names no role/],
    ['roles that are text', '', manifest({ roles: 'broker' }), /needs "roles" as a list/],
    ['an unknown ability', '', manifest({ abilities: ['fly'] }), /unknown entry of "abilities": "fly"/],
    ['an unknown transport', '', manifest({ transports: ['pigeon'] }), /unknown entry of "transports": "pigeon"/],
    [
      'a transport for which it tells no endpoint',
      starting("{ address: '127.0.0.1:1' }"),
      manifest({ transports: ['tcp', 'websocket'] }),
      /nameserver over WebSocket: the subject did not start: it told no "endpoints" with "ws"/,
    ],
    ['an event without its client', "say({ event: 'idle' });", MANIFEST, /the event idle has to name its "client"/],
    [
      'a delivery without its offset',
      "say({ event: 'delivered', client: 'c', topic: 't', broker: 'b', queue: 0, body: '' });",
      MANIFEST,
      /delivered needs "offset" as a number, and has none/,
    ],
    [
      'a start that is not answered with an address',
      starting('{}'),
      MANIFEST,
      /nameserver: the subject did not start: it told no "address"/,
    ],
    ['an address that is none', starting("{ address: 'here' }"), MANIFEST, /nameserver: .*here/],
    [
      'an address of nobody',
      starting("{ address: '127.0.0.1:1' }"),
      MANIFEST,
      /nameserver: the subject cannot be reached: connect ECONNREFUSED 127\.0\.0\.1:1/,
    ],
    ['a start that is unsupported', '', MANIFEST, /nameserver: the subject did not start: unsupported/],
    [
      'an ability that it does not have',
      starting("{ address: '127.0.0.1:1' }"),
      manifest({ abilities: ['pause'] }),
      /names the ability "pause", and answers "pause" with \{"kind":"unsupported"\}/,
    ],
    [
      'a codec that decodes nothing',
      '',
      manifest({ roles: ['codec'] }),
      /codec: it knows neither "decode" nor "encode" of frames/,
    ],
    [
      'a codec that is wrong',
      "const right = answer; answer = (call) => (call.op === 'decode' ? say({ id: call.id, ok: {} }) : right(call));",
      manifest({ roles: ['codec'] }),
      /codec: frames\.json, case 1, decode frame: .* has to come/,
    ],
  ];

  it.concurrent.each(wrong)('%s', async (_, change, told, says) => {
    const { code, out } = await doctor(change, told);
    expect(out).toMatch(says);
    expect(out.match(/^WRONG /gm)?.length).toBeGreaterThan(0);
    expect(code).toBe(3);
  });
});

it('is not run over a transport that it does not name', async () => {
  const { code, err } = await run('run', 'nameserver', '--cmd', driver(), '--transport', 'websocket');
  expect([code, err]).toEqual([
    64,
    'error: this driver has no WebSocket\nhint: it names the transports tcp in its answer to hello\n',
  ]);
});

it('looks at a driver that listens', async () => {
  const { code, out } = await doctorOfListener();
  // It names a role, and cannot start it.
  expect([code, out]).toEqual([3, expect.stringMatching(/ok {4}hello: mine 7[\s\S]*WRONG .*unsupported/)]);
});

it('shows every line when it is asked to', async () => {
  const { err } = await run('doctor', '--cmd', driver(), '--verbose');
  expect(err).toMatch(/^> \{"kit":"qanat-conformance","protocol":1,"id":1,"op":"hello"\}$/m);
  expect(err).toMatch(/^< \{"id":1,"ok":\{"protocol":1,/m);
});

it('ends a driver, and what it has started, when a run is broken off', async () => {
  const pids = folder.file('pids');
  // It ignores what it is asked to do, as one that hangs does.
  const child = folder.file(
    'child.cjs',
    `process.on('SIGTERM', () => {});
require('node:fs').writeFileSync(${JSON.stringify(pids)}, process.ppid + ' ' + process.pid);
setInterval(() => {}, 1000);`,
  );
  const command = driver(`spawn(process.execPath, [${JSON.stringify(child)}], { stdio: 'ignore' });
const right = answer;
answer = (call) => call.op !== 'start' && right(call);`);
  const file = folder.file('result.json');
  const running = run('run', 'nameserver', '--cmd', command, '--budget', 'quick', '--report', `json=${file}`);
  await expect
    .poll(() => existsSync(file) && existsSync(pids) && readFileSync(pids, 'utf8') !== '', { timeout: 10_000 })
    .toBe(true);
  process.emit('SIGTERM');
  const { code, err, out } = await running;
  expect([code, err]).toEqual([3, expect.stringContaining('broken off')]);
  expect(out).toContain('INCOMPLETE: the run was broken off');
  expect(JSON.parse(readFileSync(file, 'utf8')).settled).toBe('incomplete');
  for (const pid of readFileSync(pids, 'utf8').split(' ').map(Number))
    await expect.poll(() => isAlive(pid), { timeout: 5_000 }).toBe(false);
});

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
