import { hostOf, RefusalLog } from '@qanat/core';
import type { OnRefused } from '@qanat/transports/tls';
import type { Logger } from './logger.ts';

/** Logs peers that do not speak as the listener does; the same of one host once a minute. */
export function refusalLog(log: Logger, nowMs: () => number = () => performance.now()): OnRefused {
  const refusals = new RefusalLog((event, fields) => log('warn', event, fields));
  return (remote, { code, message, hint }) => {
    // The port of the peer, which its message names, is another one each time.
    const key = `${hostOf(remote)} ${code} ${message.replaceAll(remote, '')}`;
    refusals.tell(nowMs(), 'peer refused', key, { remote, code, why: message, hint });
  };
}
