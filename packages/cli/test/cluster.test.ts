import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type DevCluster, startDevCluster } from '@qanat/server';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { run } from '../src/index.ts';
import { FakeIo, type FakeOptions, type Finished, qanat } from './fake-io.ts';

const folder = mkdtempSync(join(tmpdir(), 'qanat-cli-'));
let cluster: DevCluster;
let nameServers = '';

beforeAll(async () => {
  cluster = await startDevCluster({ data: join(folder, 'data'), logLevel: 'error' });
  nameServers = cluster.nameServers.map((node) => node.endpoint).join(',');
});

afterAll(async () => {
  await cluster?.stop();
  rmSync(folder, { recursive: true, force: true });
});

const here = (options: FakeOptions = {}): FakeOptions => ({ ...options, env: { QANAT_NAMESERVER: nameServers, ...options.env } });
const q = (argv: readonly string[], options: FakeOptions = {}): Promise<Finished> => qanat(argv, here(options));

/** Starts a command that runs until it is told to stop. */
function start(argv: readonly string[]): { readonly io: FakeIo; readonly ended: Promise<number> } {
  const io = new FakeIo(here());
  return { io, ended: run(argv, io) };
}

async function fileOf(name: string, content: string): Promise<string> {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

describe('topics', () => {
  it('are created, listed, described, altered and removed', async () => {
    expect((await q(['topic', 'create', 'books', '--queues', '2'])).out).toBe('created books\n');
    expect((await q(['topic', 'create', 'books', '--queues', '2', '-o', 'json'])).io.objects).toEqual([
      { topic: 'books', result: 'existed' },
    ]);
    const list = await q(['topic', 'ls']);
    expect(list.out).toMatch(/^TOPIC +QUEUES +BROKERS\n/);
    expect(list.out).toMatch(/books +4 +broker-a,broker-b\n/);
    expect((await q(['topic', 'alter', 'books', '--queues', '3'])).code).toBe(0);
    const [described] = (await q(['topic', 'describe', 'books', '-o', 'json'])).io.objects;
    expect(described?.topic).toBe('books');
    expect(described?.queues).toHaveLength(6);
    expect((described as { queues: unknown[] }).queues[0]).toEqual({
      broker: 'broker-a',
      queue: 0,
      away: false,
      oldestOffset: 0,
      highWatermark: 0,
      messages: 0,
      lastStoreTime: null,
    });
    expect((await q(['topic', 'rm', 'books'])).code).toBe(0);
    expect((await q(['topic', 'describe', 'books'])).code).toBe(3);
  });

  it.each([['describe'], ['rm'], ['tail'], ['alter']])(
    'that do not exist are told by %s, with the one that was meant',
    async (verb) => {
      await q(['topic', 'create', 'orders']);
      const argv = verb === 'tail' ? ['tail', 'order'] : ['topic', verb, 'order', ...(verb === 'alter' ? ['--queues', '9'] : [])];
      const { code, out, err } = await q(argv);
      expect(err).toContain('error: Unknown topic "order". Did you mean "orders"?');
      expect(err).toContain('hint: ');
      expect(out).toBe('');
      expect(code).toBe(3);
    },
  );
});

describe('send and tail', () => {
  it('send one message to a new topic, and read it', async () => {
    const sent = await q(['send', 'hello', 'hi there', '--tag', 'greeting', '--key', 'k1', '-p', 'a=b=c']);
    expect(sent.err).toBe('');
    expect(sent.out).toMatch(/^stored hello broker-[ab]\/\d @0\n$/);
    const read = await q(['tail', 'hello', '--until-end', '-o', 'json']);
    expect(read.code).toBe(0);
    expect(read.io.objects).toEqual([
      {
        topic: 'hello',
        broker: expect.stringMatching(/^broker-[ab]$/),
        queue: expect.any(Number),
        offset: 0,
        tag: 'greeting',
        key: 'k1',
        properties: { a: 'b=c' },
        bornTime: expect.stringMatching(/^\d{4}-.*Z$/),
        storeTime: expect.stringMatching(/^\d{4}-.*Z$/),
        text: 'hi there',
      },
    ]);
    expect((await q(['tail', 'hello', '-e', '--format', 'raw'])).out).toBe('hi there\n');
    expect((await q(['tail', 'hello', '-e', '--format', '%t %g %k %s\\n'])).out).toBe('hello greeting k1 8\n');
  });

  it('send the lines of a file, with keys, and keep the order of each key', async () => {
    const lines = Array.from({ length: 2_000 }, (_, i) => `key-${i % 7},${i}`);
    const file = await fileOf('keyed.csv', lines.join('\n'));
    const sent = await q(['send', 'keyed', '--lines', file, '--key-regex', '^([^,]+),', '-o', 'json']);
    expect(sent.err).toBe('');
    expect(sent.code).toBe(0);
    const acked = sent.io.objects.slice(0, -1);
    expect(acked.map((one) => one.line).sort((a, b) => Number(a) - Number(b))).toEqual(lines.map((_, i) => i + 1));
    expect(sent.io.objects.at(-1)).toMatchObject({ summary: { lines: 2_000, acked: 2_000, unacked: 0, complete: true } });
    const read = await q(['tail', 'keyed', '-e', '-o', 'json']);
    expect(read.io.objects).toHaveLength(2_000);
    const byKey = new Map<string, number[]>();
    for (const { key, text } of read.io.objects) {
      const numbers = byKey.get(String(key)) ?? [];
      numbers.push(Number(String(text).split(',')[1]));
      byKey.set(String(key), numbers);
    }
    expect(byKey.size).toBe(7);
    for (const numbers of byKey.values()) expect(numbers).toEqual([...numbers].sort((a, b) => a - b));
  });

  it('send standard input in batches: empty lines too, bytes as they are', async () => {
    const stdin = [Buffer.from('a\n\nb\r'), Buffer.from('\n'), Uint8Array.of(0xff, 0xfe), Buffer.from('\nlast')];
    const sent = await q(['send', 'bytes', '--batch', '2'], { stdin });
    expect(sent.err).toBe('');
    expect(sent.out).toMatch(/^bytes: 5 of 5 messages stored in /);
    const read = await q(['tail', 'bytes', '-e', '-o', 'json']);
    const bodies = read.io.objects.map((one) => one.text ?? `base64:${one.base64}`);
    expect(bodies.sort()).toEqual(['', 'a', 'b\r', 'base64://4=', 'last'].sort());
  });

  it('read from an offset, and a given number of messages', async () => {
    await q(['topic', 'create', 'numbers', '--queues', '1', '--brokers', 'broker-a']);
    await q(['send', 'numbers'], { stdin: Array.from({ length: 20 }, (_, i) => Buffer.from(`${i}\n`)) });
    const read = await q(['tail', 'numbers', '--from', '@12', '-n', '3', '--format', '%o=%b']);
    expect(read.out).toBe('12=12\n13=13\n14=14\n');
    expect(read.code).toBe(0);
  });

  it('read only messages with a tag', async () => {
    await q(['send', 'tagged', 'x', '--tag', 'red']);
    await q(['send', 'tagged', 'y', '--tag', 'blue']);
    await q(['send', 'tagged', 'z', '--tag', 'green']);
    const read = await q(['tail', 'tagged', '-e', '--tag', 'red || green', '--format', 'raw']);
    expect(read.out.split('\n').sort()).toEqual(['', 'x', 'z']);
  });

  it('tell which lines were not stored, and end with 7', async () => {
    const file = await fileOf('long.txt', `short\n${'x'.repeat(5_000_000)}\nafter\n`);
    const sent = await q(['send', 'long', '--lines', file, '-o', 'json']);
    expect(sent.code).toBe(7);
    expect(sent.err).toContain('line 2: not-sent');
    expect(sent.io.objects.at(-1)).toMatchObject({ summary: { acked: 2, unacked: 1, outcomes: { 'not-sent': 1 } } });
  });

  it('end quietly when nobody reads the output any more', async () => {
    const { io, ended } = start(['tail', 'pipe', '--from', 'first', '--wait', '--format', 'raw']);
    await io.stderr.has('waiting for topic "pipe"');
    io.stdout.failure = Object.assign(new Error('write EPIPE'), { code: 'EPIPE' });
    await q(['send', 'pipe', 'x']);
    expect(await ended).toBe(0);
    expect(io.stderr.text).not.toContain('EPIPE');
  });

  it('send at a rate', async () => {
    const startMs = performance.now();
    await q(['send', 'paced', '--rate', '100'], { stdin: '1\n2\n3\n4\n5\n6\n' });
    expect(performance.now() - startMs).toBeGreaterThan(45);
  });
});

describe('groups', () => {
  it('share queues, tell what they hold, commit at Ctrl-C, and go on from there', async () => {
    await q(['topic', 'create', 'jobs', '--queues', '2']);
    await q(['send', 'jobs'], { stdin: 'a\nb\nc\nd\n' });
    const first = start(['tail', 'jobs', '--group', 'workers', '--from', 'first', '--format', 'raw', '--label', 'one']);
    await first.io.stderr.has(/assigned: .*broker-a/);
    await first.io.stdout.has(/(\w\n){4}/);
    first.io.signal('SIGINT');
    expect(await first.ended).toBe(130);
    expect(first.io.stderr.text).toContain('got 4 messages');
    expect(first.io.stdout.text.split('\n').sort()).toEqual(['', 'a', 'b', 'c', 'd']);

    const lag = await q(['group', 'lag', 'workers', '-o', 'json']);
    expect(lag.io.objects[0]).toMatchObject({ group: 'workers', lag: 0 });
    await q(['send', 'jobs', 'e']);
    const second = await q(['tail', 'jobs', '--group', 'workers', '--until-end', '--format', 'raw']);
    expect(second.code).toBe(0);
    expect(second.out).toBe('e\n');
  });

  it('show idle members', async () => {
    await q(['topic', 'create', 'narrow', '--queues', '1', '--brokers', 'broker-b']);
    const members = ['m1', 'm2'].map((label) => start(['tail', 'narrow', '-g', 'crowd', '--label', label]));
    await Promise.race(members.map(({ io }) => io.stderr.has('idle: 2 members for 1 queue')));
    const { io, out } = await q(['group', 'describe', 'crowd', '-o', 'json']);
    expect(out).not.toBe('');
    const shown = io.objects[0]?.members as { label: string; idle: boolean; queues: unknown[] }[];
    expect(shown.map(({ label }) => label).sort()).toEqual(['m1', 'm2']);
    expect(shown.map(({ idle, queues }) => [idle, queues.length]).sort()).toEqual([
      [false, 1],
      [true, 0],
    ]);
    expect((await q(['group', 'describe', 'crowd'])).out).toContain('1 of them idle: more members than queues');
    expect((await q(['group', 'ls'])).out).toMatch(/crowd +assigned +2 +0\n/);
    for (const member of members) member.io.signal('SIGTERM');
    expect(await Promise.all(members.map(({ ended }) => ended))).toEqual([143, 143]);
  });

  it('are reset by a plan, and then with --yes', async () => {
    await q(['topic', 'create', 'again', '--queues', '1', '--brokers', 'broker-a']);
    await q(['send', 'again'], { stdin: 'a\nb\nc\n' });
    await q(['tail', 'again', '-g', 'repeat', '--from', 'first', '-n', '3']);
    const plan = await q(['group', 'reset', 'repeat', '--to', '@1']);
    expect(plan.code).toBe(0);
    expect(plan.out).toContain('2 messages will be delivered again');
    expect(plan.err).toContain('nothing was changed: add --yes');
    expect((await q(['group', 'lag', 'repeat', '-o', 'json'])).io.objects[0]).toMatchObject({ lag: 0 });
    const done = await q(['group', 'reset', 'repeat', '--to', '@1', '--yes', '-o', 'json']);
    expect(done.io.objects[0]).toEqual({
      group: 'repeat',
      applied: true,
      steps: [{ topic: 'again', broker: 'broker-a', queue: 0, from: 3, to: 1 }],
    });
    expect((await q(['group', 'lag', 'repeat', '-o', 'json'])).io.objects[0]).toMatchObject({ lag: 2 });
    const back = await q(['group', 'reset', 'repeat', '--to', '+1', '--yes', '-o', 'json']);
    expect(back.io.objects[0]).toMatchObject({ steps: [{ from: 1, to: 2 }] });
    const far = await q(['group', 'reset', 'repeat', '--to', '-100', '--yes', '-o', 'json']);
    expect(far.io.objects[0]).toMatchObject({ steps: [{ from: 2, to: 0 }] });
    const past = await q(['group', 'reset', 'repeat', '--to', '-1h', '-o', 'json']);
    expect(past.io.objects[0]).toMatchObject({ applied: false, steps: [{ from: 0, to: 0 }] });
    const now = await q(['group', 'reset', 'repeat', '--to', new Date(Date.now() + 3_600_000).toISOString(), '-o', 'json']);
    expect(now.io.objects[0]).toMatchObject({ applied: false, steps: [{ from: 0, to: 3 }] });
  });

  it('that do not exist are told with the one that was meant', async () => {
    const { code, err } = await q(['group', 'lag', 'repaet']);
    expect(err).toContain('Unknown group "repaet". Did you mean "repeat"?');
    expect(code).toBe(3);
  });

  it('do not matter to broadcasting readers: each gets everything', async () => {
    await q(['topic', 'create', 'news']);
    const readers = [1, 2].map(() => start(['tail', 'news', '--mode', 'broadcasting', '--from', 'first', '--format', 'raw']));
    await q(['send', 'news', 'extra']);
    for (const { io } of readers) await io.stdout.has('extra\n');
    for (const { io } of readers) io.signal('SIGINT');
    expect(await Promise.all(readers.map(({ ended }) => ended))).toEqual([130, 130]);
  });
});
