import { hostOf, RefusalLog } from '@qanat/core';
import type { Logger } from '../logger.ts';
import type { DeviceGateOptions } from './device-gate.ts';

/** Logs devices that are not let in; the same of one host and user once a minute. */
export function gateLog(log: Logger, nowMs: () => number): DeviceGateOptions['onRefused'] {
  const refusals = new RefusalLog((event, fields) => log('warn', event, fields));
  return ({ clientId, username, peer }, why) => {
    const fields = { remote: peer.address, client: clientId, user: username, why };
    refusals.tell(nowMs(), 'device refused', `${hostOf(peer.address)} ${username ?? ''} ${why}`, fields);
  };
}
