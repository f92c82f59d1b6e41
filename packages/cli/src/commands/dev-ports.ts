import { createServer } from 'node:net';

const NAME_SERVER_PORT = 7_600;
const BROKER_PORT = 7_610;
const BROKER_PORT_STEP = 10;

function isFree(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once('error', () => resolve(false));
    probe.listen(port, host, () => probe.close(() => resolve(true)));
  });
}

export interface DevPorts {
  readonly nameServerPorts: readonly number[];
  readonly brokerPorts: readonly number[];
}

/** The usual ports where they are free, 0 (any free one) where they are not. */
export async function chooseDevPorts(host: string, nameServers: number, brokers: number): Promise<DevPorts> {
  const choose = (count: number, first: number, step: number): Promise<number[]> =>
    Promise.all(
      Array.from({ length: count }, async (_, i) => {
        const port = first + i * step;
        return (await isFree(host, port)) ? port : 0;
      }),
    );
  const nameServerPorts = await choose(nameServers, NAME_SERVER_PORT, 1);
  return { nameServerPorts, brokerPorts: await choose(brokers, BROKER_PORT, BROKER_PORT_STEP) };
}
