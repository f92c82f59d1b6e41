import { DEFAULT_SESSION_OPTIONS, type ServerSessionOptions } from '../connection/server-session-options.ts';
import { QanatError } from '../errors.ts';
import { nameError } from '../model/names.ts';
import type { Platform } from '../platform.ts';
import type { Random } from '../random.ts';
import type { Credentials } from '../security/login.ts';
import type { ServerSecurity } from '../security/server-security.ts';
import { utf8Length } from '../wire/bytes.ts';
import type { EndpointInit } from '../wire/gen/messages.ts';
import { Feature, LIMITS } from '../wire/gen/registry.ts';
import type { GroupOptions } from './groups/group-env.ts';
import type { CommitLogOptions } from './log/commit-log.ts';
import { SEGMENT_BYTES_MAX } from './log/segment.ts';
import { CATCH_UP_BYTES_PER_SECOND_MIN } from './replication/catch-up.ts';

/** Every broker takes batches of this length (spec, chapter of limits). */
const BATCH_BYTES_LEAST = 65_536;

/** What brokers of this version have beside AUTH. */
export const BROKER_FEATURES: readonly number[] = [Feature.FEATURE_KEYED_STATE, Feature.FEATURE_DEDUP];
/** A slave with less would leave the in-sync set at every pause of a process or a disk. */
export const LAG_MS_MIN = 1_000;
/** Keyed state of all queues of a broker: it is in memory. */
export const STATE_BYTES_TOTAL_MAX = 1024 * 1024 * 1024;

/** Limits that an operator may change; the defaults are those of the specification. */
export interface BrokerLimits {
  /** Longest record batch, its header included; at least 65,536 bytes. */
  readonly batchBytesMax: number;
  readonly topicsMax: number;
  readonly producersMax: number;
  /** Time after which an idle producer id is forgotten, ms. */
  readonly producerIdleMs: number;
  /** Bytes that wait to be stored. */
  readonly stagedBytesMax: number;
  readonly connectionsMax: number;
  /** Keyed state of one queue: keys, values, and 128 bytes for each entry. */
  readonly stateQueueBytesMax: number;
  /** The same of all queues; default 1 GiB. */
  readonly stateBytesMax: number;
}

/** A broker that is one replica of its group (spec, chapter of replication). */
export interface ReplicationOptions {
  /** Its number in the group: 0 to REPLICAS_MAX − 1. Two replicas of a group never have the same. */
  readonly replica: number;
  /** What it is while nothing is on record of its group. Default `master`. */
  readonly role?: 'master' | 'slave';
  /** Who says which replica is master: the operator (`manual`, the default), or an election. */
  readonly mode?: 'manual' | 'automatic';
  /** Replicas in sync, itself included, below which a master takes no messages with ack level COMMITTED. Default 1. */
  readonly minInSync?: number;
  /** How long a slave of the in-sync set may lag behind, ms. LAG_MS_MIN or more; default REPLICA_LAG_MS. */
  readonly lagMs?: number;
  /**
   * What a master reads of its log, and of snapshots, for all slaves that are not in sync: CATCH_UP_BYTES_PER_SECOND_MIN or
   * more, or 0, the default: as fast as it goes.
   */
  readonly catchUpBytesPerSecond?: number;
  /**
   * With flush async: what was written before this start is there still, for the machine has run since. Default false: after a
   * power cut some may be gone, and the replica does not count as one in sync before it has copied it again.
   */
  readonly intact?: boolean;
}

/** Intervals, ms; the defaults are those of the specification. */
export interface BrokerTimes {
  /** Between two full registrations at a NameServer. */
  readonly reportMs: number;
  /** Between two heartbeats, where the NameServer does not ask for another interval. */
  readonly heartbeatMs: number;
  /** How long another broker that vanished keeps its place in the routes. */
  readonly awayMs: number;
  /** Between two questions for the routes of the topics of groups. */
  readonly routePollMs: number;
}

export interface BrokerOptions {
  /** Names the broker in its cluster; one live store has it. */
  readonly name: string;
  /** Default `default`. */
  readonly cluster?: string;
  /** Where it stands, for consumers that read near by: a data centre, a rack. 255 bytes at most. Default: it does not say. */
  readonly zone?: string;
  /** Addresses; default none: a broker without NameServers serves who knows it. */
  readonly nameServers?: readonly string[];
  /** Where clients reach the broker. It registers once there is one: see `Broker.setEndpoints`. */
  readonly endpoints?: readonly EndpointInit[];
  /** Creates topics when clients ask for some that do not exist. Default false. */
  readonly createsTopics?: boolean;
  /** Queues of a new topic where nothing else is said. Default DEFAULT_QUEUES. */
  readonly defaultQueues?: number;
  /** `sync`: an acknowledged message is on stable storage. `async`: it is written, and synced soon. Default `sync`. */
  readonly flush?: 'sync' | 'async';
  readonly platform: Platform;
  readonly random: Random;
  /** Name and version, for logs. Default `qanat`. */
  readonly software?: string;
  readonly limits?: Partial<BrokerLimits>;
  readonly times?: Partial<BrokerTimes>;
  readonly session?: Partial<ServerSessionOptions>;
  /** Makes the broker ask who its clients are, and check what they may do. Default: it asks nobody. */
  readonly security?: ServerSecurity;
  /** Who the broker is at its NameServers, where these ask. Default: it does not say. */
  readonly credentials?: Credentials;
  readonly groups?: Partial<GroupOptions>;
  /** Makes the broker a replica of its group. Default: it is the only one. */
  readonly replication?: ReplicationOptions | undefined;
  /** Sizes of segments, cache and reserve; retention. */
  readonly log?: Partial<Omit<CommitLogOptions, 'platform' | 'flush' | 'newStoreId'>>;
}

/** Options with every default filled in. */
export interface BrokerSettings
  extends Required<Omit<BrokerOptions, 'limits' | 'times' | 'session' | 'security' | 'credentials' | 'replication'>> {
  readonly security?: ServerSecurity;
  readonly credentials?: Credentials;
  readonly replication?: Required<ReplicationOptions> | undefined;
  /** Number of this replica in its broker group; 0 where it is alone. */
  readonly replica: number;
  readonly limits: BrokerLimits;
  readonly times: BrokerTimes;
  readonly session: ServerSessionOptions;
}

/** @throws QanatError BAD_CONFIG that names the setting. */
export function brokerSettings(options: BrokerOptions): BrokerSettings {
  const settings: BrokerSettings = {
    ...options,
    replica: options.replication?.replica ?? 0,
    cluster: options.cluster ?? 'default',
    zone: options.zone ?? '',
    nameServers: options.nameServers ?? [],
    endpoints: options.endpoints ?? [],
    createsTopics: options.createsTopics ?? false,
    defaultQueues: options.defaultQueues ?? LIMITS.DEFAULT_QUEUES,
    flush: options.flush ?? 'sync',
    software: options.software ?? 'qanat',
    log: options.log ?? {},
    groups: options.groups ?? {},
    replication: replicationSettings(options.replication),
    session: { ...DEFAULT_SESSION_OPTIONS, ...options.session },
    limits: {
      batchBytesMax: LIMITS.BATCH_BYTES_MAX,
      topicsMax: LIMITS.TOPICS_PER_BROKER_MAX,
      producersMax: LIMITS.PRODUCERS_MAX,
      producerIdleMs: LIMITS.PRODUCER_IDLE_MS,
      stagedBytesMax: LIMITS.STAGED_BYTES_MAX,
      connectionsMax: LIMITS.CONNECTIONS_MAX,
      stateQueueBytesMax: LIMITS.STATE_QUEUE_BYTES_MAX,
      stateBytesMax: STATE_BYTES_TOTAL_MAX,
      ...options.limits,
    },
    times: {
      reportMs: LIMITS.BROKER_REPORT_MS,
      heartbeatMs: LIMITS.BROKER_HEARTBEAT_MS,
      awayMs: LIMITS.BROKER_AWAY_MS,
      routePollMs: LIMITS.ROUTE_POLL_MS,
      ...options.times,
    },
  };
  check(settings);
  return settings;
}

function replicationSettings(options: ReplicationOptions | undefined): Required<ReplicationOptions> | undefined {
  if (options === undefined) return undefined;
  const defaults = { minInSync: 1, lagMs: LIMITS.REPLICA_LAG_MS, catchUpBytesPerSecond: 0, intact: false } as const;
  return { role: 'master', mode: 'manual', ...defaults, ...options };
}

function bad(setting: string, why: string): never {
  throw new QanatError('BAD_CONFIG', `broker setting ${setting}: ${why}`, { outcome: 'not-sent' });
}

function check(settings: BrokerSettings): void {
  for (const setting of ['name', 'cluster'] as const) {
    const error = nameError(settings[setting], LIMITS.BROKER_NAME_BYTES_MAX);
    if (error !== undefined) bad(setting, error);
  }
  const { zone, defaultQueues, limits, session, endpoints } = settings;
  if (utf8Length(zone) > LIMITS.LABEL_BYTES_MAX) bad('zone', `at most ${LIMITS.LABEL_BYTES_MAX} bytes`);
  if (!Number.isInteger(defaultQueues) || defaultQueues < 1 || defaultQueues > LIMITS.QUEUES_PER_TOPIC_MAX) {
    bad('defaultQueues', `1 to ${LIMITS.QUEUES_PER_TOPIC_MAX} queues, not ${defaultQueues}`);
  }
  if (endpoints.length > LIMITS.ENDPOINTS_PER_BROKER_MAX) bad('endpoints', `at most ${LIMITS.ENDPOINTS_PER_BROKER_MAX}`);
  const fits = session.frameBytesMax - LIMITS.CONTROL_HEADER_BYTES_MAX;
  if (limits.batchBytesMax < BATCH_BYTES_LEAST) bad('limits.batchBytesMax', `every broker takes ${BATCH_BYTES_LEAST} bytes`);
  if (limits.batchBytesMax > fits) bad('limits.batchBytesMax', `a frame of ${session.frameBytesMax} bytes holds ${fits} at most`);
  for (const [name, value] of Object.entries({ ...settings.limits, ...settings.times })) {
    if (!(value > 0)) bad(name, `${value} is not above zero`);
  }
  checkLog(settings.log);
  if (settings.replication !== undefined) checkReplication(settings.replication, settings.nameServers.length);
}

function checkReplication(settings: Required<ReplicationOptions>, nameServers: number): void {
  const { replica, minInSync, lagMs, catchUpBytesPerSecond } = settings;
  const isNumber = Number.isInteger(replica) && replica >= 0 && replica < LIMITS.REPLICAS_MAX;
  if (!isNumber) bad('replication.replica', `a number from 0 to ${LIMITS.REPLICAS_MAX - 1}, not ${replica}`);
  if (!Number.isInteger(minInSync) || minInSync < 1 || minInSync > LIMITS.REPLICAS_MAX)
    bad('replication.minInSync', `1 to ${LIMITS.REPLICAS_MAX} replicas, not ${minInSync}`);
  if (!(lagMs >= LAG_MS_MIN)) bad('replication.lagMs', `${LAG_MS_MIN} ms or more, not ${lagMs}: a shorter pause is no lag`);
  if (catchUpBytesPerSecond !== 0 && !(catchUpBytesPerSecond >= CATCH_UP_BYTES_PER_SECOND_MIN))
    bad('replication.catchUpBytesPerSecond', `${CATCH_UP_BYTES_PER_SECOND_MIN} bytes or more, or 0: as fast as it goes`);
  if (nameServers === 0) bad('nameServers', 'a replica finds its master, and has its records, at NameServers: name one at least');
}

function checkLog(log: BrokerSettings['log']): void {
  for (const [name, value] of Object.entries(log)) {
    if (typeof value === 'number' && !(value >= 0)) bad(`log.${name}`, `${value} is not a number from 0 on`);
  }
  if (log.segmentBytes !== undefined && log.segmentBytes > SEGMENT_BYTES_MAX) {
    bad('log.segmentBytes', `${log.segmentBytes} bytes are more than ${SEGMENT_BYTES_MAX}`);
  }
}
