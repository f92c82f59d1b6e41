import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { run } from '../src/index.ts';
import { FakeIo, qanat } from './fake-io.ts';

const folder = mkdtempSync(join(tmpdir(), 'qanat-replication-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** The first run in a process loads everything. */
const START_MS = 60_000;

interface Group {
  readonly master: number | null;
  readonly inSync: number | null;
  readonly replicas: readonly { readonly replica: number; readonly role: string; readonly inSync: boolean | null }[];
  readonly problems: readonly { readonly text: string; readonly hint: string }[];
}

describe('a cluster of dev with slaves', () => {
  const io = new FakeIo();
  let ended: Promise<number>;
  let env: Record<string, string>;
  let http: string;

  const groupOf = async (): Promise<Group> => {
    const { out } = await qanat(['cluster', 'status', '-o', 'json'], { env });
    return (JSON.parse(out) as { groups: readonly Group[] }).groups[0] as Group;
  };
  /** The slave asks its master without end: what it becomes shows within moments. */
  const becomes = async (isSo: (group: Group) => boolean): Promise<Group> => {
    for (;;) {
      const group = await groupOf();
      if (isSo(group)) return group;
    }
  };

  beforeAll(async () => {
    const argv = ['dev', '--replicas', '1', '--brokers', '1', '--nameservers', '1', '--no-mqtt', '--data', join(folder, 'dev')];
    ended = run([...argv, '--http', '127.0.0.1:0', '--json', '--log-level', 'error'], io);
    await io.stdout.has('\n');
    const [ready] = io.objects as [{ endpoint: string; http: string; slaves: readonly unknown[] }];
    expect(ready.slaves).toMatchObject([{ name: 'broker-a/1' }]);
    env = { QANAT_NAMESERVER: ready.endpoint };
    http = ready.http;
  }, START_MS);

  afterAll(async () => {
    io.signal('SIGTERM');
    expect(await ended).toBe(0);
  });

  it('tells who is master and who is in sync, in its metrics too', async () => {
    const group = await becomes(({ inSync }) => inSync === 2);
    expect(group).toMatchObject({ master: 0, problems: [] });
    const { out, err } = await qanat(['cluster', 'status'], { env });
    expect(err).toBe('');
    expect(out).toMatch(/^GROUP +REPLICA +ROLE +STATE +TERM +IN SYNC +LAG BYTES +ADDRESS\n/);
    expect(out).toMatch(/\nbroker-a +1 +slave +slave +1 +yes +\d+ +\S+\n$/);
    const metrics = await (await fetch(`http://${http}/metrics`)).text();
    expect(metrics).toMatch(/qanat_replica_master\{node="broker-a"\} 1\n/);
    expect(metrics).toMatch(/qanat_replica_master\{node="broker-a\/1"\} 0\n/);
    expect(metrics).toMatch(/qanat_replica_in_sync\{node="broker-a"\} 2\n/);
    expect(metrics).toMatch(/qanat_replica_min_in_sync\{node="broker-a"\} 1\n/);
    expect(metrics).not.toMatch(/in_sync\{node="broker-a\/1"\}/);
  });

  it('moves its master by demote and promote, and keeps what was stored', async () => {
    expect((await qanat(['send', 'orders', 'before', '--key', 'k'], { env })).code).toBe(0);
    const demoted = await qanat(['broker', 'demote', 'broker-a'], { env });
    expect(demoted).toMatchObject({ code: 0, err: '', out: expect.stringContaining('has no master now') });
    const again = await qanat(['broker', 'demote', 'broker-a'], { env });
    expect(again.code).toBe(1);
    expect(again.err).toMatch(/^error: broker-a has no master\nhint: [^\n]*qanat broker promote broker-a --replica \d\n$/);
    expect(again.err).not.toMatch(/elect|etcd/);
    const { err } = await qanat(['cluster', 'status'], { env });
    expect(err).toContain('broker-a has no master');
    expect(err).toContain('qanat broker promote broker-a --replica');
    const promoted = await qanat(['broker', 'promote', 'broker-a', '--replica', '1'], { env });
    expect(promoted).toMatchObject({ code: 0, err: '', out: 'replica 1 is master of broker-a, term 2\n' });
    expect(await becomes(({ inSync }) => inSync === 2)).toMatchObject({ master: 1 });
    expect((await qanat(['send', 'orders', 'after', '--key', 'k'], { env })).code).toBe(0);
    const { out } = await qanat(['tail', 'orders', '--from', 'first', '-e', '--format', 'raw'], { env });
    expect(out).toBe('before\nafter\n');
  });

  it('describes a broker, and knows what name was meant', async () => {
    const { out } = await qanat(['broker', 'describe', 'broker-a'], { env });
    expect(out).toMatch(/^broker-a: 2 replicas, master is replica 1, 2 in sync of 1 demanded\n\nREPLICA .*COPIES FROM\n/);
    const other = await qanat(['broker', 'describe', 'broker-b'], { env });
    expect(other.code).toBe(3);
    expect(other.err).toContain('Did you mean "broker-a"?');
    const missing = await qanat(['broker', 'promote', 'broker-a', '--replica', '7'], { env });
    expect(missing.code).toBe(5);
    expect(missing.err).toContain('no replica 7');
  });
});
