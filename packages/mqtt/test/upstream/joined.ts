import type { MessageInit, QanatClient } from '@qanat/client';
import type { LogFields, LogLevel, Message } from '@qanat/core';
import { DEFAULT_RULES, type Rule, Upstream, type UpstreamAddress } from '@qanat/mqtt';

/** A client whose sends settle when the test says so, and whose consumer hands out what the test gives. */
export class FakeClient {
  readonly sent: {
    readonly message: MessageInit;
    readonly stored: () => void;
    readonly failed: (error: Error) => void;
  }[] = [];
  handle: (messages: readonly Message[]) => Promise<void> = async () => {};
  readonly #ended = withResolvers();

  asClient(): QanatClient {
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
    return { producer: () => producer, pushConsumer: () => consumer } as unknown as QanatClient;
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
}

/** Joins the broker at an address, both ways and with all topics. */
export async function join(url: string, settings: JoinSettings = {}): Promise<Joined> {
  const { rules = DEFAULT_RULES, localPrefix = '', remotePrefix = '', ...address } = settings;
  const client = new FakeClient();
  const logged: Logged[] = [];
  const upstream = await Upstream.start({
    url,
    ...address,
    clientId: 'joined',
    name: 'factory',
    topics: [{ pattern: '#', direction: 'both', qos: 2, localPrefix, remotePrefix }],
    client: client.asClient(),
    rules,
    ack: 'committed',
    log: (level, event, fields) => void logged.push({ level, event, fields }),
  });
  const told = (event: string): readonly LogFields[] => logged.filter((line) => line.event === event).map(({ fields }) => fields);
  return { client, upstream, logged, told };
}
