import { existsSync, readdirSync, readFileSync } from 'node:fs';
import * as core from '@qanat/core';
import { nodePlatform } from '@qanat/transports/node';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ReferenceServer } from '../../src/driver/reference-server.ts';
import { framing } from '../../src/families/framing/index.ts';
import { TcpGround } from '../../src/ground/tcp-ground.ts';
import { WebSocketGround } from '../../src/ground/web-socket-ground.ts';
import { rewriting } from '../../src/selftest/control-group.ts';
import { inErrors, only, withCode } from '../altered-server.ts';
import { Folder, run } from './terminal.ts';

const folder = new Folder();
afterAll(() => folder.remove());

const REFERENCE = ['--reference', '--family', 'framing', '--budget', 'quick'];
const MISSING = only(framing, 'missing-fields').programs.find(({ role }) => role === 'broker');
const NAMES = [
  'run',
  'probe',
  'smoke',
  'list',
  'explain',
  'vectors',
  'replay',
  'shrink',
  'recheck',
  'report',
  'diff',
  'doctor',
  'selftest',
];

const wrongCode = inErrors('PULL', (_, frame) => withCode(frame, core.codeNumber('TOPIC_NOT_FOUND')));

/** A step that the reference answers as it should, and one clause that it cannot keep. */
const repro = { clause: 'QNT-TYP-004', sentence: 'it was so', program: MISSING };
/** A result with a failure, as it could have been kept. */
const kept = (change: object = {}): object => ({
  schema: 1,
  kit: 'kit',
  spec: '1.0',
  startedAt: '2026-11-30T00:00:00.000Z',
  settled: 'conformant',
  role: 'broker',
  subject: { name: 'mine', version: '1', roles: ['broker'], abilities: [] },
  binding: 'tcp',
  timing: 'real',
  seed: 1,
  budget: 'quick',
  command: 'npx qanat-conformance run broker --endpoint 127.0.0.1:1 --budget quick --seed 1',
  programs: 1,
  seconds: 1,
  clauses: [{ id: 'QNT-TYP-004', level: 'MUST', text: 'a rule', verdict: 'pass', evidence: 1, programs: [] }],
  harness: [],
  notProved: 0,
  ...change,
});

describe('help', () => {
  it('is there for every command, with a sentence and its options', async () => {
    const all = await run('--help');
    expect(all.code).toBe(0);
    for (const name of NAMES) {
      expect(all.out).toMatch(new RegExp(`^ {2}${name} `, 'm'));
      const { code, out } = await run(name, '--help');
      expect([name, code]).toEqual([name, 0]);
      expect(out).toMatch(new RegExp(`^Usage: qanat-conformance ${name} .*\\n\\n\\w[\\s\\S]+Options:`));
    }
  });

  it('names the version', async () => {
    expect(await run('--version')).toMatchObject({ code: 0, out: expect.stringMatching(/^qanat-conformance \d+\.\d+\.\d+\n$/) });
  });
});

describe('wrong use ends with 64 and a hint', () => {
  const wrong: readonly (readonly [argv: readonly string[], error: RegExp, hint: RegExp])[] = [
    [['run', 'broker'], /say what is to be tried/, /--cmd, --connect, --endpoint, --reference/],
    [['run', 'broker', '--reference', '--endpoint', 'a:1'], /say what is to be tried/, /one of/],
    [['run', 'postman', '--reference'], /no role postman/, /nameserver, broker, producer, consumer/],
    [['run', 'producer', '--endpoint', 'a:1'], /a producer has no address/, /--cmd/],
    [['run', 'broker', '--endpoint', 'here'], /here is no address/, /127\.0\.0\.1:7600/],
    [['run', 'broker', '--endpoint', 'wss://a:1'], /wss:\/\/a:1 is not spoken/, /qanat:\/\/ and ws:\/\//],
    [
      ['run', 'broker', '--endpoint', 'ws://a:1', '--transport', 'tcp'],
      /no address for --transport tcp/,
      /leave --transport out/,
    ],
    [['run', 'broker', '--reference', '--transport', 'pigeon'], /no transport pigeon/, /tcp, websocket/],
    [['probe', 'ws://a'], /ws:\/\/a is no address/, /ws:\/\/127\.0\.0\.1:7680/],
    [['run', 'broker', '--reference', '--budget', 'huge'], /no budget huge/, /quick, standard, thorough/],
    [['run', 'broker', '--reference', '--seed', 'x'], /--seed cannot be x/, /whole number from 0/],
    [['run', 'broker', '--reference', '--seed', ''], /--seed cannot be empty/, /whole number/],
    [['run', 'broker', '--reference', '--parallel', '0'], /--parallel cannot be 0/, /from 1 on/],
    [['run', 'broker', '--reference', '--family', 'none'], /no family none/, /framing/],
    [['run', 'broker', '--reference', '--only', 'QNT-NOPE-*'], /no requirement QNT-NOPE-\*/, /list shows all/],
    [['run', 'broker', '--reference', '--requirements', '0.9'], /no requirements of version 0\.9/, /1\.0/],
    [['run', 'broker', '--reference', '--user', 'x', '--password-file', 'y'], /a login is a user with a password/, /--endpoint/],
    [['run', 'broker', '--endpoint', 'a:1', '--user', 'x'], /a login is a user with a password/, /--password-file/],
    [
      ['run', 'broker', '--endpoint', 'a:1', '--user', 'x', '--password-file', folder.file('none')],
      /cannot be read: ENOENT/,
      /whose first line is the password/,
    ],
    [['run', 'broker', '--reference', '--report', 'pdf=x'], /no report pdf=x/, /html, junit/],
    [['run', 'broker', '--reference', '--report', 'html='], /no report html=/, /KIND=PATH/],
    [['run', 'broker', '--reference', '--baseline', folder.file('none')], /cannot be read: ENOENT/, /"clause"/],
    [['run', 'broker', '--reference', '--baseline', folder.file('odd.json', [{}])], /entry 1 .* has no "clause"/, /"signature"/],
    [['explain', 'QNT-NOPE-001'], /no requirement QNT-NOPE-001/, /list shows all/],
    [['list', '--role', 'postman'], /no role postman/, /one of/],
    [['list', '--only', 'X*'], /no requirement X\*/, /list shows all/],
    [['vectors', 'nope'], /no vector nope/, /lists them/],
    [['replay', folder.file('none'), '--reference'], /cannot be used: ENOENT/, /a result .*, a repro or a program/],
    [['replay', folder.file('text.json', '{'), '--reference'], /cannot be used: .*JSON/, /a repro/],
    [['replay', folder.file('empty.json', {}), '--reference'], /neither "program", nor/, /a repro/],
    [['replay', folder.file('steps.json', { role: 'broker', steps: [1] }), '--reference'], /needs "steps"/, /a repro/],
    [['replay', folder.file('role.json', { role: 'cook', steps: [] }), '--reference'], /needs a "role"/, /a repro/],
    [['replay', folder.file('good.json', kept()), '--reference'], /has no failure/, /nothing to replay/],
    [['replay', folder.file('r.json', repro), '--reference', '--clause', 'QNT-A'], /no failure of QNT-A/, /nothing to replay/],
    [['replay', folder.file('r.json', repro), '--reference', '--times', '0'], /--times cannot be 0/, /from 1 on/],
    [
      ['replay', folder.file('r.json', repro), '--reference', '--history', `${folder.path}/no/where`],
      /cannot be written/,
      /place/,
    ],
    [['recheck', folder.file('none'), '--role', 'broker'], /cannot be read: ENOENT/, /replay --history/],
    [['recheck', folder.file('h.jsonl', '{"kind":"step","atMs":1}\n{'), '--role', 'broker'], /h\.jsonl:2 is no event/, /replay/],
    [['recheck', folder.file('h2.jsonl', '1\n'), '--role', 'broker'], /h2\.jsonl:1 is no event/, /replay/],
    [['report', 'html=x', folder.file('none')], /cannot be read: ENOENT/, /--report json=FILE/],
    [['report', 'html=x', folder.file('r.json', repro)], /is no result of this kit/, /--report json=FILE/],
    [['report', 'html=x', folder.file('null.json', 'null')], /is no result of this kit/, /--report json=FILE/],
    [['report', 'html=x', folder.file('old.json', kept({ schema: 7 }))], /is a result of schema 7/, /the kit that wrote it/],
    [['report', 'matrix=', folder.file('good.json', kept())], /no report matrix=/, /KIND=PATH/],
    [['report', 'md=x', folder.file('good.json', kept()), folder.file('good.json')], /a report of one result/, /matrix/],
    [['report', `md=${folder.path}/good.json/x`, folder.file('good.json', kept())], /cannot be written/, /place/],
    [['diff', folder.file('good.json', kept()), folder.file('p.json', kept({ role: 'producer' }))], /of a producer/, /one role/],
    [['doctor'], /which driver/, /--cmd or --connect/],
    [['probe'], /missing required argument/, /^/],
    [['run', 'broker', '--refrence'], /unknown option '--refrence'/, /Did you mean --reference/],
    [['rum'], /unknown command 'rum'/, /Did you mean run/],
  ];

  it.each(wrong)('%s', async (argv, error, hint) => {
    const { code, err } = await run(...argv);
    expect([code, err]).toEqual([64, expect.stringMatching(error)]);
    expect(err).toMatch(hint);
    expect(err).not.toContain('defect of the kit');
  });
});

describe('list, explain, vectors', () => {
  it('lists what binds a role, and what the kit has for it', async () => {
    const { code, out } = await run('list', '--role', 'broker', '--only', 'qnt-bat-*');
    expect(code).toBe(0);
    const lines = out.trimEnd().split('\n');
    expect(lines.length).toBeGreaterThan(5);
    for (const line of lines) expect(line).toMatch(/^QNT-BAT-\d{3} {2}(MUST|SHOULD|MAY) +\S+ +\S+/);
    const [first] = (await run('list', '--only', 'QNT-BAT-002', '--json')).out.split('\n');
    expect(JSON.parse(first as string)).toMatchObject({
      id: 'QNT-BAT-002',
      coverage: [
        { role: 'broker', families: ['produce'] },
        { role: 'codec', families: ['codec'] },
      ],
    });
  });

  it('explains a requirement whatever its case, and why one is not checked', async () => {
    const { code, out } = await run('explain', 'qnt-bat-002');
    expect(code).toBe(0);
    expect(out).toContain('QNT-BAT-002 (MUST), binds B, spec/v1/');
    expect(out).toContain('broker:     checked by the family produce\n');
    expect((await run('explain', 'QNT-TYP-008')).out).toContain('broker:     not checked: the only lists of integers');
  });

  it('lists the vectors, and prints one', async () => {
    expect((await run('vectors')).out).toMatch(/^hello\.json +\d+$/m);
    const { code, out } = await run('vectors', 'hello');
    expect([code, JSON.parse(out).cases.length > 0]).toEqual([0, true]);
  });
});

describe('a run of the reference', () => {
  it('writes every report, and the result as JSON when that is asked for', async () => {
    const ids = 'QNT-TYP-004,QNT-TYP-008';
    const reports = ['html', 'junit', 'json', 'md', 'badge', 'failures'].flatMap((kind) => [
      '--report',
      `${kind}=${folder.path}/${kind}`,
    ]);
    const { code, out } = await run('run', 'nameserver', ...REFERENCE, '--only', ids, '--strict', '--json', ...reports);
    const { settled, command, clauses } = JSON.parse(out);
    expect([code, settled, clauses.length]).toEqual([0, 'conformant', 2]);
    const options = '--reference --budget quick --seed 1 --strict --family framing';
    expect(command).toBe(`npx qanat-conformance run nameserver ${options} --only ${ids}`);
    expect(JSON.parse(readFileSync(`${folder.path}/json`, 'utf8'))).toEqual(JSON.parse(out));
    for (const kind of ['html', 'junit', 'md', 'badge']) expect(readFileSync(`${folder.path}/${kind}`, 'utf8')).not.toBe('');
    expect(readdirSync(`${folder.path}/failures`)).toEqual([]);
  });

  it('is inconclusive when nothing was put to the test', async () => {
    const { code, out } = await run('run', 'nameserver', '--reference', '--family', 'consume', '--only', 'QNT-KAL-001');
    expect([code, out]).toEqual([2, expect.stringContaining('INCONCLUSIVE: nothing was shown')]);
  });

  it('is none when nobody is at the address', async () => {
    const endpoint = ['--endpoint', '127.0.0.1:1', '--family', 'groups', '--budget', 'quick'];
    const { code, out } = await run('run', 'nameserver', ...endpoint);
    expect([code, out]).toEqual([3, expect.stringContaining('the subject cannot be reached: connect ECONNREFUSED 127.0.0.1:1')]);
  });

  it('is broken off by Ctrl-C with what it had found', async () => {
    const file = folder.file('interrupted.json');
    const listeners = process.listenerCount('SIGINT');
    const running = run('run', 'nameserver', ...REFERENCE, '--report', `json=${file}`);
    await new Promise((resolve) => setImmediate(resolve));
    expect(JSON.parse(readFileSync(file, 'utf8'))).toMatchObject({ settled: 'incomplete', clauses: [] });
    process.emit('SIGINT');
    const { code, out, err } = await running;
    expect(err).toBe('\nbroken off: here is what was found until now; once more to end at once\n');
    expect(out).toContain('INCOMPLETE: the run was broken off');
    expect([code, JSON.parse(readFileSync(file, 'utf8')).settled]).toEqual([3, 'incomplete']);
    expect(process.listenerCount('SIGINT')).toBe(listeners);
  });
});

describe('replay, shrink, recheck', () => {
  const history = folder.file('history.jsonl');
  const from = (change: object = {}): string => folder.file('repro.json', { ...repro, ...change });

  it('replays a program, keeps what happened, and judges it again without a subject', async () => {
    const { code, out } = await run('replay', from(), '--reference', '--times', '2', '--history', history);
    expect([code, out]).toEqual([0, 'no failure; put to the test and held: QNT-TYP-004\n'.repeat(2)]);
    const again = await run('recheck', history, '--role', 'broker');
    expect([again.code, again.out]).toEqual([0, expect.stringMatching(/^pass QNT-TYP-004 \(\d+\)$/m)]);
  });

  it('does not call good what put nothing to the test', async () => {
    const nothing = { program: { ...MISSING, steps: [{ op: 'open' }] } };
    const { code, out } = await run('replay', from(nothing), '--reference');
    expect([code, out]).toEqual([2, 'nothing is known: QNT-TYP-004 was not put to the test\n']);
    const empty = await run('recheck', folder.file('empty.jsonl', ''), '--role', 'broker');
    expect([empty.code, empty.out]).toEqual([2, 'nothing in it puts a clause for a broker to the test\n']);
    const shrunk = await run('shrink', from(), '--reference');
    expect([shrunk.code, shrunk.err]).toEqual([2, 'the program does not fail any more\n']);
  });

  it('finds a failure in a history that was changed by hand, and shows it', async () => {
    await run('replay', from(), '--reference', '--history', history);
    // The flags of answers with ERROR are at the seventh byte.
    const changed = readFileSync(history, 'utf8').replace(/("from":"subject","bytes":"\w{12})09/g, '$101');
    const { code, out } = await run('recheck', folder.file('changed.jsonl', changed), '--role', 'broker');
    expect([code, out]).toEqual([1, expect.stringContaining('FAIL QNT-TYP-004')]);
  });

  it('tells why a program could not be run', async () => {
    const { code, err } = await run('replay', from(), '--endpoint', '127.0.0.1:1');
    expect([code, err]).toEqual([3, expect.stringContaining('the subject cannot be reached: connect ECONNREFUSED')]);
  });
});

describe('report and diff', () => {
  const failing = kept({
    settled: 'nonconformant',
    startedAt: '2026-12-01T00:00:00.000Z',
    subject: { name: 'mine', version: '2', roles: ['broker'], abilities: [] },
    clauses: [{ id: 'QNT-TYP-004', level: 'MUST', text: 'a rule', verdict: 'fail', evidence: 0, programs: [] }],
  });

  it('makes a report and a matrix of kept results, in folders that are made', async () => {
    const files = [folder.file('before.json', kept()), folder.file('after.json', failing)];
    expect(await run('report', `md=${folder.path}/deep/er/report.md`, files[0] as string)).toMatchObject({ code: 0, err: '' });
    expect((await run('report', `matrix=${folder.path}/pages/matrix.html`, ...files)).code).toBe(0);
    expect(readFileSync(`${folder.path}/pages/matrix.html`, 'utf8')).toContain('worse: QNT-TYP-004');
    expect(existsSync(`${folder.path}/deep/er/report.md`)).toBe(true);
  });

  it('tells what changed, with 1 when something got worse', async () => {
    const [before, after] = [folder.file('before.json', kept()), folder.file('after.json', failing)];
    const worse = await run('diff', before, after);
    expect([worse.code, worse.out]).toEqual([1, 'worse  QNT-TYP-004 pass -> fail\nmine 1 -> mine 2: 1 worse, 0 better\n']);
    const better = await run('diff', after, before);
    expect([better.code, better.out]).toEqual([0, 'better QNT-TYP-004 fail -> pass\nmine 2 -> mine 1: 0 worse, 1 better\n']);
  });
});

describe('a server by its address', () => {
  const ground = new TcpGround();
  const transport = rewriting(ground.transport('subject'), () => (frame) => [wrongCode(frame)]);
  const server = new ReferenceServer({
    role: 'broker',
    ground: Object.assign(new TcpGround(), { transport: () => transport }),
    platform: nodePlatform,
    engines: core,
  });
  let address = '';
  beforeAll(async () => {
    const ok = await new Promise((resolve) => server.call('start', {}, (_, told) => resolve(told)));
    address = (ok as { address: string }).address;
  });
  afterAll(() => server.close());

  it('is asked who it is', async () => {
    const { code, out } = await run('probe', address);
    expect([code, out]).toEqual([0, expect.stringMatching(/^role +broker\nname +subject\nsoftware +qanat\n/)]);
    expect(JSON.parse((await run('probe', address, '--json')).out)).toMatchObject({ role: 'broker', topics: 0 });
  });

  it('fails again in a replay, and in a program that was made smaller', async () => {
    const file = folder.file('repro.json', repro);
    const smaller = folder.file('smaller.json');
    const replayed = await run('replay', file, '--endpoint', address);
    expect([replayed.code, replayed.out]).toEqual([1, expect.stringContaining('got TOPIC_NOT_FOUND')]);
    const { code, err } = await run('shrink', file, '--endpoint', address, '--times', '60', '--out', smaller);
    expect([code, err]).toEqual([1, expect.stringMatching(/^9 steps became 2 in \d+ runs\n$/)]);
    const { clause, program } = JSON.parse(readFileSync(smaller, 'utf8'));
    expect([clause, program.steps[0].op, program.steps[1].op]).toEqual(['QNT-TYP-004', 'open', 'frame']);
    expect((await run('replay', smaller, '--endpoint', address)).code).toBe(1);
  });
});

describe('over WebSocket', () => {
  const server = new ReferenceServer({ role: 'broker', ground: new WebSocketGround(), platform: nodePlatform, engines: core });
  let address = '';
  beforeAll(async () => {
    const ok = await new Promise((resolve) => server.call('start', {}, (_, told) => resolve(told)));
    address = (ok as { endpoints: { ws: string } }).endpoints.ws;
  });
  afterAll(() => server.close());

  it('a server is asked who it is, and tried, by a ws:// address', { timeout: 60_000 }, async () => {
    expect(JSON.parse((await run('probe', `ws://${address}`, '--json')).out)).toMatchObject({ role: 'broker', name: 'subject' });
    const { out } = await run(
      'run',
      'broker',
      '--endpoint',
      `ws://${address}`,
      '--family',
      'codec',
      '--budget',
      'quick',
      '--json',
    );
    const result = JSON.parse(out);
    expect([result.binding, result.command]).toEqual(['websocket', expect.stringContaining(`--endpoint ws://${address}`)]);
    expect(result.harness).toEqual([]);
  });

  it('a listener for WebSocket that is taken for one of TCP, or the other way round, is told', async () => {
    expect(await run('probe', address)).toMatchObject({ code: 2, err: expect.stringContaining('speaks no Qanat') });
    const { code, err } = await run('probe', 'ws://127.0.0.1:1');
    expect([code, err]).toEqual([2, expect.stringMatching(/^error: ws:\/\/127\.0\.0\.1:1 speaks no Qanat: .*ECONNREFUSED/)]);
  });

  it('the engines run as a subject, and rules of TCP alone are not run', { timeout: 60_000 }, async () => {
    const args = [
      '--reference',
      '--transport',
      'websocket',
      '--family',
      'codec',
      '--only',
      'QNT-TCP-001',
      '--budget',
      'quick',
      '--json',
    ];
    const result = JSON.parse((await run('run', 'nameserver', ...args)).out);
    expect([result.binding, result.timing]).toEqual(['websocket', 'real']);
  });
});

it('says of an address at which nobody is that nobody is there', async () => {
  const { code, err } = await run('probe', '127.0.0.1:1');
  expect([code, err]).toEqual([2, expect.stringMatching(/^error: 127\.0\.0\.1:1 speaks no Qanat: .*ECONNREFUSED.*\nhint: /)]);
});
