// Generated from spec/v1/proto by scripts/generate. Do not edit.

export interface Field {
  readonly number: number;
  readonly name: string;
  readonly kind: 'uint32' | 'uint64' | 'bool' | 'string' | 'bytes' | 'enum' | 'message';
  /** The message or enumeration that it holds. */
  readonly of?: string;
  readonly repeated?: true;
}

/** The fields of every message, by its name, in the order of their numbers. */
export const FIELDS: Readonly<Record<string, readonly Field[]>> = {
  ErrorInfo: [
    { number: 1, name: 'code', kind: 'uint32', of: 'ErrorCode' },
    { number: 2, name: 'message', kind: 'string' },
    { number: 3, name: 'retry_after_ms', kind: 'uint32' },
    { number: 4, name: 'expected_sequence', kind: 'uint32' },
  ],
  Hello: [
    { number: 1, name: 'minor', kind: 'uint32' },
    { number: 2, name: 'features', kind: 'uint32', repeated: true },
    { number: 3, name: 'required_features', kind: 'uint32', repeated: true },
    { number: 4, name: 'software', kind: 'string' },
    { number: 5, name: 'frame_bytes_max', kind: 'uint32' },
    { number: 6, name: 'idle_ms', kind: 'uint32' },
    { number: 7, name: 'label', kind: 'string' },
  ],
  HelloOk: [
    { number: 1, name: 'minor', kind: 'uint32' },
    { number: 2, name: 'features', kind: 'uint32', repeated: true },
    { number: 3, name: 'software', kind: 'string' },
    { number: 4, name: 'role', kind: 'enum', of: 'ServerRole' },
    { number: 5, name: 'name', kind: 'string' },
    { number: 6, name: 'store_id', kind: 'bytes' },
    { number: 7, name: 'term', kind: 'uint32' },
    { number: 8, name: 'frame_bytes_max', kind: 'uint32' },
    { number: 9, name: 'batch_bytes_max', kind: 'uint32' },
    { number: 10, name: 'in_flight_max', kind: 'uint32' },
    { number: 11, name: 'idle_ms', kind: 'uint32' },
    { number: 12, name: 'mechanisms', kind: 'uint32', repeated: true },
  ],
  Auth: [
    { number: 1, name: 'mechanism', kind: 'enum', of: 'AuthMechanism' },
    { number: 2, name: 'data', kind: 'bytes' },
  ],
  AuthOk: [
    { number: 1, name: 'data', kind: 'bytes' },
    { number: 2, name: 'done', kind: 'bool' },
    { number: 3, name: 'principal', kind: 'string' },
  ],
  Ping: [
  ],
  Pong: [
  ],
  GoAway: [
    { number: 1, name: 'code', kind: 'uint32', of: 'ErrorCode' },
    { number: 2, name: 'message', kind: 'string' },
    { number: 3, name: 'grace_ms', kind: 'uint32' },
  ],
  Endpoint: [
    { number: 1, name: 'listener', kind: 'string' },
    { number: 2, name: 'scheme', kind: 'string' },
    { number: 3, name: 'address', kind: 'string' },
  ],
  TopicShare: [
    { number: 1, name: 'topic', kind: 'string' },
    { number: 2, name: 'queues', kind: 'uint32' },
  ],
  RegisterBroker: [
    { number: 1, name: 'broker', kind: 'string' },
    { number: 2, name: 'cluster', kind: 'string' },
    { number: 3, name: 'store_id', kind: 'bytes' },
    { number: 4, name: 'term', kind: 'uint32' },
    { number: 5, name: 'revision', kind: 'uint64' },
    { number: 6, name: 'endpoints', kind: 'message', of: 'Endpoint', repeated: true },
    { number: 7, name: 'creates_topics', kind: 'bool' },
    { number: 8, name: 'software', kind: 'string' },
    { number: 9, name: 'topics', kind: 'message', of: 'TopicShare', repeated: true },
  ],
  RegisterBrokerOk: [
    { number: 1, name: 'heartbeat_ms', kind: 'uint32' },
    { number: 2, name: 'expiry_ms', kind: 'uint32' },
  ],
  UnregisterBroker: [
    { number: 1, name: 'broker', kind: 'string' },
    { number: 2, name: 'store_id', kind: 'bytes' },
  ],
  UnregisterBrokerOk: [
  ],
  BrokerHeartbeat: [
    { number: 1, name: 'broker', kind: 'string' },
    { number: 2, name: 'store_id', kind: 'bytes' },
    { number: 3, name: 'term', kind: 'uint32' },
    { number: 4, name: 'revision', kind: 'uint64' },
  ],
  BrokerHeartbeatOk: [
    { number: 1, name: 'register', kind: 'bool' },
  ],
  RouteQuery: [
    { number: 1, name: 'topics', kind: 'string', repeated: true },
    { number: 2, name: 'all', kind: 'bool' },
    { number: 3, name: 'watch', kind: 'bool' },
  ],
  Routes: [
    { number: 1, name: 'routes', kind: 'message', of: 'Route', repeated: true },
    { number: 2, name: 'brokers', kind: 'message', of: 'BrokerRoute', repeated: true },
  ],
  Route: [
    { number: 1, name: 'topic', kind: 'string' },
    { number: 2, name: 'code', kind: 'uint32' },
    { number: 3, name: 'shares', kind: 'message', of: 'BrokerShare', repeated: true },
  ],
  BrokerShare: [
    { number: 1, name: 'broker', kind: 'string' },
    { number: 2, name: 'queues', kind: 'uint32' },
  ],
  BrokerRoute: [
    { number: 1, name: 'broker', kind: 'string' },
    { number: 2, name: 'cluster', kind: 'string' },
    { number: 3, name: 'store_id', kind: 'bytes' },
    { number: 4, name: 'term', kind: 'uint32' },
    { number: 5, name: 'endpoints', kind: 'message', of: 'Endpoint', repeated: true },
    { number: 6, name: 'away', kind: 'bool' },
    { number: 7, name: 'creates_topics', kind: 'bool' },
  ],
  InitProducer: [
    { number: 1, name: 'name', kind: 'string' },
    { number: 2, name: 'producer_id', kind: 'uint64' },
    { number: 3, name: 'producer_group', kind: 'string' },
    { number: 4, name: 'epoch', kind: 'uint32' },
  ],
  InitProducerOk: [
    { number: 1, name: 'producer_id', kind: 'uint64' },
    { number: 2, name: 'epoch', kind: 'uint32' },
  ],
  Send: [
    { number: 1, name: 'topic', kind: 'string' },
    { number: 2, name: 'queue', kind: 'uint32' },
    { number: 3, name: 'ack', kind: 'enum', of: 'AckLevel' },
  ],
  SendOk: [
    { number: 1, name: 'base_offset', kind: 'uint64' },
    { number: 2, name: 'store_time_ms', kind: 'uint64' },
    { number: 3, name: 'duplicate', kind: 'bool' },
  ],
  Pull: [
    { number: 1, name: 'group', kind: 'string' },
    { number: 2, name: 'member', kind: 'string' },
    { number: 3, name: 'poll', kind: 'uint32' },
    { number: 4, name: 'wait_ms', kind: 'uint32' },
    { number: 5, name: 'max_bytes', kind: 'uint32' },
    { number: 6, name: 'topics', kind: 'message', of: 'PullTopic', repeated: true },
  ],
  PullTopic: [
    { number: 1, name: 'topic', kind: 'string' },
    { number: 2, name: 'filter', kind: 'string' },
    { number: 3, name: 'queues', kind: 'message', of: 'PullQueue', repeated: true },
  ],
  PullQueue: [
    { number: 1, name: 'queue', kind: 'uint32' },
    { number: 2, name: 'offset', kind: 'uint64' },
    { number: 3, name: 'lease_epoch', kind: 'uint64' },
    { number: 4, name: 'max_bytes', kind: 'uint32' },
  ],
  PullOk: [
    { number: 1, name: 'results', kind: 'message', of: 'PullResult', repeated: true },
  ],
  PullResult: [
    { number: 1, name: 'topic', kind: 'string' },
    { number: 2, name: 'queue', kind: 'uint32' },
    { number: 3, name: 'code', kind: 'uint32' },
    { number: 4, name: 'next_offset', kind: 'uint64' },
    { number: 5, name: 'high_watermark', kind: 'uint64' },
    { number: 6, name: 'oldest_offset', kind: 'uint64' },
    { number: 7, name: 'bytes', kind: 'uint32' },
  ],
  OffsetCommit: [
    { number: 1, name: 'group', kind: 'string' },
    { number: 2, name: 'member', kind: 'string' },
    { number: 3, name: 'offsets', kind: 'message', of: 'QueueOffset', repeated: true },
    { number: 4, name: 'kind', kind: 'enum', of: 'GroupKind' },
  ],
  QueueOffset: [
    { number: 1, name: 'topic', kind: 'string' },
    { number: 2, name: 'queue', kind: 'uint32' },
    { number: 3, name: 'offset', kind: 'uint64' },
    { number: 4, name: 'lease_epoch', kind: 'uint64' },
  ],
  OffsetCommitOk: [
    { number: 1, name: 'results', kind: 'message', of: 'QueueCode', repeated: true },
  ],
  QueueCode: [
    { number: 1, name: 'topic', kind: 'string' },
    { number: 2, name: 'queue', kind: 'uint32' },
    { number: 3, name: 'code', kind: 'uint32' },
  ],
  OffsetFetch: [
    { number: 1, name: 'group', kind: 'string' },
    { number: 2, name: 'queues', kind: 'message', of: 'QueueRef', repeated: true },
  ],
  QueueRef: [
    { number: 1, name: 'topic', kind: 'string' },
    { number: 2, name: 'queue', kind: 'uint32' },
  ],
  OffsetFetchOk: [
    { number: 1, name: 'offsets', kind: 'message', of: 'FetchedOffset', repeated: true },
  ],
  FetchedOffset: [
    { number: 1, name: 'topic', kind: 'string' },
    { number: 2, name: 'queue', kind: 'uint32' },
    { number: 3, name: 'code', kind: 'uint32' },
    { number: 4, name: 'committed', kind: 'bool' },
    { number: 5, name: 'offset', kind: 'uint64' },
  ],
  OffsetLookup: [
    { number: 1, name: 'queues', kind: 'message', of: 'LookupQueue', repeated: true },
  ],
  LookupQueue: [
    { number: 1, name: 'topic', kind: 'string' },
    { number: 2, name: 'queue', kind: 'uint32' },
    { number: 3, name: 'position', kind: 'enum', of: 'Position' },
    { number: 4, name: 'time_ms', kind: 'uint64' },
  ],
  OffsetLookupOk: [
    { number: 1, name: 'offsets', kind: 'message', of: 'LookedUpOffset', repeated: true },
  ],
  LookedUpOffset: [
    { number: 1, name: 'topic', kind: 'string' },
    { number: 2, name: 'queue', kind: 'uint32' },
    { number: 3, name: 'code', kind: 'uint32' },
    { number: 4, name: 'offset', kind: 'uint64' },
  ],
  Subscription: [
    { number: 1, name: 'kind', kind: 'enum', of: 'GroupKind' },
    { number: 2, name: 'strategy', kind: 'enum', of: 'Strategy' },
    { number: 3, name: 'version', kind: 'uint32' },
    { number: 4, name: 'topics', kind: 'message', of: 'TopicFilter', repeated: true },
    { number: 5, name: 'from', kind: 'enum', of: 'Position' },
    { number: 6, name: 'from_time_ms', kind: 'uint64' },
  ],
  TopicFilter: [
    { number: 1, name: 'topic', kind: 'string' },
    { number: 2, name: 'filter', kind: 'string' },
  ],
  ClientHeartbeat: [
    { number: 1, name: 'group', kind: 'string' },
    { number: 2, name: 'member', kind: 'string' },
    { number: 3, name: 'label', kind: 'string' },
    { number: 4, name: 'generation', kind: 'uint64' },
    { number: 5, name: 'revision', kind: 'uint32' },
    { number: 6, name: 'subscription', kind: 'message', of: 'Subscription' },
    { number: 7, name: 'joined_ago_ms', kind: 'uint64' },
    { number: 8, name: 'session_ms', kind: 'uint32' },
  ],
  ClientHeartbeatOk: [
    { number: 1, name: 'generation', kind: 'uint64' },
    { number: 2, name: 'want_subscription', kind: 'bool' },
    { number: 3, name: 'heartbeat_ms', kind: 'uint32' },
    { number: 4, name: 'session_ms', kind: 'uint32' },
    { number: 5, name: 'assignment', kind: 'message', of: 'Assignment' },
  ],
  Assignment: [
    { number: 1, name: 'group', kind: 'string' },
    { number: 2, name: 'member', kind: 'string' },
    { number: 3, name: 'generation', kind: 'uint64' },
    { number: 4, name: 'members', kind: 'uint32' },
    { number: 5, name: 'queues', kind: 'uint32' },
    { number: 6, name: 'leases', kind: 'message', of: 'Lease', repeated: true },
    { number: 7, name: 'idle', kind: 'bool' },
  ],
  Lease: [
    { number: 1, name: 'topic', kind: 'string' },
    { number: 2, name: 'queue', kind: 'uint32' },
    { number: 3, name: 'epoch', kind: 'uint64' },
    { number: 4, name: 'start_offset', kind: 'uint64' },
    { number: 5, name: 'state', kind: 'enum', of: 'LeaseState' },
  ],
  Release: [
    { number: 1, name: 'group', kind: 'string' },
    { number: 2, name: 'member', kind: 'string' },
    { number: 3, name: 'offsets', kind: 'message', of: 'QueueOffset', repeated: true },
  ],
  ReleaseOk: [
    { number: 1, name: 'results', kind: 'message', of: 'QueueCode', repeated: true },
  ],
  Leave: [
    { number: 1, name: 'group', kind: 'string' },
    { number: 2, name: 'member', kind: 'string' },
    { number: 3, name: 'offsets', kind: 'message', of: 'QueueOffset', repeated: true },
  ],
  LeaveOk: [
    { number: 1, name: 'results', kind: 'message', of: 'QueueCode', repeated: true },
  ],
  TopicCreate: [
    { number: 1, name: 'topic', kind: 'string' },
    { number: 2, name: 'queues', kind: 'uint32' },
    { number: 3, name: 'on_demand', kind: 'bool' },
  ],
  TopicCreateOk: [
    { number: 1, name: 'queues', kind: 'uint32' },
    { number: 2, name: 'existed', kind: 'bool' },
  ],
  TopicAlter: [
    { number: 1, name: 'topic', kind: 'string' },
    { number: 2, name: 'queues', kind: 'uint32' },
  ],
  TopicAlterOk: [
    { number: 1, name: 'queues', kind: 'uint32' },
  ],
  TopicRemove: [
    { number: 1, name: 'topic', kind: 'string' },
  ],
  TopicRemoveOk: [
  ],
  TopicList: [
  ],
  TopicListOk: [
    { number: 1, name: 'topics', kind: 'message', of: 'TopicShare', repeated: true },
  ],
  TopicDescribe: [
    { number: 1, name: 'topic', kind: 'string' },
  ],
  TopicDescribeOk: [
    { number: 1, name: 'queues', kind: 'message', of: 'QueueDescription', repeated: true },
  ],
  QueueDescription: [
    { number: 1, name: 'queue', kind: 'uint32' },
    { number: 2, name: 'oldest_offset', kind: 'uint64' },
    { number: 3, name: 'high_watermark', kind: 'uint64' },
    { number: 4, name: 'last_store_time_ms', kind: 'uint64' },
  ],
  GroupList: [
  ],
  GroupListOk: [
    { number: 1, name: 'groups', kind: 'message', of: 'GroupSummary', repeated: true },
  ],
  GroupSummary: [
    { number: 1, name: 'group', kind: 'string' },
    { number: 2, name: 'kind', kind: 'enum', of: 'GroupKind' },
    { number: 3, name: 'members', kind: 'uint32' },
    { number: 4, name: 'lag', kind: 'uint64' },
  ],
  GroupDescribe: [
    { number: 1, name: 'group', kind: 'string' },
  ],
  GroupDescribeOk: [
    { number: 1, name: 'kind', kind: 'enum', of: 'GroupKind' },
    { number: 2, name: 'subscription', kind: 'message', of: 'Subscription' },
    { number: 3, name: 'members', kind: 'message', of: 'MemberDescription', repeated: true },
    { number: 4, name: 'queues', kind: 'message', of: 'GroupQueue', repeated: true },
  ],
  MemberDescription: [
    { number: 1, name: 'member', kind: 'string' },
    { number: 2, name: 'label', kind: 'string' },
    { number: 3, name: 'heard_ago_ms', kind: 'uint64' },
    { number: 4, name: 'generation', kind: 'uint64' },
    { number: 5, name: 'idle', kind: 'bool' },
    { number: 6, name: 'address', kind: 'string' },
  ],
  GroupQueue: [
    { number: 1, name: 'topic', kind: 'string' },
    { number: 2, name: 'queue', kind: 'uint32' },
    { number: 3, name: 'committed', kind: 'bool' },
    { number: 4, name: 'offset', kind: 'uint64' },
    { number: 5, name: 'high_watermark', kind: 'uint64' },
    { number: 6, name: 'oldest_offset', kind: 'uint64' },
    { number: 7, name: 'member', kind: 'string' },
    { number: 8, name: 'epoch', kind: 'uint64' },
    { number: 9, name: 'state', kind: 'enum', of: 'LeaseState' },
  ],
  GroupReset: [
    { number: 1, name: 'group', kind: 'string' },
    { number: 2, name: 'queues', kind: 'message', of: 'ResetQueue', repeated: true },
    { number: 3, name: 'to', kind: 'enum', of: 'Position' },
    { number: 4, name: 'to_value', kind: 'uint64' },
    { number: 5, name: 'dry_run', kind: 'bool' },
  ],
  ResetQueue: [
    { number: 1, name: 'topic', kind: 'string' },
    { number: 2, name: 'queues', kind: 'uint32', repeated: true },
  ],
  GroupResetOk: [
    { number: 1, name: 'results', kind: 'message', of: 'ResetResult', repeated: true },
  ],
  ResetResult: [
    { number: 1, name: 'topic', kind: 'string' },
    { number: 2, name: 'queue', kind: 'uint32' },
    { number: 3, name: 'code', kind: 'uint32' },
    { number: 4, name: 'had_offset', kind: 'bool' },
    { number: 5, name: 'from_offset', kind: 'uint64' },
    { number: 6, name: 'to_offset', kind: 'uint64' },
  ],
  StateRecord: [
    { number: 1, name: 'term_started', kind: 'message', of: 'TermStarted' },
    { number: 2, name: 'topic_changed', kind: 'message', of: 'TopicChanged' },
    { number: 3, name: 'topic_removed', kind: 'message', of: 'TopicRemoved' },
    { number: 4, name: 'group_changed', kind: 'message', of: 'GroupChanged' },
    { number: 5, name: 'lease_granted', kind: 'message', of: 'LeaseGranted' },
    { number: 6, name: 'lease_ended', kind: 'message', of: 'LeaseEnded' },
    { number: 7, name: 'offsets_committed', kind: 'message', of: 'OffsetsCommitted' },
    { number: 8, name: 'producer_named', kind: 'message', of: 'ProducerNamed' },
  ],
  TermStarted: [
    { number: 1, name: 'term', kind: 'uint32' },
    { number: 2, name: 'store_id', kind: 'bytes' },
  ],
  TopicChanged: [
    { number: 1, name: 'topic_id', kind: 'uint32' },
    { number: 2, name: 'topic', kind: 'string' },
    { number: 3, name: 'queues', kind: 'uint32' },
  ],
  TopicRemoved: [
    { number: 1, name: 'topic_id', kind: 'uint32' },
  ],
  GroupChanged: [
    { number: 1, name: 'group', kind: 'string' },
    { number: 2, name: 'subscription', kind: 'message', of: 'Subscription' },
    { number: 3, name: 'kind', kind: 'enum', of: 'GroupKind' },
  ],
  LeaseGranted: [
    { number: 1, name: 'group', kind: 'string' },
    { number: 2, name: 'topic_id', kind: 'uint32' },
    { number: 3, name: 'queue', kind: 'uint32' },
    { number: 4, name: 'member', kind: 'string' },
    { number: 5, name: 'epoch', kind: 'uint64' },
    { number: 6, name: 'start_offset', kind: 'uint64' },
    { number: 7, name: 'label', kind: 'string' },
  ],
  LeaseEnded: [
    { number: 1, name: 'group', kind: 'string' },
    { number: 2, name: 'topic_id', kind: 'uint32' },
    { number: 3, name: 'queue', kind: 'uint32' },
    { number: 4, name: 'epoch', kind: 'uint64' },
  ],
  OffsetsCommitted: [
    { number: 1, name: 'group', kind: 'string' },
    { number: 2, name: 'offsets', kind: 'message', of: 'CommittedOffset', repeated: true },
    { number: 3, name: 'reset', kind: 'bool' },
  ],
  CommittedOffset: [
    { number: 1, name: 'topic_id', kind: 'uint32' },
    { number: 2, name: 'queue', kind: 'uint32' },
    { number: 3, name: 'offset', kind: 'uint64' },
  ],
  ProducerNamed: [
    { number: 1, name: 'name', kind: 'string' },
    { number: 2, name: 'producer_id', kind: 'uint64' },
    { number: 3, name: 'epoch', kind: 'uint32' },
    { number: 4, name: 'principal', kind: 'string' },
  ],
  Snapshot: [
    { number: 1, name: 'position', kind: 'uint64' },
    { number: 2, name: 'chain', kind: 'uint32' },
    { number: 3, name: 'term', kind: 'uint32' },
    { number: 4, name: 'store_id', kind: 'bytes' },
    { number: 5, name: 'next_topic_id', kind: 'uint32' },
    { number: 6, name: 'topics', kind: 'message', of: 'TopicState', repeated: true },
    { number: 7, name: 'groups', kind: 'message', of: 'GroupState', repeated: true },
    { number: 8, name: 'producers', kind: 'message', of: 'ProducerState', repeated: true },
    { number: 9, name: 'names', kind: 'message', of: 'ProducerNamed', repeated: true },
    { number: 10, name: 'store_time_ms', kind: 'uint64' },
    { number: 11, name: 'producer_counter', kind: 'uint64' },
    { number: 12, name: 'epoch_counter', kind: 'uint64' },
  ],
  TopicState: [
    { number: 1, name: 'topic_id', kind: 'uint32' },
    { number: 2, name: 'topic', kind: 'string' },
    { number: 3, name: 'queues', kind: 'message', of: 'QueueState', repeated: true },
  ],
  QueueState: [
    { number: 1, name: 'next_offset', kind: 'uint64' },
    { number: 2, name: 'oldest_offset', kind: 'uint64' },
    { number: 3, name: 'last_store_time_ms', kind: 'uint64' },
  ],
  GroupState: [
    { number: 1, name: 'group', kind: 'string' },
    { number: 2, name: 'subscription', kind: 'message', of: 'Subscription' },
    { number: 3, name: 'offsets', kind: 'message', of: 'CommittedOffset', repeated: true },
    { number: 4, name: 'leases', kind: 'message', of: 'LeaseGranted', repeated: true },
    { number: 5, name: 'kind', kind: 'enum', of: 'GroupKind' },
  ],
  ProducerState: [
    { number: 1, name: 'producer_id', kind: 'uint64' },
    { number: 2, name: 'epoch', kind: 'uint32' },
    { number: 3, name: 'last_used_ms', kind: 'uint64' },
    { number: 4, name: 'queues', kind: 'message', of: 'ProducerQueue', repeated: true },
  ],
  ProducerQueue: [
    { number: 1, name: 'topic_id', kind: 'uint32' },
    { number: 2, name: 'queue', kind: 'uint32' },
    { number: 3, name: 'next_sequence', kind: 'uint32' },
    { number: 4, name: 'batches', kind: 'message', of: 'ProducerBatch', repeated: true },
  ],
  ProducerBatch: [
    { number: 1, name: 'base_sequence', kind: 'uint32' },
    { number: 2, name: 'count', kind: 'uint32' },
    { number: 3, name: 'body_checksum', kind: 'uint32' },
    { number: 4, name: 'base_offset', kind: 'uint64' },
    { number: 5, name: 'store_time_ms', kind: 'uint64' },
  ],
};

/** The names of the values of every enumeration. */
export const VALUE_NAMES: Readonly<Record<string, ReadonlyMap<number, string>>> = {
  ServerRole: new Map([
    [0, 'NAMESERVER'],
    [1, 'BROKER'],
  ]),
  ErrorCode: new Map([
    [0, 'OK'],
    [1001, 'MALFORMED_FRAME'],
    [1002, 'FRAME_TOO_LARGE'],
    [1003, 'UNSUPPORTED_VERSION'],
    [1004, 'HELLO_EXPECTED'],
    [1005, 'HELLO_TIMEOUT'],
    [1006, 'IDLE_TIMEOUT'],
    [1007, 'UNEXPECTED_FRAME'],
    [1008, 'SLOW_READER'],
    [1009, 'TOO_MANY_CONNECTIONS'],
    [1010, 'AUTH_TIMEOUT'],
    [2001, 'WRONG_BROKER'],
    [2002, 'NOT_MASTER'],
    [3001, 'TOO_MANY_REQUESTS'],
    [3002, 'BROKER_BUSY'],
    [4001, 'INVALID_ARGUMENT'],
    [4002, 'UNSUPPORTED_FRAME'],
    [4003, 'UNSUPPORTED_FEATURE'],
    [4004, 'INVALID_NAME'],
    [4005, 'TOPIC_NOT_FOUND'],
    [4006, 'QUEUE_NOT_FOUND'],
    [4007, 'TOPIC_EXISTS'],
    [4008, 'GROUP_NOT_FOUND'],
    [4009, 'OFFSET_OUT_OF_RANGE'],
    [4010, 'INVALID_BATCH'],
    [4011, 'BATCH_TOO_LARGE'],
    [4012, 'SEQUENCE_CONFLICT'],
    [4013, 'SEQUENCE_GAP'],
    [4014, 'SUBSCRIPTION_CONFLICT'],
    [4015, 'GROUP_KIND_CONFLICT'],
    [4016, 'NAME_IN_USE'],
    [4017, 'LIMIT_EXCEEDED'],
    [4018, 'CREATION_DISABLED'],
    [5001, 'NOT_READY'],
    [5002, 'SHUTTING_DOWN'],
    [5003, 'DISK_FULL'],
    [5004, 'STORAGE_REJECTED'],
    [6001, 'STORAGE_FAILED'],
    [6002, 'OUTCOME_UNKNOWN'],
    [7001, 'UNAUTHENTICATED'],
    [7002, 'FORBIDDEN'],
    [7003, 'AUTH_FAILED'],
    [8001, 'LEASE_FENCED'],
    [8002, 'PRODUCER_FENCED'],
    [8003, 'UNKNOWN_PRODUCER'],
    [8004, 'UNKNOWN_MEMBER'],
    [8005, 'TERM_FENCED'],
  ]),
  AuthMechanism: new Map([
    [0, 'AUTH_NONE'],
    [1, 'SCRAM_SHA_256'],
    [2, 'EXTERNAL'],
  ]),
  AckLevel: new Map([
    [0, 'ACK_COMMITTED'],
    [1, 'ACK_LEADER'],
    [2, 'ACK_NONE'],
  ]),
  GroupKind: new Map([
    [0, 'ASSIGNED'],
    [1, 'FREE'],
    [2, 'SHARED'],
  ]),
  Strategy: new Map([
    [0, 'AVERAGELY'],
    [1, 'CIRCLE'],
    [2, 'STICKY'],
  ]),
  Position: new Map([
    [0, 'FIRST'],
    [1, 'LAST'],
    [2, 'AT_TIME'],
    [3, 'AT_OFFSET'],
  ]),
  LeaseState: new Map([
    [0, 'HELD'],
    [1, 'RELEASING'],
  ]),
};
