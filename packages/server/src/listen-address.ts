import { networkInterfaces } from 'node:os';
import { QanatError } from '@qanat/core';
import type { Logger } from './logger.ts';

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

const isLoopback = (host: string): boolean =>
  host === 'localhost' || host === '::1' || /^(::ffff:)?127(\.\d{1,3}){3}$/i.test(host);

/**
 * Version 1.0 has no authentication: whoever reaches a listener may read, write and administer everything. The operator is told
 * at the start where that is more than this machine (spec, chapter of security).
 */
export function warnOfOpenListener(log: Logger, endpoint: string): void {
  if (isLoopback(splitAddress(endpoint).host)) return;
  const why = 'nobody is asked who he is: whoever reaches this address may read, write and administer everything';
  log('warn', 'listening beyond loopback', { endpoint, why, hint: 'keep it in a network of its own, or listen on 127.0.0.1' });
}
