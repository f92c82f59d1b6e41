// What a replica says of itself.
import type { ErrorCode } from '../../errors.ts';
import { utf8Length } from '../../wire/bytes.ts';
import { LIMITS, ReplicaRole } from '../../wire/gen/registry.ts';
import type { BrokerDescribeOkInit } from '../../wire/gen/replication-messages.ts';
import type { ReplicationOptions } from '../broker-options.ts';
import type { ReplicationFigures } from '../figures.ts';
import type { CommitLog } from '../log/commit-log.ts';
import type { MasterReplica } from './master.ts';
import type { SlaveReplica } from './slave.ts';

export interface ReplicaView {
  /** Name of the broker group. */
  readonly broker: string;
  readonly settings: Required<ReplicationOptions>;
  readonly flush: 'sync' | 'async';
  readonly log: CommitLog;
  /** The highest that it knows of. */
  readonly term: number;
  /** What it does now, for people. */
  readonly state: string;
  /** Undefined unless it is halted. */
  readonly haltedBy: ErrorCode | undefined;
  /** Undefined unless it is master. */
  readonly master: MasterReplica | undefined;
  /** By the record that it read last it has everything that is committed. */
  readonly stands: boolean;
  /** Undefined unless it copies a master's log. */
  readonly slave: SlaveReplica | undefined;
}

/** For metrics. */
export function replicationFigures({ log, settings, state, master, slave }: ReplicaView): ReplicationFigures {
  const { storedPosition: stored, committedPosition: committed } = log;
  const replicas = master?.describe() ?? [];
  const slowest = Math.min(...replicas.map((one) => one.stored ?? 0));
  const lag = master === undefined ? (slave?.masterEnd ?? 0) - stored : stored - slowest;
  return {
    replica: settings.replica,
    role: master === undefined ? 'slave' : 'master',
    state,
    stored,
    committed,
    inSync: replicas.filter(({ inSync }) => inSync === true).length,
    minInSync: settings.minInSync,
    lagBytes: Math.max(0, lag),
  };
}

/** For operators, by BROKER_DESCRIBE. */
export function describeReplica(view: ReplicaView): BrokerDescribeOkInit {
  const { broker, settings, flush, log, term, state, haltedBy = '', master, stands, slave } = view;
  return {
    broker,
    replica: settings.replica,
    role: master === undefined ? ReplicaRole.SLAVE : ReplicaRole.MASTER,
    term,
    logEnd: log.endPosition,
    stored: log.storedPosition,
    committed: log.committedPosition,
    oldest: log.oldestPosition,
    flushAsync: flush === 'async',
    minInSync: settings.minInSync,
    replicas: master?.describe() ?? [],
    following: slave?.following?.address ?? '',
    masterEnd: slave?.masterEnd ?? 0,
    inSync: master === undefined && (slave?.inSync ?? stands),
    state: fitting(state),
    haltedBy,
    elected: settings.mode === 'automatic',
  };
}

/** What it waits for may have long names: a character has 3 bytes at most. */
const fitting = (text: string): string =>
  utf8Length(text) <= LIMITS.LABEL_BYTES_MAX ? text : text.slice(0, Math.floor(LIMITS.LABEL_BYTES_MAX / 3));
