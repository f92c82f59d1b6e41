// Generated from spec/v1/proto by scripts/generate. Do not edit.

/** Frame types that have a number and nothing else. */
export const RESERVED_FRAMES: readonly string[] = ['CANCEL', 'ACK', 'NACK'];

/** Numbers of the frame types. */
export const FrameType = {
  /** Negotiates version, features and limits; the first frame of every connection. */
  HELLO: 0x0001,
  /** Authenticates the connection, in one or two exchanges; with the feature AUTH, between HELLO and everything else. */
  AUTH: 0x0002,
  /** Asks the peer whether it is there. */
  PING: 0x0003,
  /** Announces that the sender will close: no new requests. */
  GOAWAY: 0x0004,
  /** Withdraws a request. The number is reserved. */
  CANCEL: 0x0005,
  /** A broker tells a NameServer who it is, where it listens and which topics it has. */
  REGISTER_BROKER: 0x0101,
  /** A broker leaves on purpose. */
  UNREGISTER_BROKER: 0x0102,
  /** A broker is alive; the registration is named by its revision, not repeated. */
  BROKER_HEARTBEAT: 0x0103,
  /** Asks for the routes of topics, and watches them where asked to. */
  ROUTE_QUERY: 0x0104,
  /** The new state of watched routes. */
  ROUTE_UPDATE: 0x0105,
  /** Asks for a producer id, or takes one over on a new connection. */
  INIT_PRODUCER: 0x0201,
  /** Stores one record batch in one queue. One-way when the acknowledgement asked for is NONE. */
  SEND: 0x0202,
  /** Reads record batches from one or more queues; waits for the first where nothing is there. */
  PULL: 0x0301,
  /** Stores how far a group has come. */
  OFFSET_COMMIT: 0x0302,
  /** Asks how far a group has come. */
  OFFSET_FETCH: 0x0303,
  /** Asks for the first, the last or an offset by time. */
  OFFSET_LOOKUP: 0x0304,
  /** Acknowledges one message of a shared queue. The number is reserved. */
  ACK: 0x0305,
  /** Gives one message of a shared queue back. The number is reserved. */
  NACK: 0x0306,
  /** A group member is alive, and says what it subscribes to when that is new. */
  CLIENT_HEARTBEAT: 0x0401,
  /** The whole of what a member holds at this broker. */
  ASSIGNMENT: 0x0402,
  /** A member gives queues back, with its final offsets. */
  RELEASE: 0x0403,
  /** A member leaves its group on purpose, and gives everything back. */
  LEAVE: 0x0404,
  /** A slave pulls the log of its master, and says how far it has stored it. */
  REPLICATE: 0x0501,
  /** Reads a snapshot of the master's state, for a slave whose log begins behind the oldest entry. */
  SNAPSHOT_READ: 0x0502,
  /** Makes a slave the master of its group, in a term of its own. */
  PROMOTE: 0x0503,
  /** Makes a master a slave, which waits for the next master. */
  DEMOTE: 0x0504,
  /** Tells the role, the term, the log and the in-sync set of a broker. */
  BROKER_DESCRIBE: 0x0505,
  /** A master has its in-sync set on record at a NameServer. */
  RECORD_PUT: 0x0506,
  /** Asks a NameServer for the record of a broker group. */
  RECORD_GET: 0x0507,
  /** Creates a topic at this broker. */
  TOPIC_CREATE: 0x0601,
  /** Adds queues to a topic at this broker. */
  TOPIC_ALTER: 0x0602,
  /** Removes a topic and its messages from this broker. */
  TOPIC_REMOVE: 0x0603,
  /** Lists the topics of this broker. */
  TOPIC_LIST: 0x0604,
  /** Tells the offsets of a topic's queues at this broker. */
  TOPIC_DESCRIBE: 0x0605,
  /** Lists the groups that this broker knows. */
  GROUP_LIST: 0x0611,
  /** Tells members, leases and offsets of a group at this broker. */
  GROUP_DESCRIBE: 0x0612,
  /** Moves the committed offsets of a group. */
  GROUP_RESET: 0x0613,
  /** Writes and removes entries of a queue's keyed state: all of them or none. */
  STATE_WRITE: 0x0701,
  /** Reads entries of a queue's keyed state by their keys. */
  STATE_GET: 0x0702,
  /** Reads entries of a queue's keyed state in the order of their keys, or what has changed; waits for a change where asked to. */
  STATE_SCAN: 0x0703,
} as const;
export type FrameType = (typeof FrameType)[keyof typeof FrameType];

/** Every frame type of the schema, by name. Reserved ones have a number and nothing else. */
export const FRAMES = {
  HELLO: { type: 1, request: 'Hello', response: 'HelloOk', from: 'client', at: 'any', payload: '', more: '', idempotent: false, feature: '', reserved: false, since: '1.0', access: 'open' },
  AUTH: { type: 2, request: 'Auth', response: 'AuthOk', from: 'client', at: 'any', payload: '', more: '', idempotent: false, feature: 'FEATURE_AUTH', reserved: false, since: '1.1', access: 'open' },
  PING: { type: 3, request: 'Ping', response: 'Pong', from: 'any', at: 'any', payload: '', more: '', idempotent: true, feature: '', reserved: false, since: '1.0', access: 'open' },
  GOAWAY: { type: 4, request: 'GoAway', response: '', from: 'any', at: 'any', payload: '', more: '', idempotent: true, feature: '', reserved: false, since: '1.0', access: 'open' },
  CANCEL: { type: 5, request: '', response: '', from: '', at: '', payload: '', more: '', idempotent: false, feature: '', reserved: true, since: '1.0', access: '' },
  REGISTER_BROKER: { type: 257, request: 'RegisterBroker', response: 'RegisterBrokerOk', from: 'client', at: 'nameserver', payload: '', more: 'request', idempotent: true, feature: '', reserved: false, since: '1.0', access: 'role broker' },
  UNREGISTER_BROKER: { type: 258, request: 'UnregisterBroker', response: 'UnregisterBrokerOk', from: 'client', at: 'nameserver', payload: '', more: '', idempotent: true, feature: '', reserved: false, since: '1.0', access: 'role broker' },
  BROKER_HEARTBEAT: { type: 259, request: 'BrokerHeartbeat', response: 'BrokerHeartbeatOk', from: 'client', at: 'nameserver', payload: '', more: '', idempotent: true, feature: '', reserved: false, since: '1.0', access: 'role broker' },
  ROUTE_QUERY: { type: 260, request: 'RouteQuery', response: 'Routes', from: 'client', at: 'nameserver', payload: '', more: 'response', idempotent: true, feature: '', reserved: false, since: '1.0', access: 'any' },
  ROUTE_UPDATE: { type: 261, request: 'Routes', response: '', from: 'server', at: 'client', payload: '', more: 'request', idempotent: true, feature: '', reserved: false, since: '1.0', access: '-' },
  INIT_PRODUCER: { type: 513, request: 'InitProducer', response: 'InitProducerOk', from: 'client', at: 'broker', payload: '', more: '', idempotent: false, feature: '', reserved: false, since: '1.0', access: 'role client' },
  SEND: { type: 514, request: 'Send', response: 'SendOk', from: 'client', at: 'broker', payload: 'one record batch', more: '', idempotent: false, feature: '', reserved: false, since: '1.0', access: 'write topic' },
  PULL: { type: 769, request: 'Pull', response: 'PullOk', from: 'client', at: 'broker', payload: 'response: record batches, in the order of the results', more: '', idempotent: true, feature: '', reserved: false, since: '1.0', access: 'read topic, read group' },
  OFFSET_COMMIT: { type: 770, request: 'OffsetCommit', response: 'OffsetCommitOk', from: 'client', at: 'broker', payload: '', more: '', idempotent: true, feature: '', reserved: false, since: '1.0', access: 'read topic, read group' },
  OFFSET_FETCH: { type: 771, request: 'OffsetFetch', response: 'OffsetFetchOk', from: 'client', at: 'broker', payload: '', more: '', idempotent: true, feature: '', reserved: false, since: '1.0', access: 'describe group' },
  OFFSET_LOOKUP: { type: 772, request: 'OffsetLookup', response: 'OffsetLookupOk', from: 'client', at: 'broker', payload: '', more: '', idempotent: true, feature: '', reserved: false, since: '1.0', access: 'describe topic' },
  ACK: { type: 773, request: '', response: '', from: '', at: '', payload: '', more: '', idempotent: false, feature: '', reserved: true, since: '1.0', access: '' },
  NACK: { type: 774, request: '', response: '', from: '', at: '', payload: '', more: '', idempotent: false, feature: '', reserved: true, since: '1.0', access: '' },
  CLIENT_HEARTBEAT: { type: 1025, request: 'ClientHeartbeat', response: 'ClientHeartbeatOk', from: 'client', at: 'broker', payload: '', more: 'response', idempotent: true, feature: '', reserved: false, since: '1.0', access: 'read topic, read group' },
  ASSIGNMENT: { type: 1026, request: 'Assignment', response: '', from: 'server', at: 'client', payload: '', more: 'request', idempotent: true, feature: '', reserved: false, since: '1.0', access: '-' },
  RELEASE: { type: 1027, request: 'Release', response: 'ReleaseOk', from: 'client', at: 'broker', payload: '', more: '', idempotent: true, feature: '', reserved: false, since: '1.0', access: 'read group' },
  LEAVE: { type: 1028, request: 'Leave', response: 'LeaveOk', from: 'client', at: 'broker', payload: '', more: '', idempotent: true, feature: '', reserved: false, since: '1.0', access: 'read group' },
  REPLICATE: { type: 1281, request: 'Replicate', response: 'ReplicateOk', from: 'client', at: 'broker', payload: 'response: whole log entries, from the position asked for', more: '', idempotent: true, feature: 'FEATURE_REPLICATION', reserved: false, since: '1.3', access: 'role replica' },
  SNAPSHOT_READ: { type: 1282, request: 'SnapshotRead', response: 'SnapshotReadOk', from: 'client', at: 'broker', payload: 'response: bytes of the snapshot', more: '', idempotent: true, feature: 'FEATURE_REPLICATION', reserved: false, since: '1.3', access: 'role replica' },
  PROMOTE: { type: 1283, request: 'Promote', response: 'PromoteOk', from: 'client', at: 'broker', payload: '', more: '', idempotent: false, feature: 'FEATURE_REPLICATION', reserved: false, since: '1.3', access: 'role admin' },
  DEMOTE: { type: 1284, request: 'Demote', response: 'DemoteOk', from: 'client', at: 'broker', payload: '', more: '', idempotent: true, feature: 'FEATURE_REPLICATION', reserved: false, since: '1.3', access: 'role admin' },
  BROKER_DESCRIBE: { type: 1285, request: 'BrokerDescribe', response: 'BrokerDescribeOk', from: 'client', at: 'broker', payload: '', more: '', idempotent: true, feature: 'FEATURE_REPLICATION', reserved: false, since: '1.3', access: 'describe cluster' },
  RECORD_PUT: { type: 1286, request: 'RecordPut', response: 'RecordPutOk', from: 'client', at: 'nameserver', payload: '', more: '', idempotent: true, feature: 'FEATURE_REPLICATION', reserved: false, since: '1.3', access: 'role broker' },
  RECORD_GET: { type: 1287, request: 'RecordGet', response: 'RecordGetOk', from: 'client', at: 'nameserver', payload: '', more: '', idempotent: true, feature: 'FEATURE_REPLICATION', reserved: false, since: '1.3', access: 'role broker' },
  TOPIC_CREATE: { type: 1537, request: 'TopicCreate', response: 'TopicCreateOk', from: 'client', at: 'broker', payload: '', more: '', idempotent: false, feature: '', reserved: false, since: '1.0', access: 'create topic' },
  TOPIC_ALTER: { type: 1538, request: 'TopicAlter', response: 'TopicAlterOk', from: 'client', at: 'broker', payload: '', more: '', idempotent: true, feature: '', reserved: false, since: '1.0', access: 'role admin' },
  TOPIC_REMOVE: { type: 1539, request: 'TopicRemove', response: 'TopicRemoveOk', from: 'client', at: 'broker', payload: '', more: '', idempotent: false, feature: '', reserved: false, since: '1.0', access: 'role admin' },
  TOPIC_LIST: { type: 1540, request: 'TopicList', response: 'TopicListOk', from: 'client', at: 'broker', payload: '', more: 'response', idempotent: true, feature: '', reserved: false, since: '1.0', access: 'describe cluster' },
  TOPIC_DESCRIBE: { type: 1541, request: 'TopicDescribe', response: 'TopicDescribeOk', from: 'client', at: 'broker', payload: '', more: 'response', idempotent: true, feature: '', reserved: false, since: '1.0', access: 'describe topic' },
  GROUP_LIST: { type: 1553, request: 'GroupList', response: 'GroupListOk', from: 'client', at: 'broker', payload: '', more: 'response', idempotent: true, feature: '', reserved: false, since: '1.0', access: 'describe cluster' },
  GROUP_DESCRIBE: { type: 1554, request: 'GroupDescribe', response: 'GroupDescribeOk', from: 'client', at: 'broker', payload: '', more: 'response', idempotent: true, feature: '', reserved: false, since: '1.0', access: 'describe group' },
  GROUP_RESET: { type: 1555, request: 'GroupReset', response: 'GroupResetOk', from: 'client', at: 'broker', payload: '', more: 'response', idempotent: false, feature: '', reserved: false, since: '1.0', access: 'role admin' },
  STATE_WRITE: { type: 1793, request: 'StateWrite', response: 'StateWriteOk', from: 'client', at: 'broker', payload: 'request: state entries', more: '', idempotent: false, feature: 'FEATURE_KEYED_STATE', reserved: false, since: '1.2', access: 'write topic' },
  STATE_GET: { type: 1794, request: 'StateGet', response: 'StateGetOk', from: 'client', at: 'broker', payload: 'state entries, both ways', more: '', idempotent: true, feature: 'FEATURE_KEYED_STATE', reserved: false, since: '1.2', access: 'read topic' },
  STATE_SCAN: { type: 1795, request: 'StateScan', response: 'StateScanOk', from: 'client', at: 'broker', payload: 'response: state entries', more: '', idempotent: true, feature: 'FEATURE_KEYED_STATE', reserved: false, since: '1.2', access: 'read topic' },
} as const;
export type FrameName = keyof typeof FRAMES;

/** Every error code that has a number on the wire, by name; the thousand is its class. */
export const WIRE_ERRORS = {
  /** no error */
  OK: { number: 0, hint: '', closes: false },
  /** the bytes do not make a frame of this protocol */
  MALFORMED_FRAME: { number: 1001, hint: 'the peer is broken or is not a Qanat peer', closes: true },
  /** the frame is longer than the limit in force */
  FRAME_TOO_LARGE: { number: 1002, hint: 'send smaller batches, or raise the limit at the server', closes: true },
  /** no version in common */
  UNSUPPORTED_VERSION: { number: 1003, hint: 'use a client of the server\'s major version', closes: true },
  /** a frame came before HELLO */
  HELLO_EXPECTED: { number: 1004, hint: 'begin every connection with HELLO', closes: true },
  /** no complete HELLO within the deadline */
  HELLO_TIMEOUT: { number: 1005, hint: 'check that the peer speaks this protocol', closes: true },
  /** nothing was heard from the peer for the negotiated time */
  IDLE_TIMEOUT: { number: 1006, hint: 'send PING when idle', closes: true },
  /** the frame is not allowed here or in this state */
  UNEXPECTED_FRAME: { number: 1007, hint: 'see the state table of the connection', closes: true },
  /** more answers wait for the peer than the limit allows */
  SLOW_READER: { number: 1008, hint: 'read faster, or ask for less', closes: true },
  /** the server has as many connections as it allows */
  TOO_MANY_CONNECTIONS: { number: 1009, hint: 'close some, or raise the limit at the server', closes: true },
  /** the connection was not authenticated within the deadline */
  AUTH_TIMEOUT: { number: 1010, hint: 'send AUTH after HELLO', closes: true },
  /** this server does not play the role that the frame needs */
  WRONG_BROKER: { number: 2001, hint: 'refresh the route', closes: false },
  /** this broker is not the master of its group */
  NOT_MASTER: { number: 2002, hint: 'refresh the route', closes: false },
  /** more requests are in flight on this connection than the limit allows */
  TOO_MANY_REQUESTS: { number: 3001, hint: 'wait for answers before sending more', closes: false },
  /** as many bytes wait to be stored as the broker allows */
  BROKER_BUSY: { number: 3002, hint: 'try again after the given time', closes: false },
  /** a field has a value that is not allowed */
  INVALID_ARGUMENT: { number: 4001, hint: 'see the message', closes: false },
  /** the frame type is not known or not served here */
  UNSUPPORTED_FRAME: { number: 4002, hint: 'negotiate the feature first', closes: false },
  /** the request needs a feature that is not active */
  UNSUPPORTED_FEATURE: { number: 4003, hint: 'see the features in HELLO_OK', closes: false },
  /** a topic, group, broker or tag name breaks the grammar */
  INVALID_NAME: { number: 4004, hint: 'see the chapter of names', closes: false },
  /** the topic does not exist */
  TOPIC_NOT_FOUND: { number: 4005, hint: 'create it', closes: false },
  /** the topic has no such queue at this broker */
  QUEUE_NOT_FOUND: { number: 4006, hint: 'refresh the route', closes: false },
  /** the topic exists with other settings */
  TOPIC_EXISTS: { number: 4007, hint: 'alter it, or ask for what it has', closes: false },
  /** the broker knows no such group */
  GROUP_NOT_FOUND: { number: 4008, hint: 'a group exists from its first member or commit on', closes: false },
  /** the offset is below the oldest or above the high watermark */
  OFFSET_OUT_OF_RANGE: { number: 4009, hint: 'look up the first or last offset', closes: false },
  /** the record batch breaks its format or its checksum */
  INVALID_BATCH: { number: 4010, hint: 'see the message', closes: false },
  /** the record batch is longer than the limit */
  BATCH_TOO_LARGE: { number: 4011, hint: 'send fewer or smaller messages in one batch', closes: false },
  /** the sequence numbers were used for another batch */
  SEQUENCE_CONFLICT: { number: 4012, hint: 'never cut a sent batch anew', closes: false },
  /** the sequence is higher than the next one */
  SEQUENCE_GAP: { number: 4013, hint: 'renumber from expected_sequence', closes: false },
  /** the member's subscription differs from the group's */
  SUBSCRIPTION_CONFLICT: { number: 4014, hint: 'give all members the same topics, filters and strategy, or raise the subscription version', closes: false },
  /** the group has another kind */
  GROUP_KIND_CONFLICT: { number: 4015, hint: 'use another group name', closes: false },
  /** a live broker with another store holds this name, or another process this replica number */
  NAME_IN_USE: { number: 4016, hint: 'give the broker a name, or the replica a number, of its own', closes: false },
  /** a named limit would be passed */
  LIMIT_EXCEEDED: { number: 4017, hint: 'the message names the limit', closes: false },
  /** this broker does not create topics on demand */
  CREATION_DISABLED: { number: 4018, hint: 'create the topic by an administrator', closes: false },
  /** the replica is not known to have everything that is committed */
  REPLICA_BEHIND: { number: 4019, hint: 'promote one of the in-sync set, or accept the loss', closes: false },
  /** the server has started and does not know enough yet */
  NOT_READY: { number: 5001, hint: 'try again after the given time', closes: false },
  /** the server is about to stop */
  SHUTTING_DOWN: { number: 5002, hint: 'use another server, or wait', closes: false },
  /** free space is below the reserve */
  DISK_FULL: { number: 5003, hint: 'free space, or wait for retention', closes: false },
  /** the write failed and was cut off the log */
  STORAGE_REJECTED: { number: 5004, hint: 'try again', closes: false },
  /** this replica does not know yet whether the offset is committed */
  NOT_YET: { number: 5005, hint: 'ask again, or ask the master', closes: false },
  /** fewer replicas are in sync than the broker demands */
  NOT_ENOUGH_REPLICAS: { number: 5006, hint: 'start the missing replicas', closes: false },
  /** the store failed after the write; the message may or may not be stored */
  STORAGE_FAILED: { number: 6001, hint: 'try the same queue with the same sequence', closes: false },
  /** the original of this duplicate is not decided */
  OUTCOME_UNKNOWN: { number: 6002, hint: 'try the same queue with the same sequence', closes: false },
  /** the broker ceased to be master after the write; the message may or may not be stored */
  MASTER_CHANGED: { number: 6003, hint: 'try the same queue with the same sequence at the master', closes: false },
  /** the connection has not authenticated */
  UNAUTHENTICATED: { number: 7001, hint: 'this server asks who its clients are: connect with a user', closes: false },
  /** the principal may not do this */
  FORBIDDEN: { number: 7002, hint: 'ask the operator for the right that the message names', closes: false },
  /** the credentials are not accepted */
  AUTH_FAILED: { number: 7003, hint: 'check the user\'s name and password, or its certificate', closes: false },
  /** the lease epoch is not the current one */
  LEASE_FENCED: { number: 8001, hint: 'drop the queue and wait for an assignment', closes: false },
  /** another connection took the producer id over */
  PRODUCER_FENCED: { number: 8002, hint: 'close this producer', closes: false },
  /** the broker does not know the producer id, or this connection does not hold it */
  UNKNOWN_PRODUCER: { number: 8003, hint: 'INIT_PRODUCER again; what was pending is unknown', closes: false },
  /** the broker does not know the member */
  UNKNOWN_MEMBER: { number: 8004, hint: 'send a heartbeat with the subscription', closes: false },
  /** a higher term is known */
  TERM_FENCED: { number: 8005, hint: 'refresh the route', closes: false },
  /** an entry does not have the version that the write expects */
  VERSION_CONFLICT: { number: 8006, hint: 'read the entry again, and decide anew', closes: false },
} as const;
export type WireErrorCode = keyof typeof WIRE_ERRORS;

/** The limits of the specification; servers may be configured to lower or higher ones where the table of limits says so. */
export const LIMITS = {
  /** length of a frame after HELLO, the length field not counted, in bytes. */
  FRAME_BYTES_MAX: 4259840,
  /** length of a frame before HELLO is answered, in bytes. */
  FRAME_BEFORE_HELLO_BYTES_MAX: 16384,
  /** length of a control header, in bytes. */
  CONTROL_HEADER_BYTES_MAX: 65536,
  /** length of a record batch, its header included, in bytes. */
  BATCH_BYTES_MAX: 4194304,
  /** records in a batch, in records. */
  BATCH_RECORDS_MAX: 4096,
  /** length of the records of a batch after inflating, in bytes. */
  BATCH_INFLATED_BYTES_MAX: 16777216,
  /** requests of one side that wait for their response on a connection, in requests. */
  IN_FLIGHT_REQUESTS_MAX: 1024,
  /** length of a topic name, in bytes. */
  TOPIC_NAME_BYTES_MAX: 127,
  /** length of a group name, in bytes. */
  GROUP_NAME_BYTES_MAX: 127,
  /** length of a broker or cluster name, in bytes. */
  BROKER_NAME_BYTES_MAX: 127,
  /** length of a tag, in bytes. */
  TAG_BYTES_MAX: 127,
  /** length of a message key, in bytes. */
  KEY_BYTES_MAX: 255,
  /** names and values of a message's properties together, in bytes. */
  PROPERTIES_BYTES_MAX: 32768,
  /** length of a label: software, member or listener name, in bytes. */
  LABEL_BYTES_MAX: 255,
  /** length of an endpoint address, in bytes. */
  ADDRESS_BYTES_MAX: 255,
  /** length of a filter, in bytes. */
  FILTER_BYTES_MAX: 1024,
  /** tags in a filter, in tags. */
  FILTER_TAGS_MAX: 64,
  /** length of an error message, in bytes. */
  ERROR_MESSAGE_BYTES_MAX: 512,
  /** queues of a topic at one broker, in queues. */
  QUEUES_PER_TOPIC_MAX: 1024,
  /** topics at one broker, in topics. */
  TOPICS_PER_BROKER_MAX: 20000,
  /** brokers that one NameServer knows, in brokers. */
  BROKERS_MAX: 1000,
  /** endpoints of a broker, in endpoints. */
  ENDPOINTS_PER_BROKER_MAX: 16,
  /** items of one list in one frame, in items. */
  LIST_ITEMS_MAX: 4096,
  /** frames joined by MORE, in frames. */
  MORE_FRAMES_MAX: 256,
  /** topics that one connection watches at a NameServer, in topics. */
  WATCHED_TOPICS_MAX: 20000,
  /** groups at one broker, in groups. */
  GROUPS_PER_BROKER_MAX: 10000,
  /** members of a group at one broker, in members. */
  MEMBERS_PER_GROUP_MAX: 2000,
  /** topics of a group, in topics. */
  SUBSCRIPTIONS_PER_GROUP_MAX: 256,
  /** producer ids that a broker remembers; the oldest idle one goes first, in producers. */
  PRODUCERS_MAX: 100000,
  /** batches per producer and queue that a duplicate is compared with, in batches. */
  PRODUCER_BATCHES_REMEMBERED: 64,
  /** time after which an idle producer id is forgotten, in ms. */
  PRODUCER_IDLE_MS: 86400000,
  /** answers that wait for a slow reader on one connection, in bytes. */
  PENDING_RESPONSE_BYTES_MAX: 8388608,
  /** bytes that a filtered PULL looks at before it answers with its progress, in bytes. */
  FILTERED_READ_BYTES_MAX: 8388608,
  /** record batches in one PULL response, but for a first batch that is longer, in bytes. */
  PULL_BYTES_MAX: 4194304,
  /** longest wait of a PULL, in ms. */
  PULL_WAIT_MS_MAX: 30000,
  /** PULL requests that wait on one connection, in polls. */
  POLLS_PER_CONNECTION_MAX: 1024,
  /** time from the connection to a complete HELLO, in ms. */
  HELLO_DEADLINE_MS: 5000,
  /** silence after which a connection is closed, in ms. */
  IDLE_MS: 60000,
  /** silence after which a client sends PING, in ms. */
  PING_MS: 20000,
  /** time from GOAWAY to the close, in ms. */
  GOAWAY_GRACE_MS: 5000,
  /** interval of a broker's full registration, in ms. */
  BROKER_REPORT_MS: 30000,
  /** interval of a broker's heartbeat, in ms. */
  BROKER_HEARTBEAT_MS: 1000,
  /** silence after which a NameServer marks a broker away, in ms. */
  BROKER_EXPIRY_MS: 5000,
  /** time from a broker's lost connection until it is marked away, in ms. */
  BROKER_LOST_MS: 2000,
  /** time that a vanished broker stays in the route, marked away, in ms. */
  BROKER_AWAY_MS: 60000,
  /** time after its start in which a NameServer says NOT_READY instead of TOPIC_NOT_FOUND, in ms. */
  NAMESERVER_WARMUP_MS: 5000,
  /** interval of a member's heartbeat, in ms. */
  MEMBER_HEARTBEAT_MS: 3000,
  /** silence after which a member is gone, in ms. */
  MEMBER_SESSION_MS: 10000,
  /** time from a member's lost connection until it is gone, in ms. */
  MEMBER_LOST_MS: 3000,
  /** time that a member has to release a queue, in ms. */
  RELEASE_MS: 30000,
  /** time from a change to the new target, in ms. */
  REBALANCE_DELAY_MS: 200,
  /** interval at which a client asks for its routes again, in ms. */
  ROUTE_POLL_MS: 30000,
  /** queues of a new topic at each broker, in queues. */
  DEFAULT_QUEUES: 4,
  /** bytes that wait to be stored at a broker, in bytes. */
  STAGED_BYTES_MAX: 67108864,
  /** connections of one server, in connections. */
  CONNECTIONS_MAX: 20000,
  /** shortest session that a member may ask for, in ms. */
  MEMBER_SESSION_MS_MIN: 1000,
  /** longest session that a member may ask for, in ms. */
  MEMBER_SESSION_MS_MAX: 1800000,
  /** time from the answered HELLO until the connection is authenticated, in ms. */
  AUTH_DEADLINE_MS: 10000,
  /** length of the data of one AUTH frame, in bytes. */
  AUTH_DATA_BYTES_MAX: 4096,
  /** fewest rounds of key derivation that a client accepts, in rounds. */
  SCRAM_ITERATIONS_MIN: 4096,
  /** most rounds of key derivation that a client accepts, in rounds. */
  SCRAM_ITERATIONS_MAX: 1000000,
  /** length of a principal's name, in bytes. */
  PRINCIPAL_NAME_BYTES_MAX: 127,
  /** length of a key of keyed state, in bytes. */
  STATE_KEY_BYTES_MAX: 512,
  /** length of a value of keyed state, in bytes. */
  STATE_VALUE_BYTES_MAX: 1048576,
  /** entries of one STATE_WRITE, or keys of one STATE_GET, in entries. */
  STATE_CHANGES_MAX: 1024,
  /** payload of one STATE_WRITE, or of one answer with entries but for a first entry or write that is longer, in bytes. */
  STATE_WRITE_BYTES_MAX: 2097152,
  /** keyed state of one queue: keys, values and 128 bytes for each entry, in bytes. */
  STATE_QUEUE_BYTES_MAX: 268435456,
  /** newest changes of a queue's keyed state that a STATE_SCAN can begin behind, in changes. */
  STATE_CHANGES_REMEMBERED: 4096,
  /** replicas of a broker group, in replicas. */
  REPLICAS_MAX: 16,
  /** time that a slave of the in-sync set may lag behind before its master has it dropped, in ms. */
  REPLICA_LAG_MS: 10000,
  /** log entries in one REPLICATE response, but for a first entry that is longer, in bytes. */
  REPLICATE_BYTES_MAX: 4194304,
  /** longest wait of a REPLICATE, in ms. */
  REPLICATE_WAIT_MS_MAX: 30000,
} as const;
export type LimitName = keyof typeof LIMITS;

/** Features that HELLO negotiates. */
export const Feature = {
  FEATURE_AUTH: 1,
  FEATURE_KEYED_STATE: 2,
  FEATURE_DEDUP: 3,
  FEATURE_REPLICATION: 4,
} as const;

/** What a server is. */
export const ServerRole = {
  NAMESERVER: 0,
  BROKER: 1,
} as const;
export type ServerRole = (typeof ServerRole)[keyof typeof ServerRole];
export const ServerRoleNames: readonly string[] = ['NAMESERVER', 'BROKER'];

/** How a client proves who it is. */
export const AuthMechanism = {
  /** never sent */
  AUTH_NONE: 0,
  /** name and password, by RFC 5802 and RFC 7677, without channel binding */
  SCRAM_SHA_256: 1,
  /** the certificate that the client showed to TLS */
  EXTERNAL: 2,
} as const;
export type AuthMechanism = (typeof AuthMechanism)[keyof typeof AuthMechanism];
export const AuthMechanismNames: readonly string[] = ['AUTH_NONE', 'SCRAM_SHA_256', 'EXTERNAL'];

/** When a broker answers a SEND. */
export const AckLevel = {
  /** when consumers may see the batch: stored by every in-sync replica as its flush setting says */
  ACK_COMMITTED: 0,
  /** when this broker has stored the batch as its flush setting says */
  ACK_LEADER: 1,
  /** never; the SEND is one-way */
  ACK_NONE: 2,
} as const;
export type AckLevel = (typeof AckLevel)[keyof typeof AckLevel];
export const AckLevelNames: readonly string[] = ['ACK_COMMITTED', 'ACK_LEADER', 'ACK_NONE'];

/** What a group is, fixed at its first use. */
export const GroupKind = {
  /** the brokers divide the queues among the members */
  ASSIGNED: 0,
  /** any client pulls and commits; the last write wins */
  FREE: 1,
  /** an acknowledgement per message; reserved */
  SHARED: 2,
} as const;
export type GroupKind = (typeof GroupKind)[keyof typeof GroupKind];
export const GroupKindNames: readonly string[] = ['ASSIGNED', 'FREE', 'SHARED'];

/** How a broker divides the queues of a topic among the members. */
export const Strategy = {
  /** runs of neighbouring queues */
  AVERAGELY: 0,
  /** dealt out in turn */
  CIRCLE: 1,
  /** as many as AVERAGELY gives, and which ones by the present leases */
  STICKY: 2,
} as const;
export type Strategy = (typeof Strategy)[keyof typeof Strategy];
export const StrategyNames: readonly string[] = ['AVERAGELY', 'CIRCLE', 'STICKY'];

/** A place in a queue. */
export const Position = {
  /** the oldest offset */
  FIRST: 0,
  /** the high watermark */
  LAST: 1,
  /** the first message stored at or after a time */
  AT_TIME: 2,
  /** an offset */
  AT_OFFSET: 3,
} as const;
export type Position = (typeof Position)[keyof typeof Position];
export const PositionNames: readonly string[] = ['FIRST', 'LAST', 'AT_TIME', 'AT_OFFSET'];

/** What the member shall do with a queue of its assignment. */
export const LeaseState = {
  /** consume it */
  HELD: 0,
  /** finish, and send RELEASE */
  RELEASING: 1,
} as const;
export type LeaseState = (typeof LeaseState)[keyof typeof LeaseState];
export const LeaseStateNames: readonly string[] = ['HELD', 'RELEASING'];

/** What a broker is in its group. */
export const ReplicaRole = {
  /** takes messages, commits and members */
  MASTER: 0,
  /** copies the log of its master, and serves what is committed */
  SLAVE: 1,
} as const;
export type ReplicaRole = (typeof ReplicaRole)[keyof typeof ReplicaRole];
export const ReplicaRoleNames: readonly string[] = ['MASTER', 'SLAVE'];
