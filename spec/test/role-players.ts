// Whole roles as sessions play them: servers on a disk in memory, and clients of which a caller asks something.
import {
  Admin,
  Broker,
  type BrokerOptions,
  Client,
  Consumer,
  type Delivery,
  type EndpointInit,
  type Input,
  type Message,
  NameServer,
  type Output,
  type Producer,
  type QanatError,
  Random,
  type ReplicationOptions,
} from '@qanat/core';
import type { BatchSaid } from '../../packages/conformance/src/codec/batch-json.ts';
import { type HeaderJson as Json, toCore } from '../../packages/conformance/src/codec/schema-json.ts';
import { FakeDisk } from '../../packages/core/test/log/fake-disk.ts';
import { testPlatform } from '../../packages/core/test/platform.ts';
import { bytesOfHex } from './fences.ts';
import type { Player, ReplicationSetup, RoleCall, Setup, Step } from './session-format.ts';

const WALL_MS = 1_700_000_000_000;

export const ROLE_PLAYERS: Readonly<Record<string, (setup: Setup) => Player>> = {
  nameserver: nameServerPlayer,
  broker: brokerPlayer,
  producer: clientRolePlayer,
  consumer: clientRolePlayer,
  admin: clientRolePlayer,
};

export function inputOf(step: Step): Input {
  const { connection } = step;
  if (step.in !== undefined) return { kind: 'frame', connection, frame: bytesOfHex(step.in) };
  if (step.bad !== undefined) return { kind: 'badBytes', connection, error: step.bad };
  if (step.event === 'accepted') return { kind: 'accepted', connection, remote: 'vector', listener: step.listener ?? 'default' };
  if (step.event === 'opened') return { kind: 'opened', connection };
  return { kind: 'closed', connection, error: undefined };
}

/** A batch with its bodies as text, what is absent left out. */
export function batchText({ records, ...batch }: BatchSaid): Json {
  const texts = records.map(({ key, tag, body }) => ({
    ...(key === undefined ? {} : { key }),
    ...(tag === undefined ? {} : { tag }),
    body: new TextDecoder().decode(bytesOfHex(body)),
  }));
  return { ...batch, records: texts };
}

function replicationOptions(setup: ReplicationSetup | undefined): ReplicationOptions | undefined {
  if (setup === undefined) return undefined;
  const { replica, role, min_in_sync: minInSync, lag_ms: lagMs } = setup;
  return { replica, role, ...(minInSync === undefined ? {} : { minInSync }), ...(lagMs === undefined ? {} : { lagMs }) };
}

function brokerOptions({
  identity,
  seed = 1,
  replication,
  name_servers = [],
  endpoints = [],
  snapshot_bytes,
}: Setup): BrokerOptions {
  return {
    name: (identity?.name as string | undefined) ?? 'b1',
    software: 'vector',
    platform: testPlatform,
    random: new Random(seed),
    nameServers: name_servers,
    endpoints: endpoints.map((endpoint) => toCore('Endpoint', endpoint) as EndpointInit),
    replication: replicationOptions(replication),
    log: snapshot_bytes === undefined ? {} : { snapshotBytes: snapshot_bytes },
  };
}

function brokerPlayer(setup: Setup): Player {
  const disk = new FakeDisk();
  const engine = new Broker(brokerOptions(setup));
  let atMs = -1;
  const enter = (nowMs: number): void => {
    if (atMs < 0) engine.handle({ kind: 'wallClock', offsetMs: setup.wall_ms ?? WALL_MS }, nowMs);
    atMs = nowMs;
  };
  return {
    done: [],
    input: (step, nowMs) => {
      enter(nowMs);
      if (step.event === 'stop') engine.stop(nowMs);
      else engine.handle(inputOf(step), nowMs);
    },
    tick: (nowMs) => {
      enter(nowMs);
      engine.tick(nowMs);
    },
    drain: () => drainOnDisk(engine, disk, atMs),
    nextDeadlineMs: () => engine.nextDeadlineMs(),
  };
}

function nameServerPlayer({ identity, keeps_records: keepsRecords = false }: Setup): Player {
  const name = (identity?.name as string | undefined) ?? 'n1';
  const disk = new FakeDisk();
  const engine = new NameServer({ name, software: 'vector', random: new Random(1), keepsRecords });
  let atMs = 0;
  return {
    done: [],
    input: (step, nowMs) => {
      atMs = nowMs;
      if (step.event === 'stop') engine.stop(nowMs, step.grace_ms as number);
      else engine.handle(inputOf(step), nowMs);
    },
    tick: (nowMs) => {
      atMs = nowMs;
      engine.tick(nowMs);
    },
    drain: () => drainOnDisk(engine, disk, atMs),
    nextDeadlineMs: () => engine.nextDeadlineMs(),
  };
}

/** What goes out; what is asked of the disk ends at once. */
function drainOnDisk(engine: Broker | NameServer, disk: FakeDisk, nowMs: number): readonly Output[] {
  const rest: Output[] = [];
  for (let outputs = engine.drain(); outputs.length > 0; outputs = engine.drain()) {
    for (const output of outputs) {
      if (output.kind !== 'storage') rest.push(output);
      else
        disk.storage(output.request, (error, result) =>
          engine.handle({ kind: 'stored', operation: output.operation, error, result }, nowMs),
        );
    }
    disk.pump();
  }
  return rest;
}

type Tell = (value: object) => void;

/** What a caller can ask; what comes of it is told, perhaps several times. */
const ASKS: Readonly<Record<string, (parts: RoleParts, ask: RoleCall, tell: Tell) => void>> = {
  send: ({ client, producer }, ask, tell) => {
    const { topic, body, key, tag } = ask as unknown as { topic: string; body: string; key?: string; tag?: string };
    const record = { body: new TextEncoder().encode(body), key, tag };
    producer(client).send(topic, record, { timeoutMs: (ask.timeout_ms as number) ?? 30_000 }, (error, receipt) =>
      tell(error === undefined ? { value: { ...receipt } } : failure(error)),
    );
  },
  consume: ({ client, setup, begin }, ask, tell) => {
    const handler = {
      onDelivery: (delivery: Delivery) => {
        for (const message of delivery.messages) tell({ value: messageText(message) });
        delivery.done();
      },
      onEvent: () => {},
      onEnd: (error?: QanatError) => tell(error === undefined ? { value: 'end' } : failure(error)),
    };
    const subscriptions = [{ topic: ask.topic as string, ...(ask.filter === undefined ? {} : { filter: ask.filter as string }) }];
    const options = { mode: 'clustering', group: ask.group as string, subscriptions, instanceId: setup.member ?? 'm1' } as const;
    const consumer = new Consumer(client, 1, options, handler);
    client.attach(consumer);
    begin(consumer);
  },
  close: ({ consumer }) => consumer()?.close({}, () => {}),
  'list-topics': ({ admin }, _, tell) => admin.listTopics(5_000, (error, value) => tell(answer(error, value))),
  'create-topic': ({ admin }, ask, tell) => {
    const { topic, queues } = ask as unknown as { topic: string; queues: number };
    admin.createTopic(topic, { queues }, 5_000, (error, value) => tell(answer(error, value)));
  },
  'describe-topic': ({ admin }, ask, tell) =>
    admin.describeTopic(ask.topic as string, 5_000, (error, value) => tell(answer(error, value))),
  'reset-group': ({ admin }, ask, tell) => {
    const { group, to, dry_run } = ask as unknown as { group: string; to: 'first'; dry_run?: boolean };
    admin.resetGroup(group, to, { dryRun: dry_run ?? false }, 5_000, (error, value) => tell(answer(error, value)));
  },
};

interface RoleParts {
  readonly client: Client;
  readonly admin: Admin;
  readonly setup: Setup;
  producer(client: Client): Producer;
  consumer(): Consumer | undefined;
  begin(consumer: Consumer): void;
}

const failure = ({ code, outcome, retryable }: QanatError): object => ({ error: { code, outcome, retryable } });
const answer = (error: QanatError | undefined, value: unknown): object => (error === undefined ? { value } : failure(error));

const messageText = ({ topic, broker, queue, offset, key, tag, body }: Message): object => ({
  topic,
  broker,
  queue,
  offset,
  key,
  tag,
  body: new TextDecoder().decode(body),
});

function clientRolePlayer(setup: Setup): Player {
  const client = new Client({
    platform: testPlatform,
    random: new Random(setup.seed ?? 1),
    nameServers: ['ns:7600'],
    schemes: ['qanat'],
    software: 'vector',
    label: 'vector',
  });
  let made: Producer | undefined;
  let consumer: Consumer | undefined;
  const parts: RoleParts = {
    client,
    admin: new Admin(client),
    setup,
    producer: (owner) => {
      made ??= owner.producer();
      return made;
    },
    consumer: () => consumer,
    begin: (begun) => {
      consumer = begun;
    },
  };
  let waiting: { readonly at: number; readonly value: object }[] = [];
  let atMs = 0;
  const player: Player = {
    done: [],
    input: (step, nowMs) => {
      atMs = nowMs;
      const { ask } = step;
      if (ask === undefined) return client.handle(inputOf(step), nowMs);
      client.enter(nowMs);
      const run = ASKS[ask.do];
      if (run === undefined) throw new Error(`nobody can ask ${ask.do}`);
      return run(parts, ask, (value) => waiting.push({ at: atMs, value: { name: ask.name, ...value } }));
    },
    tick: (nowMs) => {
      atMs = nowMs;
      client.tick(nowMs);
    },
    /** What the caller was told stands before what leaves at the same moment. */
    drain: () => {
      const outputs = client.drain();
      const told = waiting;
      waiting = [];
      for (const { at, value } of told) player.done.push({ at, connection: 0, what: { result: value } });
      return outputs;
    },
    nextDeadlineMs: () => client.nextDeadlineMs(),
  };
  return player;
}
