// What is no etcd, and what its adapter makes of it.
import { once } from 'node:events';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, describe, expect, it } from 'vitest';
import { ETCD_ANSWER_BYTES_MAX } from '../../src/election/etcd-endpoint.ts';
import { parseEtcdEndpoints } from '../../src/election/etcd-settings.ts';
import { EtcdStore } from '../../src/index.ts';
import { ask } from './etcd-process.ts';

const get = { op: 'get', prefix: '/qanat/' } as const;
const cas = { op: 'cas', compares: [], puts: [] } as const;
const ANSWER = JSON.stringify({ header: { revision: '7' }, succeeded: true });

const servers: Server[] = [];
afterAll(() => {
  for (const server of servers) {
    server.close();
    server.closeAllConnections();
  }
});

async function serve(listener: RequestListener): Promise<string> {
  const server = createServer(listener).listen(0, '127.0.0.1');
  servers.push(server);
  await once(server, 'listening');
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const answering = (): Promise<string> => serve((_, response) => response.end(ANSWER));
const storeOf = (...endpoints: string[]): EtcdStore => new EtcdStore({ endpoints, timeoutMs: 200 });

describe('endpoints of etcd', () => {
  it('are URLs or addresses, by commas or as a list', () => {
    const hosts = (text: string | string[]): string[] => parseEtcdEndpoints(text).map(({ origin }) => origin);
    expect(hosts('10.0.0.1:2379, https://etcd-2:2379/')).toEqual(['http://10.0.0.1:2379', 'https://etcd-2:2379']);
    expect(hosts(['http://[::1]:2379'])).toEqual(['http://[::1]:2379']);
    for (const text of [
      '',
      'etcd',
      'http://etcd',
      'ftp://etcd:2379',
      'http://u:p@etcd:2379',
      'http://etcd:2379/v3',
      'http://etcd:99999',
    ])
      expect(() => parseEtcdEndpoints(text), text).toThrow(expect.objectContaining({ code: 'BAD_CONFIG' }));
  });
});

describe('a member of etcd', () => {
  it('that answers nothing is left for another one, and asked no more; a write is not repeated', async () => {
    let asked = 0;
    const silent = await serve(() => {
      asked++;
    });
    const store = storeOf(silent, await answering());
    expect(await ask(store, get)).toMatchObject({ revision: 7 });
    expect(await ask(store, get)).toMatchObject({ revision: 7 });
    expect(asked).toBe(1);
    const other = storeOf(silent, await answering());
    await expect(ask(other, cas)).rejects.toMatchObject({ code: 'TIMEOUT', outcome: 'unknown' });
    expect(await ask(other, cas)).toEqual({ succeeded: true, revision: 7 });
    expect(asked).toBe(2);
  });

  it('where nobody listens is left for another one, by a write too', async () => {
    const gone = await answering();
    const [server] = servers.splice(-1) as [Server];
    server.close();
    expect(await ask(storeOf(gone, await answering()), cas)).toMatchObject({ succeeded: true });
    await expect(ask(storeOf(gone), cas)).rejects.toMatchObject({ code: 'CONNECTION_FAILED', outcome: 'not-sent' });
  });

  it('that breaks off in its answer may have done it', async () => {
    const breaking = await serve((_, response) => {
      response.write('{"succ');
      setImmediate(() => response.destroy());
    });
    await expect(ask(storeOf(breaking), cas)).rejects.toMatchObject({ outcome: 'unknown', retryable: true });
  });

  it('that has no leader may have done it; another one is asked next', async () => {
    const alone = await serve((_, response) => {
      response.statusCode = 503;
      response.end(JSON.stringify({ error: 'etcdserver: leader changed', code: 14 }));
    });
    const store = storeOf(alone, await answering());
    await expect(ask(store, cas)).rejects.toMatchObject({ code: 'NOT_READY', outcome: 'unknown' });
    expect(await ask(store, cas)).toMatchObject({ succeeded: true });
  });

  it('that is none is not believed, and its answer is read no further than ETCD_ANSWER_BYTES_MAX', async () => {
    const page = await serve((_, response) => response.end('<html>'));
    await expect(ask(storeOf(page), get)).rejects.toMatchObject({ message: expect.stringContaining('none of etcd') });
    let sent = 0;
    const endless = await serve((_, response) => {
      const more = (): void => {
        while (!response.destroyed && response.write('x'.repeat(65_536))) sent += 65_536;
      };
      response.on('drain', more);
      more();
    });
    const store = new EtcdStore({ endpoints: endless, timeoutMs: 20_000 });
    await expect(ask(store, get)).rejects.toMatchObject({ message: expect.stringContaining(`${ETCD_ANSWER_BYTES_MAX}`) });
    expect(sent).toBeLessThan(100 * ETCD_ANSWER_BYTES_MAX);
  });

  it('whose store was closed is heard no more', async () => {
    const store = storeOf(await answering());
    let heard = false;
    store.start(get, () => {
      heard = true;
    });
    store.close();
    await ask(storeOf(await answering()), get);
    expect(heard).toBe(false);
  });
});
