import { describe, expect, it } from 'vitest';
import { run } from '../src/index.ts';
import { FakeIo, qanat } from './fake-io.ts';

describe('help', () => {
  it('begins with what people do every day', async () => {
    const { code, out, err } = await qanat(['--help']);
    expect(code).toBe(0);
    expect(err).toBe('');
    expect(out).toMatch(/Every day:\n +qanat dev .*\n +qanat send .*\n +qanat tail .*\n +qanat group lag/);
    expect(out).toContain('Exit codes: 0 ok');
  });

  const commands = [
    ['dev'],
    ['nameserver'],
    ['broker'],
    ...['promote', 'demote', 'describe'].map((verb) => ['broker', verb]),
    ['cluster'],
    ['cluster', 'status'],
    ['bridge'],
    ['bridge', 'mqtt'],
    ['send'],
    ['tail'],
    ['topic'],
    ...['create', 'alter', 'ls', 'describe', 'rm'].map((verb) => ['topic', verb]),
    ['spec'],
    ['spec', 'decode'],
    ...['init', 'server', 'client'].map((verb) => ['tls', verb]),
    ['group'],
    ...['ls', 'describe', 'lag', 'reset'].map((verb) => ['group', verb]),
  ];
  it.each(commands)('of %s %s has examples, and is the same by help', async (...words) => {
    const command = words.filter((word) => word !== undefined);
    const byFlag = await qanat([...command, '--help']);
    expect(byFlag.code).toBe(0);
    expect(byFlag.out).toMatch(/Usage: qanat/);
    expect(byFlag.out).toMatch(/Examples:\n {2}\S/);
    const byWord = await qanat(['help', ...command]);
    expect(byWord.code).toBe(0);
    expect(byWord.out).toBe(byFlag.out);
  });

  it('hands what is behind "conformance" over to the kit', async () => {
    const kit = await qanat(['conformance', 'explain', 'QNT-SND-001']);
    expect(kit.code).toBe(0);
    expect(kit.out).toMatch(/^QNT-SND-001 \(MUST\), binds B/);
    expect((await qanat(['conformance', 'run', 'teapot'])).code).toBe(64);
    expect((await qanat(['help', 'conformance'])).out).toContain('Usage: qanat-conformance');
  });

  it('tells the version', async () => {
    expect((await qanat(['--version'])).out).toMatch(/^\d+\.\d+\.\d+\n$/);
  });
});

describe('wrong use ends with 2, says why on standard error, and prints nothing', () => {
  it.each([
    [['tial'], 'Did you mean tail?'],
    [['topic', 'crate'], 'Did you mean create?'],
    [['mqtt', '--help'], 'write "qanat bridge mqtt"'],
    [['ls'], 'write "qanat topic ls" or "qanat group ls"'],
    [['send'], "missing required argument 'topic'"],
    [['tail', 'x', '--form', 'first'], 'Did you mean --from?'],
    [['tail', 'x', '--from', 'yesterday'], 'Write first, last, -1h'],
    [['tail', 'x', '-o', 'xml'], 'Allowed choices are table, json'],
    [['tail', 'x', '--format', 'foo'], 'is no format'],
    [['tail', 'x', '--format', '%Z'], 'is no field'],
    [['tail', 'x', '-g', 'g', '--from', '@5'], '--from @OFFSET is for readers without a group'],
    [['tail', 'x', 'x'], 'named twice'],
    [['tail', 'x', '--mode', 'clustering'], 'needs --group'],
    [['send', 'x', 'y', '--lines', 'z'], 'exclude each other'],
    [['send', 'x', '--lines', 'no/such/file'], 'no such file'],
    [['send', 'x', 'y', '--key-regex', 'abc'], 'has no group'],
    [['send', 'x', 'y', '--rate', '0'], 'A number above 0 is needed'],
    [['topic', 'create', 'x', '--queues', '0'], 'A whole number of at least 1'],
    [['topic', 'alter', 'x'], "required option '-q, --queues <n>' not specified"],
    [['group', 'reset', 'g'], "required option '--to <where>' not specified"],
    [['topic', 'ls', '--timeout', 'soon'], 'Write for example 500ms'],
    [['broker', '--slave'], '--slave needs --replica'],
    [['broker', '--min-in-sync', '2', '--replica-lag', '5s'], '--min-in-sync and --replica-lag need --replica'],
    [['broker', '--replica', '0', '--replica-lag', '1ms'], '1s or more is needed'],
    [['broker', '--catch-up-rate', '50MB'], '--catch-up-rate needs --replica'],
    [['broker', '--catch-up-rate', 'fast'], 'Write for example 50MB'],
    [['broker', '--etcd', 'http://127.0.0.1:2379'], '--etcd needs --replica'],
    [['broker', '--etcd-user', 'qanat'], 'options of etcd need --etcd'],
    [['broker', '--replica', '0', '--etcd', 'ftp://x'], 'is no endpoint of etcd'],
    [['broker', '--replica', '16'], 'A number from 0 to 15'],
    [['broker', 'promote', 'a'], "required option '--replica <n>' not specified"],
    [['bridge', 'mqtt', '--rule', 'a/# -> t'], 'there is no "=>"'],
    [['bridge', 'mqtt', '--rule', 'a/# => t sideways'], '"sideways" is not understood'],
    [['bridge', 'mqtt', '--rule', 'a/# => t', '--rules', 'f.yaml'], 'exclude each other'],
    [['bridge', 'mqtt', '--upstream-topic', '#'], 'needs --upstream'],
    [['bridge', 'mqtt', '--upstream', 'mqtt://other'], "say what: --upstream-topic 'devices/# out 1'"],
    [['bridge', 'mqtt', '--upstream', 'mqtt://other', '--upstream-topic', '# sideways'], '"sideways" is no direction'],
    [['bridge', 'mqtt', '--upstream', 'http://other', '--upstream-topic', '#'], 'write mqtt://host:1883'],
    [['bridge', 'mqtt', '--packet-bytes-max', '268435461'], 'A number from 1 to 268435460 is needed.'],
    [['bridge', 'mqtt', '--keep-alive-max', '65536s'], '65535s is the most.'],
    [['bridge', 'mqtt', '--ack', 'none'], 'Allowed choices are committed, leader'],
    [['bridge', 'mqtt', '--listen', '0.0.0.0:0'], 'is closed by default'],
    [['bridge', 'mqtt', '--listen', 'qanat://127.0.0.1:0'], 'has the scheme "qanat"'],
    [['bridge', 'mqtt', '--rule', 'a/{x}/{x} => t'], 'rule 1'],
    [['bridge', 'mqtt', '--name', 'NAME_BYTES_MAX'.repeat(5)], 'at most 64 bytes'],
  ])('%j', async (argv, why) => {
    const { code, out, err } = await qanat(argv);
    expect(err).toContain(why);
    expect(err).not.toMatch(/\n\s+at /);
    expect(out).toBe('');
    expect(code).toBe(2);
  });

  it('for a variable of the environment too, and names it', async () => {
    const { code, err } = await qanat(['topic', 'ls'], { env: { QANAT_OUTPUT: 'xml' } });
    expect(code).toBe(2);
    expect(err).toContain("QANAT_OUTPUT is 'xml'");
  });

  it('and without any word shows the help there', async () => {
    const { code, out, err } = await qanat([]);
    expect(code).toBe(2);
    expect(out).toBe('');
    expect(err).toContain('Every day:');
  });
});

describe('a cluster that is not there', () => {
  const nobody = ['--nameserver', '127.0.0.1:1', '--timeout', '300ms'];

  it('ends with 5 and says what to do', async () => {
    const { code, out, err } = await qanat(['topic', 'ls', ...nobody]);
    expect(code).toBe(5);
    expect(out).toBe('');
    expect(err).toMatch(/error: Cannot connect: no NameServer answered .*127\.0\.0\.1:1: cannot connect .*ECONNREFUSED/);
    expect(err).toContain('hint: start a cluster with "qanat dev"');
    expect(err).not.toMatch(/\n\s+at /);
  });

  it('shows stacks for --debug', async () => {
    expect((await qanat(['topic', 'ls', ...nobody, '--debug'])).err).toMatch(/\n\s+at /);
  });

  it('is an object for --log-format json', async () => {
    const { err } = await qanat(['topic', 'ls', ...nobody, '--log-format', 'json']);
    const last = err.trimEnd().split('\n').at(-1) ?? '';
    expect(JSON.parse(last)).toMatchObject({ error: { exitCode: 5, hint: expect.stringContaining('qanat dev') } });
  });

  it('is not waited for after Ctrl-C', async () => {
    const io = new FakeIo();
    const ended = run(['topic', 'ls', '--nameserver', '127.0.0.1:1'], io);
    io.signal('SIGINT');
    expect(await ended).toBe(130);
    expect(io.stderr.text).toBe('');
  });
});
