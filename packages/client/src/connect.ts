import { randomBytes } from 'node:crypto';
import { QanatError } from '@qanat/core';
import { nodePlatform, systemClock } from '@qanat/transports/node';
import { tcpTransport } from '@qanat/transports/tcp';
import type { QanatClient } from './client-api.ts';
import { connectWith } from './connect-with.ts';
import type { ConnectOptions } from './types.ts';

const DEFAULT_PORT = 7600;

/** Reads `qanat://a:7600,b:7600`, `a:7600,b` or a list of these. @throws QanatError BAD_CONFIG. */
export function parseNameServers(servers: string | readonly string[]): readonly string[] {
  const list = typeof servers === 'string' ? [servers] : servers;
  const addresses = list
    .flatMap((item) =>
      item
        .replace(/^qanat:\/\//, '')
        .replace(/\/$/, '')
        .split(','),
    )
    .map((item) => item.trim());
  if (addresses.length === 0 || addresses.some((address) => address === '' || address.includes('/'))) {
    throw new QanatError('BAD_CONFIG', `${JSON.stringify(servers)} names no NameServers`, {
      hint: 'write qanat://host:7600,host:7600',
    });
  }
  return addresses.map((address) => (/:\d+$/.test(address) ? address : `${address}:${DEFAULT_PORT}`));
}

/**
 * Connects to a cluster over TCP.
 *
 * @param servers its NameServers: `qanat://a:7600,b:7600`, `a:7600`, or a list. The port is 7600 where none is given.
 * @throws QanatError CONNECTION_FAILED when no NameServer answers within `timeoutMs`, BAD_CONFIG.
 */
export function connect(servers: string | readonly string[], options: ConnectOptions = {}): Promise<QanatClient> {
  const nameServers = parseNameServers(servers);
  return connectWith(
    {
      nameServers,
      transports: [tcpTransport()],
      clock: systemClock,
      platform: nodePlatform,
      seed: randomBytes(6).readUIntBE(0, 6),
    },
    options,
  );
}
