import type { QanatError } from '../../errors.ts';
import type { ClientHost } from '../host.ts';
import { type ConnectionHost, queryNameServer } from '../name-server-query.ts';
import type { RouteCache } from '../route-cache.ts';
import type { BrokerInfo } from './admin-types.ts';
import { askBrokers } from './broker-fan-out.ts';
import { brokerInfos, readView } from './cluster-view.ts';

export interface NameServerStatus {
  readonly address: string;
  /** Undefined: it answers. */
  readonly error: QanatError | undefined;
}

export interface BrokerStatus extends BrokerInfo {
  readonly topics: number;
  readonly queues: number;
  /** Undefined: it answers. */
  readonly error: QanatError | undefined;
}

export interface ClusterOverview {
  readonly nameServers: readonly NameServerStatus[];
  readonly brokers: readonly BrokerStatus[];
}

type OverviewHost = ClientHost & ConnectionHost & { readonly routes: RouteCache };
type OverviewDone = (error: QanatError | undefined, overview: ClusterOverview) => void;

/** Asks every NameServer and every broker whether it is there. The error says that no NameServer answers. */
export function clusterOverview(host: OverviewHost, timeoutMs: number, done: OverviewDone): void {
  const addresses = host.settings.nameServers;
  const nameServers: NameServerStatus[] = [];
  let open = addresses.length;
  addresses.forEach((address, i) => {
    queryNameServer(host, address, { topics: [] }, (error) => {
      nameServers[i] = { address, error };
      if (--open > 0) return;
      if (nameServers.every((one) => one.error !== undefined)) return done(error, { nameServers, brokers: [] });
      askAll(host, timeoutMs, nameServers, done);
    });
  });
}

function askAll(host: OverviewHost, timeoutMs: number, nameServers: readonly NameServerStatus[], done: OverviewDone): void {
  host.routes.link.askAny({ all: true }, timeoutMs, (error, pages, nameServer) => {
    if (error !== undefined) return done(error, { nameServers, brokers: [] });
    const view = readView(pages);
    for (const broker of view.brokers) host.routes.directory.update(broker, nameServer);
    const infos = brokerInfos(view);
    const pingMs = Math.min(timeoutMs, host.settings.attemptMs);
    askBrokers(
      host,
      infos.map(({ broker }) => broker),
      'PING',
      {},
      pingMs,
      (answers) => {
        const brokers = infos.map((info, i): BrokerStatus => {
          const shares = [...view.topics.values()].flatMap((byBroker) => byBroker.get(info.broker) ?? []);
          return {
            ...info,
            topics: shares.length,
            queues: shares.reduce((sum, queues) => sum + queues, 0),
            error: answers[i]?.error,
          };
        });
        done(undefined, { nameServers, brokers });
      },
    );
  });
}
