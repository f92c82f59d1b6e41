import { networkInterfaces } from 'node:os';
import { QanatError } from '@qanat/core';

/** Takes `host:port` or `[v6]:port` apart. @throws QanatError BAD_CONFIG. */
export function splitAddress(address: string): { readonly host: string; readonly port: number } {
  const match = /^(?:\[([^\]]+)\]|([^:]+)):(\d{1,5})$/.exec(address);
  const port = Number(match?.[3]);
  if (match === null || port > 65_535) {
    throw new QanatError('BAD_CONFIG', `"${address}" is no address`, {
      hint: 'write host:port, for example 127.0.0.1:7610, or [::1]:7610',
    });
  }
  return { host: (match[1] ?? match[2]) as string, port };
}

/**
 * The address that clients are told for a listener: itself, or, where it listens on all addresses, the first one of this
 * machine that others can reach.
 */
export function advertisedAddress(listening: string): string {
  const { host, port } = splitAddress(listening);
  if (host !== '0.0.0.0' && host !== '::') return listening;
  const outer = Object.values(networkInterfaces())
    .flat()
    .find((address) => address !== undefined && !address.internal && address.family === 'IPv4');
  return `${outer?.address ?? '127.0.0.1'}:${port}`;
}
