// Where a broker group can be read while its master does not answer (spec, chapter of replication: reading from slaves).
import type { ClientHost } from './host.ts';

/** The broker of a peer: of a slave, the broker whose slave it is. */
export const brokerOf = (peer: string): string => peer.split('/')[0] as string;

/** Peers of the slaves that can be asked. */
export function liveSlaves(host: ClientHost, broker: string): readonly string[] {
  return (host.known(broker)?.slaves ?? []).filter((peer) => {
    const slave = host.known(peer);
    return slave?.endpoint !== undefined && !slave.away;
  });
}

/** Whether the master cannot be asked: it is not connected, and an attempt to connect failed, or the routes mark it away. */
export const isMasterGone = (host: ClientHost, broker: string): boolean =>
  !host.isOpen(broker) && (host.whyNotOpen(broker) !== undefined || host.known(broker)?.away === true);

/** Whom to ask for what slaves tell too. */
export const readPeer = (host: ClientHost, broker: string): string =>
  (isMasterGone(host, broker) ? liveSlaves(host, broker)[0] : undefined) ?? broker;
