import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Broker, QanatError } from '@qanat/core';
import {
  type BrokerProcessOptions,
  type Logger,
  type RunningNode,
  startBroker,
  startDevCluster,
  startNameServer,
  startStatusServer,
} from '@qanat/server';
import { afterAll, describe, expect, it } from 'vitest';
import { RESTARTS_MAX, RESTARTS_WITHIN_MS, RestartBudget } from '../src/restart-budget.ts';

const folder = mkdtempSync(join(tmpdir(), 'qanat-restarts-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

type Fields = Parameters<Logger>[2];

/** A logger, and a promise for the next time that a node logs something. */
function recorder(): { readonly log: Logger; readonly next: (event: string) => Promise<Fields> } {
  const waiting = new Map<string, (fields: Fields) => void>();
  return {
    log: (_, event, fields) => {
      waiting.get(event)?.(fields);
      waiting.delete(event);
    },
    next: (event) => new Promise((resolve) => waiting.set(event, resolve)),
  };
}

/** The engine ends as when the log of a replica is to be mended: at the next that happens, which is a connection. */
function breakDown(node: RunningNode): void {
  (node.engine as Broker).handle = () => {
    throw new QanatError('RESTART_REQUIRED', 'the log is to be mended');
  };
  const port = Number(node.endpoint.split(':').at(-1));
  connect(port, '127.0.0.1').on('error', () => {});
}

describe('a broker whose log is to be mended', () => {
  const broker = (name: string, logger: Logger): BrokerProcessOptions => ({
    name,
    listen: '127.0.0.1:0',
    data: join(folder, name),
    nameServers: [],
    logger,
  });

  it('begins again in its process, with the same ports and metrics', async () => {
    const { log, next } = recorder();
    const node = await startBroker(broker('again', log));
    const status = await startStatusServer('127.0.0.1:0', [node]);
    const { endpoint, engine } = node;
    const listens = next('listening');
    breakDown(node);
    expect(await listens).toMatchObject({ endpoint });
    expect(node.endpoint).toBe(endpoint);
    expect(node.engine).not.toBe(engine);
    const metrics = await (await fetch(`http://${status.endpoint}/metrics`)).text();
    expect(metrics).toContain('qanat_broker_term{node="again"} 2\n');
    expect(metrics).toContain('qanat_ready{node="again"} 1\n');
    await node.stop();
    expect(await node.ended).toBeUndefined();
    await status.close();
  });

  it('ends with the error when it has begun again so often, RESTARTS_MAX within RESTARTS_WITHIN_MS', async () => {
    const { log, next } = recorder();
    const node = await startBroker(broker('often', log));
    for (let i = 0; i < RESTARTS_MAX; i++) {
      const listens = next('listening');
      breakDown(node);
      await listens;
    }
    breakDown(node);
    expect(await node.ended).toMatchObject({ code: 'RESTART_REQUIRED' });
    await node.stop();
  });

  it('may be stopped while it begins again', async () => {
    const { log, next } = recorder();
    const node = await startBroker(broker('stopped', log));
    const restarts = next('broker.restarts');
    breakDown(node);
    await restarts;
    await node.stop();
    expect(await node.ended).toBeUndefined();
    // Its files and its port are free.
    const after = await startBroker({ ...broker('stopped', log), listen: node.endpoint });
    await after.stop();
  });

  it('may begin again when the restarts are long ago', () => {
    const budget = new RestartBudget();
    const takes = Array.from({ length: RESTARTS_MAX + 1 }, (_, i) => budget.take(i));
    expect(takes).toEqual([...Array(RESTARTS_MAX).fill(true), false]);
    expect(budget.take(RESTARTS_WITHIN_MS - 1)).toBe(false);
    expect(budget.take(RESTARTS_WITHIN_MS)).toBe(true);
    expect(budget.take(RESTARTS_WITHIN_MS)).toBe(false);
  });
});

describe('a slave that waits for a master', () => {
  it('is given up at once where its start is, and lets go of its files', async () => {
    const nameServer = await startNameServer({ listen: '127.0.0.1:0', data: join(folder, 'ns'), logger: () => {} });
    const { log, next } = recorder();
    const options = {
      name: 'a',
      listen: '127.0.0.1:0',
      data: join(folder, 'empty'),
      nameServers: nameServer.endpoint,
      logger: log,
      engine: { replication: { replica: 1, role: 'slave' as const } },
    };
    for (let i = 0; i < 2; i++) {
      const given = new AbortController();
      const waits = next('replication.waits');
      const started = startBroker({ ...options, signal: given.signal });
      await waits;
      given.abort();
      await expect(started).rejects.toMatchObject({ code: 'CLOSED' });
    }
    await expect(startBroker({ ...options, signal: AbortSignal.abort() })).rejects.toMatchObject({ code: 'CLOSED' });
    await nameServer.stop();
  });

  it('does not keep a cluster of development from failing with the error of its master', async () => {
    const data = mkdtempSync(join(folder, 'dev-'));
    writeFileSync(join(data, 'broker-a'), 'no directory');
    const started = startDevCluster({ data, brokers: 1, nameServers: 1, replicas: 1, logger: () => () => {} });
    await expect(started).rejects.toMatchObject({ message: expect.stringContaining('broker-a') });
  });
});
