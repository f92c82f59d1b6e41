// A broker group and its replicas, asked one by one (spec, chapter of replication).
import { QanatError } from '../../errors.ts';
import { ReplicaRole } from '../../wire/gen/registry.ts';
import type { BrokerDescribeOk, ReplicaState } from '../../wire/gen/replication-messages.ts';
import type { ClientHost } from '../host.ts';
import { slavePeer } from '../peer.ts';
import type { BrokerGroup, BrokerInfo, ReplicaDetails, ReplicaInfo, ReplicaStatus } from './admin-types.ts';
import { askBrokers } from './broker-fan-out.ts';

/** Where this client reaches a replica. */
export const peerOf = (broker: string, { replica, role }: ReplicaInfo): string =>
  role === 'master' ? broker : slavePeer(broker, replica);

/** The replica of that number. @throws QanatError NO_BROKER. */
export function replicaOf({ broker, replicas }: BrokerInfo, replica: number): ReplicaInfo {
  const found = replicas.find((info) => info.replica === replica);
  if (found !== undefined) return found;
  const numbers = replicas.map((info) => info.replica).join(', ');
  throw new QanatError('NO_BROKER', `broker ${broker} has no replica ${replica} in the route`, {
    outcome: 'not-sent',
    hint: `there are: ${numbers || 'none'}`,
  });
}

interface Answer {
  readonly info: ReplicaInfo;
  readonly error: QanatError | undefined;
  readonly said: BrokerDescribeOk | undefined;
}

/** Asks every replica of the groups how it fares. */
export function describeGroups(
  host: ClientHost,
  groups: readonly BrokerInfo[],
  timeoutMs: number,
  done: (groups: readonly BrokerGroup[]) => void,
): void {
  const asked = groups.flatMap((group) => group.replicas.map((info) => ({ broker: group.broker, info })));
  const peers = asked.map(({ broker, info }) => peerOf(broker, info));
  askBrokers(host, peers, 'BROKER_DESCRIBE', {}, timeoutMs, (answers) => {
    const byBroker = new Map<string, Answer[]>(groups.map(({ broker }) => [broker, []]));
    asked.forEach(({ broker, info }, i) => {
      const { error, response } = answers[i] as (typeof answers)[number];
      byBroker.get(broker)?.push({ info, error: isOlder(error) ? undefined : error, said: error ? undefined : response.header });
    });
    done(groups.map((group) => describeGroup(group, byBroker.get(group.broker) ?? [])));
  });
}

/** It is there, and is no replica. */
const isOlder = (error: QanatError | undefined): boolean =>
  error?.code === 'UNSUPPORTED_FEATURE' || error?.code === 'UNSUPPORTED_FRAME';

function describeGroup({ broker, cluster }: BrokerInfo, answers: readonly Answer[]): BrokerGroup {
  const masters = answers.flatMap(({ said }) => (said?.role === ReplicaRole.MASTER ? [said] : []));
  const master = masters.reduce<BrokerDescribeOk | undefined>(
    (best, one) => (best === undefined || one.term > best.term ? one : best),
    undefined,
  );
  return { broker, cluster, master: master?.replica, replicas: answers.map((answer) => statusOf(answer, master)) };
}

function statusOf({ info, error, said }: Answer, master: BrokerDescribeOk | undefined): ReplicaStatus {
  const seen = master?.replicas.find(({ replica }) => replica === info.replica);
  return {
    ...info,
    role: said === undefined ? info.role : said.role === ReplicaRole.MASTER ? 'master' : 'slave',
    error,
    details: said && detailsOf(said),
    inSync: master === undefined ? said?.inSync : seen?.inSync === true,
    lagBytes: lagOf(seen, said, master),
  };
}

/** As the master sees it; where there is none, as the replica heard last of the one before. */
function lagOf(
  seen: ReplicaState | undefined,
  said: BrokerDescribeOk | undefined,
  master: BrokerDescribeOk | undefined,
): number | undefined {
  if (master !== undefined) return seen && Math.max(0, master.logEnd - seen.stored);
  return said === undefined || said.masterEnd === 0 ? undefined : Math.max(0, said.masterEnd - said.stored);
}

const detailsOf = (said: BrokerDescribeOk): ReplicaDetails => ({
  term: said.term,
  state: said.state,
  haltedBy: said.haltedBy,
  elected: said.elected,
  logEnd: said.logEnd,
  stored: said.stored,
  committed: said.committed,
  oldest: said.oldest,
  flush: said.flushAsync ? 'async' : 'sync',
  minInSync: said.minInSync,
  following: said.following,
});
