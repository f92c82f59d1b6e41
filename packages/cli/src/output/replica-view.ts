import type { BrokerGroup, ReplicaStatus } from '@qanat/client';
import type { Column } from './table.ts';

/** Something that an operator should look at, and what he can do. */
export interface Problem {
  readonly text: string;
  readonly hint: string;
}

/** It answers, and has nothing to say of replicas. */
export const isAlone = ({ error, details }: ReplicaStatus): boolean => error === undefined && details === undefined;

const isHalted = ({ details }: ReplicaStatus): boolean => details?.state.startsWith('halted') === true;
const yesOrNo = (value: boolean | undefined): string | undefined => (value === undefined ? undefined : value ? 'yes' : 'no');

function stateOf(row: ReplicaStatus): string {
  if (row.error !== undefined) return row.away ? 'away' : `no answer (${row.error.code})`;
  return row.details?.state || (isAlone(row) ? 'alone' : row.role);
}

export const REPLICA_COLUMNS: readonly Column<ReplicaStatus>[] = [
  { title: 'replica', cell: (row) => row.replica, align: 'right' },
  { title: 'role', cell: (row) => (isAlone(row) ? undefined : row.role) },
  { title: 'state', cell: stateOf },
  { title: 'term', cell: (row) => row.details?.term, align: 'right' },
  { title: 'in sync', cell: (row) => yesOrNo(row.inSync) },
  { title: 'lag bytes', cell: (row) => row.lagBytes, align: 'right' },
];

export const ADDRESS_COLUMN: Column<ReplicaStatus> = { title: 'address', cell: (row) => row.addresses.join(',') };

const masterOf = ({ master, replicas }: BrokerGroup): ReplicaStatus | undefined =>
  replicas.find(({ replica, role }) => replica === master && role === 'master');

export const inSyncCount = ({ replicas }: BrokerGroup): number => replicas.filter(({ inSync }) => inSync).length;

/** How many have to be in sync; undefined where no master says so. */
export const minInSyncOf = (group: BrokerGroup): number | undefined => masterOf(group)?.details?.minInSync;

/** What is wrong with a group, the worst first. */
export function problemsOf(group: BrokerGroup): Problem[] {
  const { broker, replicas } = group;
  if (replicas.every(isAlone)) return [];
  const master = masterOf(group);
  return [
    ...(master === undefined ? [withoutMaster(group)] : []),
    ...tooFewInSync(group),
    ...severalMasters(group),
    ...replicas.filter(isHalted).map((one) => halted(broker, one)),
    ...replicas.flatMap(({ replica, error }) =>
      error === undefined
        ? []
        : [
            {
              text: `replica ${replica} of ${broker} does not answer: ${error.message}`,
              hint: 'start it again; it gets by itself what it lacks',
            },
          ],
    ),
  ];
}

/** What to do depends on what halted it: its data may be of no use to anybody, or the only copy that there is. */
function halted(broker: string, { replica, details }: ReplicaStatus): Problem {
  const text = `replica ${replica} of ${broker} is halted: `;
  switch (details?.haltedBy) {
    case 'RECOVERY_REQUIRED':
      return {
        text: `${text}it alone had everything that was committed, and may have lost some of it`,
        hint: `keep its data; bring back a disk that has everything, or: ${promotion(broker, replica)} --accept-loss, and what it lacks is lost`,
      };
    case 'REPLICA_TAKEN':
      return {
        text: `${text}another process runs with its number`,
        hint: 'stop one of the two, or give it a number and a directory of its own; this one serves nothing until it is started again',
      };
    case 'CORRUPT_LOG':
      return {
        text: `${text}it has something else where its group has committed messages`,
        hint: 'its log says more; it serves nothing: stop it, put its data away, and start it with an empty directory',
      };
    default:
      return {
        text: `${text}it serves nothing`,
        hint: 'its log says why, and what to do: change nothing in its directory before',
      };
  }
}

const promotion = (broker: string, replica: number): string => `qanat broker promote ${broker} --replica ${replica}`;

/** What a replica waits for before it is anything: a master that starts, mostly. */
const isUndecided = ({ details }: ReplicaStatus): boolean => /^(undecided|rising)/.test(details?.state ?? '');

function withoutMaster(group: BrokerGroup): Problem {
  const { broker, replicas } = group;
  const undecided = replicas.find(isUndecided);
  if (undecided !== undefined)
    return {
      text: `${broker} has no master yet: replica ${undecided.replica} is ${undecided.details?.state}`,
      hint: 'start what it waits for; docs/replication.md tells what to do where a NameServer never comes back',
    };
  const text = `${broker} has no master: it takes no messages, and its slaves serve what they know to be committed`;
  return { text, hint: hintWithoutMaster(group) };
}

/** Its masters are elected, not made by its operator. */
export const isElected = ({ replicas }: BrokerGroup): boolean => replicas.some(({ details }) => details?.elected === true);

/** How a group of which a replica in sync is there gets its next master by itself. */
export const ELECTION = 'a replica that is in sync is elected within seconds';

function hintWithoutMaster(group: BrokerGroup): string {
  const { broker, replicas } = group;
  const [best] = replicas
    .filter((one) => one.details !== undefined && (!isHalted(one) || one.details.haltedBy === 'RECOVERY_REQUIRED'))
    .sort((a, b) => Number(b.inSync) - Number(a.inSync) || (b.details?.stored ?? 0) - (a.details?.stored ?? 0));
  if (best === undefined) return 'start its master again';
  const promote = promotion(broker, best.replica);
  if (best.inSync) return isElected(group) ? ELECTION : `start its master again, or: ${promote}`;
  return (
    'no replica that answers is known to have everything: start those that were in sync. Where all machines went down with ' +
    `--flush async, or they never come back: ${promote} --accept-loss, and what it lacks is lost`
  );
}

function tooFewInSync(group: BrokerGroup): Problem[] {
  const [count, least] = [inSyncCount(group), minInSyncOf(group)];
  if (least === undefined || count >= least) return [];
  return [
    {
      text: `${group.broker} has ${count} of ${least} replicas in sync: sends are refused with NOT_ENOUGH_REPLICAS`,
      hint: 'start the others, or start the master with a lower --min-in-sync',
    },
  ];
}

function severalMasters({ broker, master, replicas }: BrokerGroup): Problem[] {
  return replicas
    .filter(({ replica, role, details }) => role === 'master' && details !== undefined && replica !== master)
    .map(({ replica, details }) => ({
      text: `replica ${replica} of ${broker} still takes itself for master, in term ${details?.term}: it commits nothing`,
      hint: 'it becomes a slave as soon as it reaches a NameServer or a replica with the newer term; look at its network',
    }));
}

const replicaDocument = (row: ReplicaStatus): unknown => ({
  replica: row.replica,
  role: isAlone(row) ? null : row.role,
  addresses: row.addresses,
  away: row.away,
  state: stateOf(row),
  haltedBy: row.details?.haltedBy || null,
  error: row.error?.code ?? null,
  inSync: row.inSync ?? null,
  lagBytes: row.lagBytes ?? null,
  term: row.details?.term ?? null,
  committed: row.details?.committed ?? null,
  stored: row.details?.stored ?? null,
  logEnd: row.details?.logEnd ?? null,
  flush: row.details?.flush ?? null,
  following: row.details?.following || null,
});

/** The shape of a group in `-o json`. */
export const groupDocument = (group: BrokerGroup): unknown => ({
  group: group.broker,
  cluster: group.cluster,
  master: group.master ?? null,
  minInSync: minInSyncOf(group) ?? null,
  inSync: masterOf(group) === undefined ? null : inSyncCount(group),
  replicas: group.replicas.map(replicaDocument),
  problems: problemsOf(group),
});
