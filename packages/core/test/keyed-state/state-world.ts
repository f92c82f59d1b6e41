// A broker with one topic and a client that has keyed state and dedup ids active.
import {
  type BrokerOptions,
  encodeStateEntries,
  Feature,
  readStateEntries,
  type StateEntry,
  StateEntryFlag,
  utf8,
} from '../../src/index.ts';
import { type BrokerWorld, runningBroker, type TestClient } from '../broker/broker-world.ts';
import { FakeDisk } from '../log/fake-disk.ts';

const NOTHING = new Uint8Array(0);
export const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);
export const place = { topic: 't', queue: 0 };

export interface Put {
  readonly key: string;
  /** Undefined: remove. */
  readonly value?: string | Uint8Array | undefined;
  readonly expected?: number;
}

export function payloadOf(changes: readonly Put[]): readonly Uint8Array[] {
  const entries = changes.map(({ key, value, expected }): StateEntry => {
    const flags = (value === undefined ? StateEntryFlag.REMOVED : 0) | (expected === undefined ? 0 : StateEntryFlag.EXPECTED);
    const bytes = value === undefined ? NOTHING : typeof value === 'string' ? utf8(value) : value;
    return { key: utf8(key), flags, version: expected ?? 0, value: bytes };
  });
  return [encodeStateEntries(entries)];
}

export const keysOf = (keys: readonly string[]): readonly Uint8Array[] => [
  encodeStateEntries(keys.map((key) => ({ key: utf8(key), flags: 0, version: 0, value: NOTHING }))),
];

/** `key=value@version`, or `key-@version` for one that is removed or not there. */
export const shown = (payload: Uint8Array): string[] =>
  readStateEntries(payload).map(({ key, flags, version, value }) =>
    flags & StateEntryFlag.REMOVED ? `${text(key)}-@${version}` : `${text(key)}=${text(value)}@${version}`,
  );

export class StateClient {
  readonly client: TestClient;

  constructor(client: TestClient) {
    this.client = client;
  }

  write(...changes: readonly Put[]): { readonly code: string | undefined; readonly version: number } {
    const { code, header } = this.client.call('STATE_WRITE', place, payloadOf(changes));
    return { code, version: header?.version ?? 0 };
  }

  get(...keys: readonly string[]): string[] {
    return shown(this.client.call('STATE_GET', place, keysOf(keys)).payload);
  }

  scan(prefix = '', more: { after?: string; limit?: number } = {}): { entries: string[]; more: boolean; version: number } {
    const header = { ...place, prefix: utf8(prefix), after: utf8(more.after ?? ''), limit: more.limit ?? 0 };
    const answer = this.client.call('STATE_SCAN', header);
    return { entries: shown(answer.payload), more: answer.header.more, version: answer.header.version };
  }

  changes(since: number, prefix = ''): { entries: string[]; more: boolean; version: number; reset: boolean } {
    const answer = this.client.call('STATE_SCAN', { ...place, prefix: utf8(prefix), changes: true, since });
    const { version, more, reset } = answer.header;
    return { entries: shown(answer.payload), more, version, reset };
  }
}

export function connect(world: BrokerWorld, frameBytesMax = 0): StateClient {
  const client = world.accept();
  const features = [Feature.FEATURE_KEYED_STATE, Feature.FEATURE_DEDUP];
  client.call('HELLO', { software: 'test', features, frameBytesMax });
  return new StateClient(client);
}

export function stateWorld(
  options: Partial<BrokerOptions> = {},
  disk = new FakeDisk(),
): { readonly world: BrokerWorld; readonly state: StateClient; readonly disk: FakeDisk } {
  const world = runningBroker(options, disk);
  const state = connect(world);
  state.client.call('TOPIC_CREATE', { topic: 't', queues: 2 });
  return { world, state, disk };
}
