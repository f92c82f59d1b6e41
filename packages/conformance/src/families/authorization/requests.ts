import { FRAMES, type LiveFrame, Position } from '@qanat/core';
import type { Role } from '../../driver/driver.ts';
import type { JsonObject } from '../../json.ts';
import type { Step } from '../../play/program.ts';

/** What requests of a program are about. */
export interface Names {
  readonly topic: string;
  readonly group: string;
  readonly broker: string;
}

const STORE = { $hex: '01'.repeat(16) };
const ONE = { records: [{ body: 'one' }] };

/** A request of each type, well-formed, that names one of each thing that it can name. */
const HEADERS: Readonly<Record<string, (names: Names) => JsonObject>> = {
  REGISTER_BROKER: ({ broker, topic }) => ({
    broker,
    cluster: 'default',
    storeId: STORE,
    term: 1,
    revision: 1,
    endpoints: [{ listener: 'default', scheme: 'qanat', address: '127.0.0.1:7610' }],
    software: 'kit',
    topics: [{ topic, queues: 1 }],
  }),
  UNREGISTER_BROKER: ({ broker }) => ({ broker, storeId: STORE }),
  BROKER_HEARTBEAT: ({ broker }) => ({ broker, storeId: STORE, term: 1, revision: 1 }),
  RECORD_PUT: ({ broker }) => ({ broker, record: { storeId: STORE, term: 1 } }),
  RECORD_GET: ({ broker }) => ({ broker }),
  ROUTE_QUERY: ({ topic }) => ({ topics: [topic] }),
  INIT_PRODUCER: () => ({}),
  SEND: ({ topic }) => ({ topic }),
  PULL: ({ topic, group }) => ({ group, member: 'kit', poll: 1, topics: [{ topic, queues: [{}] }] }),
  OFFSET_COMMIT: ({ topic, group }) => ({ group, offsets: [{ topic, queue: 0, offset: 0 }] }),
  OFFSET_FETCH: ({ topic, group }) => ({ group, queues: [{ topic, queue: 0 }] }),
  OFFSET_LOOKUP: ({ topic }) => ({ queues: [{ topic, queue: 0, position: Position.LAST }] }),
  CLIENT_HEARTBEAT: ({ topic, group }) => ({ group, member: 'kit', revision: 1, subscription: { topics: [{ topic }] } }),
  RELEASE: ({ topic, group }) => ({ group, member: 'kit', offsets: [{ topic, queue: 0, offset: 0 }] }),
  LEAVE: ({ group }) => ({ group, member: 'kit' }),
  TOPIC_CREATE: ({ topic }) => ({ topic, queues: 1 }),
  TOPIC_ALTER: ({ topic }) => ({ topic, queues: 2 }),
  TOPIC_REMOVE: ({ topic }) => ({ topic }),
  TOPIC_LIST: () => ({}),
  TOPIC_DESCRIBE: ({ topic }) => ({ topic }),
  GROUP_LIST: () => ({}),
  GROUP_DESCRIBE: ({ group }) => ({ group }),
  GROUP_RESET: ({ group }) => ({ group }),
};

/** The types that a server of a role serves, of which somebody may begin one: by the registry. */
export const servedBy = (role: Role): readonly LiveFrame[] =>
  (Object.keys(FRAMES) as LiveFrame[]).filter((name) => FRAMES[name].at === role && !FRAMES[name].reserved);

/** A request of a type, about these names. */
export const requestOf = (frame: LiveFrame, names: Names, more: JsonObject = {}): Step => ({
  op: 'request',
  frame,
  header: HEADERS[frame]?.(names) ?? {},
  ...(frame === 'SEND' ? { payload: { batch: ONE } } : {}),
  ...more,
});
