import { expect, it } from 'vitest';
import type { ServerSession } from '../../src/connection/server-session.ts';
import { Cluster } from './cluster.ts';

it('a producer leaves the connection of a broker that answers PING but never SEND, and goes on over another one [QNT-COR-013]', () => {
  const cluster = new Cluster();
  let silent: ServerSession | undefined;
  cluster.a.meddle = (send) => {
    silent ??= send.session;
    return send.session === silent;
  };
  const result = cluster.send('hello');
  cluster.world.run(8_000);
  expect(result.done).toBe(0);
  cluster.world.run(8_000);
  expect(result).toMatchObject({ done: 1, error: undefined });
  expect(cluster.a.log('orders', 0)).toEqual(['hello']);
});
