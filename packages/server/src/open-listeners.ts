import { type Endpoint, parseHostPort } from '@qanat/core';
import { formatListener } from './listeners.ts';
import type { Logger } from './logger.ts';

const isLoopback = (host: string): boolean =>
  host === 'localhost' || host === '::1' || /^(::ffff:)?127(\.\d{1,3}){3}$/i.test(host);

/**
 * Version 1.0 has no authentication: whoever reaches a listener may read, write and administer everything. The operator is told
 * at the start where that is more than this machine (spec, chapter of security).
 */
export function warnOfOpenListeners(log: Logger, listening: readonly Endpoint[]): void {
  const why = 'nobody is asked who he is: whoever reaches this address may read, write and administer everything';
  const hint = 'keep it in a network of its own, or listen on 127.0.0.1';
  for (const one of listening)
    if (!isLoopback(parseHostPort(one.address, []).host))
      log('warn', 'listening beyond loopback', { endpoint: formatListener(one), why, hint });
}
