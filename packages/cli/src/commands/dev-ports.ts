import { createServer } from 'node:net';
import type { DevClusterOptions } from '@qanat/server';

/** The usual ports: the first of a kind of nodes, and how far the next is from it. */
const NAME_SERVERS = { first: 7_600, step: 1 };
const BROKERS = { first: 7_610, step: 10 };
/** Brokers come behind the NameServers. */
const WEB_SOCKETS = { first: 7_680, step: 1 };
/** Of MQTT (IANA), and what most brokers use for it over WebSocket. */
export const MQTT_PORTS = { mqtt: 1_883, ws: 8_083 } as const;

function isFree(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once('error', () => resolve(false));
    probe.listen(port, host, () => probe.close(() => resolve(true)));
  });
}

/** The usual ports where they are free, 0 (any free one) where they are not. @param brokers slaves included. */
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

/** The usual ports of an MQTT bridge where they are free, 0 where they are not. */
export async function chooseMqttPorts(host: string): Promise<NonNullable<DevClusterOptions['mqtt']>> {
  const choose = async (port: number): Promise<number> => ((await isFree(host, port)) ? port : 0);
  return { mqtt: await choose(MQTT_PORTS.mqtt), ws: await choose(MQTT_PORTS.ws) };
}
