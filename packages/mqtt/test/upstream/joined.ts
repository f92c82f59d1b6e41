import type { KeyedState, MessageInit, QanatClient, StateChange } from '@qanat/client';
import type { LogFields, LogLevel, Message } from '@qanat/core';
import { DEFAULT_RULES, type Rule, Upstream, type UpstreamAddress } from '@qanat/mqtt';

/** The keyed state of one queue, in memory: it outlives the bridges that use it. */
export class FakeState {
  readonly entries = new Map<string, Uint8Array>();
  /** What a write fails with; undefined: it does not. */
  fails: Error | undefined;
  writes = 0;

  asKeyedState(): KeyedState {
    const state: Pick<KeyedState, 'queueOf' | 'get' | 'write'> = {
      queueOf: async () => ({ topic: 'mqtt-state', broker: 'b1', queue: 0 }),
      get: async (_queue, keys) =>
        keys.map((key) => {
          const value = this.entries.get(key);
          return value && { version: 1, value };
        }),
      write: async (_queue, changes) => this.#write(changes),
    };
    return state as KeyedState;
  }

  #write(changes: readonly StateChange[]): number {
    this.writes++;
    if (this.fails !== undefined) throw this.fails;
    for (const { key, value } of changes) {
      if (value === undefined) this.entries.delete(key);
      else this.entries.set(key, value);
    }
    return 1;
  }
}

/** A client whose sends settle when the test says so, and whose consumer hands out what the test gives. */
export class FakeClient {
  readonly sent: {
    readonly message: MessageInit;
    readonly stored: () => void;
    readonly failed: (error: Error) => void;
  }[] = [];
  handle: (messages: readonly Message[]) => Promise<void> = async () => {};
  readonly #ended = withResolvers();

  asClient(state = new FakeState()): QanatClient {
    const producer = {
      send: (_topic: string, message: MessageInit) =>
        new Promise<void>((stored, failed) => this.sent.push({ message, stored: () => stored(), failed })),
      close: async () => {},
    };
    const consumer = {
      runBatch: (handle: (messages: readonly Message[]) => Promise<void>) => {
        this.handle = handle;
        return this.#ended.promise;
      },
      close: async () => this.#ended.resolve(),
    };
    const keyedState = (): KeyedState => state.asKeyedState();
    return { producer: () => producer, pushConsumer: () => consumer, keyedState } as unknown as QanatClient;
  }
}

function withResolvers(): { promise: Promise<void>; resolve: () => void } {
  let resolve = (): void => {};
  const promise = new Promise<void>((settle) => {
    resolve = settle;
  });
  return { promise, resolve };
}

export interface Logged {
  readonly level: LogLevel;
  readonly event: string;
  readonly fields: LogFields;
}

export interface Joined {
  readonly client: FakeClient;
  readonly upstream: Upstream;
  readonly logged: Logged[];
  /** The fields of all lines of an event. */
  told(event: string): readonly LogFields[];
}

/** How another broker is joined. */
export interface JoinSettings extends Pick<UpstreamAddress, 'protocolVersion'> {
  readonly rules?: readonly Rule[];
  readonly localPrefix?: string;
  readonly remotePrefix?: string;
  /** Behind the remote prefix. */
  readonly patterns?: readonly string[];
  /** Of the bridges that run one after the other. */
  readonly state?: FakeState;
}

/** Joins the broker at an address, both ways and with all topics. */
export async function join(url: string, settings: JoinSettings = {}): Promise<Joined> {
  const { rules = DEFAULT_RULES, localPrefix = '', remotePrefix = '', patterns = ['#'], state, ...address } = settings;
  const client = new FakeClient();
  const logged: Logged[] = [];
  const upstream = await Upstream.start({
    url,
    ...address,
    clientId: 'joined',
    name: 'factory',
    topics: patterns.map((pattern) => ({ pattern, direction: 'both', qos: 2, localPrefix, remotePrefix })),
    client: client.asClient(state),
    stateTopic: 'mqtt-state',
    rules,
    ack: 'committed',
    log: (level, event, fields) => void logged.push({ level, event, fields }),
  });
  const told = (event: string): readonly LogFields[] => logged.filter((line) => line.event === event).map(({ fields }) => fields);
  return { client, upstream, logged, told };
}
