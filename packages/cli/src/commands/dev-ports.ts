import { createServer } from 'node:net';
import type { DevClusterOptions } from '@qanat/server';

/** The usual ports: the first of a kind of nodes, and how far the next is from it. */
const NAME_SERVERS = { first: 7_600, step: 1 };
const BROKERS = { first: 7_610, step: 10 };
/** Brokers come behind the NameServers. */
const WEB_SOCKETS = { first: 7_680, step: 1 };

function isFree(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once('error', () => resolve(false));
    probe.listen(port, host, () => probe.close(() => resolve(true)));
  });
}

/** The usual ports where they are free, 0 (any free one) where they are not. */
export async function chooseDevPorts(
  host: string,
  nameServers: number,
  brokers: number,
): Promise<NonNullable<DevClusterOptions['ports']>> {
  const choose = (count: number, { first, step }: typeof BROKERS): Promise<number[]> =>
    Promise.all(
      Array.from({ length: count }, async (_, i) => {
        const port = first + i * step;
        return (await isFree(host, port)) ? port : 0;
      }),
    );
  const webSockets = await choose(nameServers + brokers, WEB_SOCKETS);
  return {
    qanat: { nameServers: await choose(nameServers, NAME_SERVERS), brokers: await choose(brokers, BROKERS) },
    ws: { nameServers: webSockets.slice(0, nameServers), brokers: webSockets.slice(nameServers) },
  };
}
