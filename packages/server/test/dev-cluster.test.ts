import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from '@qanat/client';
import { startDevCluster } from '@qanat/server';
import { expect, it } from 'vitest';

const sockets = (): number => process.getActiveResourcesInfo().filter((name) => name === 'TCPSocketWrap').length;

it.each(['sync', 'async'] as const)(
  'nodes of a dev cluster and clients of its process need no sockets, flush %s',
  async (flush) => {
    const data = mkdtempSync(join(tmpdir(), 'qanat-dev-'));
    const before = sockets();
    const cluster = await startDevCluster({ data, flush, replicas: 1, mqtt: { mqtt: 0, ws: 0 }, logLevel: 'error' });
    const { inProcess } = cluster;
    const client = await connect(
      cluster.nameServers.map((node) => node.endpoint),
      { inProcess },
    );
    try {
      await client.producer().send('hello', { body: 'within' });
      const bodies: string[] = [];
      for await (const { body } of client.pullConsumer().read('hello', { until: 'end' }))
        bodies.push(new TextDecoder().decode(body));
      expect(bodies).toEqual(['within']);
      expect(sockets()).toBe(before);
    } finally {
      await client.close();
      await cluster.stop();
      rmSync(data, { recursive: true, force: true });
    }
  },
);
