import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { type AddressInfo, connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { run } from '../src/index.ts';
import { FakeIo, qanat } from './fake-io.ts';

const folder = mkdtempSync(join(tmpdir(), 'qanat-status-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** The value of a series, whatever the order of its labels. */
function seriesValue(text: string, name: string, labels: Readonly<Record<string, string>>): number | undefined {
  for (const line of text.split('\n')) {
    const match = /^(\w+)(?:\{(.*)\})? (\S+)$/.exec(line);
    if (match?.[1] !== name) continue;
    const given = Object.fromEntries([...(match[2] ?? '').matchAll(/(\w+)="([^"]*)"/g)].map(([, k, v]) => [k, v]));
    if (Object.entries(labels).every(([k, v]) => given[k] === v)) return Number(match[3]);
  }
  return undefined;
}

describe('a cluster with --http', () => {
  it('tells its metrics, that it lives and that it serves', async () => {
    const io = new FakeIo();
    const argv = [
      'dev',
      '--no-mqtt',
      '--data',
      join(folder, 'dev'),
      '--brokers',
      '1',
      '--nameservers',
      '1',
      '--http',
      '127.0.0.1:0',
      '--json',
    ];
    const ended = run(argv, io);
    await io.stdout.has('\n');
    const { http, endpoint } = io.objects[0] as { http: string; endpoint: string };
    const env = { QANAT_NAMESERVER: endpoint };
    await qanat(['send', 'orders', 'one'], { env });
    await qanat(['tail', 'orders', '--group', 'billing', '--from', 'first', '-n', '1'], { env });
    await qanat(['send', 'orders', 'two'], { env });

    const answer = await fetch(`http://${http}/metrics`);
    expect(answer.status).toBe(200);
    expect(answer.headers.get('content-type')).toContain('version=0.0.4');
    const text = await answer.text();
    const broker = { node: 'broker-a' };
    expect(seriesValue(text, 'qanat_ready', broker)).toBe(1);
    expect(seriesValue(text, 'qanat_topic_messages_in_total', { ...broker, topic: 'orders' })).toBe(2);
    expect(seriesValue(text, 'qanat_messages_in_total', broker)).toBe(2);
    expect(seriesValue(text, 'qanat_messages_out_total', broker)).toBeGreaterThanOrEqual(1);
    expect(seriesValue(text, 'qanat_requests_total', { ...broker, frame: 'SEND' })).toBe(2);
    expect(seriesValue(text, 'qanat_group_lag_messages', { ...broker, group: 'billing' })).toBe(1);
    expect(seriesValue(text, 'qanat_log_written_bytes_total', broker)).toBeGreaterThan(100);
    expect(seriesValue(text, 'qanat_state_entries', broker)).toBe(0);
    expect(seriesValue(text, 'qanat_nameserver_brokers', { node: 'ns-1', state: 'live' })).toBe(1);
    expect(seriesValue(text, 'process_resident_memory_bytes', {})).toBeGreaterThan(1e6);
    expect(text).toMatch(/# HELP qanat_group_lag_messages \S.*\n# TYPE qanat_group_lag_messages gauge/);

    for (const path of ['/healthz', '/readyz']) expect((await fetch(`http://${http}${path}`)).status).toBe(200);
    const lost = await fetch(`http://${http}/toString`);
    expect(lost.status).toBe(404);
    expect(await lost.text()).toContain('GET /metrics');
    expect((await fetch(`http://${http}/metrics`, { method: 'POST' })).status).toBe(405);
    // Thousands of requests in one piece are not thousands of answers in one turn.
    const [host, port] = http.split(':');
    const many = connect(Number(port), host as string);
    let answers = '';
    many.on('data', (chunk) => {
      answers += chunk;
    });
    many.on('error', () => undefined);
    const dropped = new Promise((resolve) => many.on('close', resolve));
    many.write('GET /metrics HTTP/1.1\r\nHost: qanat\r\n\r\n'.repeat(5_000));
    await dropped;
    expect(answers.split('HTTP/1.1 ').length - 1).toBeLessThanOrEqual(1);
    expect((await fetch(`http://${http}/healthz`)).headers.get('connection')).toBe('close');
    io.signal('SIGTERM');
    expect(await ended).toBe(0);
    await expect(fetch(`http://${http}/healthz`)).rejects.toThrow();
  });

  it('does not start where the address is taken, and says so', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    const { port } = other.address() as AddressInfo;
    const serving = (http: string) => qanat(['nameserver', '--listen', '127.0.0.1:0', '--http', http, '--log-level', 'error']);
    const taken = await serving(`127.0.0.1:${port}`);
    other.close();
    expect(taken.code).toBe(2);
    expect(taken.err).toContain(`cannot serve metrics at 127.0.0.1:${port}`);
    expect(taken.err).toContain('hint: another process listens there');
    const { code, err } = await serving('256.0.0.1:1');
    expect(code).toBe(2);
    expect(err).toContain('cannot serve metrics at 256.0.0.1:1');
  });
});
