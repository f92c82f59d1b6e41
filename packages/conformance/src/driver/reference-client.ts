import type {
  Client,
  ClientEvent,
  Consumer,
  ConsumerOptions,
  Delivery,
  Platform,
  Producer,
  ProducerOptions,
  QanatError,
  Receipt,
} from '@qanat/core';
import { VirtualNode } from '@qanat/simulator';
import type { Ground } from '../ground/ground.ts';
import type { CallError } from '../history/event.ts';
import { isObject, type Json, type JsonObject } from '../json.ts';
import { flagOf, listOf, numberOf, textOf } from '../play/program.ts';
import { loginBy, passwordCredentials } from '../users/credentials.ts';
import { deriveKeyOn } from '../users/salted-password.ts';
import type { CallDone, Driver, Manifest, Role } from './driver.ts';
import type { Engines } from './engines.ts';

export interface ReferenceClientOptions {
  readonly role: 'producer' | 'consumer';
  readonly ground: Ground;
  readonly platform: Platform;
  readonly engines: Engines;
}

interface Running {
  readonly node: VirtualNode<Client>;
  producer?: Producer;
  consumer?: Consumer;
  /** What the handler does with deliveries: `ack`, `fail` so many times, `hang`, `slow` for so many milliseconds. */
  policy: JsonObject;
  /** Deliveries that hang. */
  readonly held: Delivery[];
}

const utf8 = new TextEncoder();
const text = new TextDecoder();

const failure = ({ code, outcome, message }: QanatError): CallError => ({
  kind: outcome === 'unknown' ? 'indefinite' : 'failed',
  code,
  text: message,
});

/** The producers and consumers of this repository as subjects in this process: what a driver of another language does as well. */
export class ReferenceClient implements Driver {
  readonly manifest: Manifest;
  readonly #options: ReferenceClientOptions;
  readonly #clients = new Map<string, Running>();
  #tell: (event: string, client: string, args: Json) => void = () => {};
  #seed = 200;

  constructor(options: ReferenceClientOptions) {
    this.#options = options;
    this.manifest = {
      name: 'qanat',
      version: '0.1.0',
      language: 'TypeScript',
      roles: [options.role as Role],
      abilities: ['policy', 'abandon', 'events', 'batch', 'broadcasting', 'dead-letter', 'credentials', 'disconnected'],
    };
  }

  onTold(listener: (event: string, client: string, args: Json) => void): void {
    this.#tell = listener;
  }

  async close(): Promise<void> {
    for (const name of [...this.#clients.keys()]) this.#abandon(name);
  }

  call(op: string, args: JsonObject, done: CallDone): void {
    const name = textOf(args, 'client', op.startsWith('consumer') || this.#options.role === 'consumer' ? 'c' : 'p');
    try {
      switch (op) {
        case 'producer.start':
          return this.#startProducer(name, args, done);
        case 'consumer.start':
          return this.#startConsumer(name, args, done);
        case 'send':
          return this.#send(name, args, done);
        case 'close':
          return this.#close(name, done);
        case 'abandon':
          this.#abandon(name);
          return done(undefined, null);
        case 'policy':
          return this.#policy(name, args, done);
        default:
          return done({ kind: 'unsupported', text: `there is no ${op}` }, null);
      }
    } catch (error) {
      // One that did not start is none that could be closed.
      if (op.endsWith('.start')) this.#abandon(name);
      return done(failure(error as QanatError), null);
    }
  }

  #start(name: string, args: JsonObject): Running {
    const { engines, ground, platform } = this.#options;
    const seed = this.#seed++;
    const client = new engines.Client({
      platform,
      random: new engines.Random(seed),
      nameServers: listOf(args, 'nameServers').map(String),
      schemes: [ground.scheme],
      software: 'qanat',
      label: textOf(args, 'label', name),
      ...(isObject(args.credentials)
        ? { login: loginBy(passwordCredentials(args.credentials, new engines.Random(1_000 + seed)), engines) }
        : {}),
      onEvent: (event) => this.#event(name, event),
    });
    const node = new VirtualNode<Client>(client, {
      name,
      clock: ground.clock,
      transport: ground.transport(`subject-${name}`),
      deriveKey: deriveKeyOn(ground.clock),
    });
    const running: Running = { node, policy: {}, held: [] };
    this.#clients.set(name, running);
    node.start();
    return running;
  }

  #startProducer(name: string, args: JsonObject, done: CallDone): void {
    const running = this.#start(name, args);
    this.#within(running, (client) => {
      running.producer = client.producer((isObject(args.options) ? args.options : {}) as ProducerOptions);
    });
    done(undefined, null);
  }

  #startConsumer(name: string, args: JsonObject, done: CallDone): void {
    const running = this.#start(name, args);
    running.policy = isObject(args.policy) ? args.policy : {};
    const options: ConsumerOptions = {
      mode: textOf(args, 'mode', 'clustering') as ConsumerOptions['mode'],
      ...(args.mode === 'groupless' ? {} : { group: textOf(args, 'group', 'group') }),
      subscriptions: listOf(args, 'subscriptions').filter(isObject) as unknown as ConsumerOptions['subscriptions'],
      from: (args.from ?? 'first') as 'first',
      ...((isObject(args.options) ? args.options : {}) as Partial<ConsumerOptions>),
    };
    this.#within(running, (client) => {
      const consumer = new this.#options.engines.Consumer(client, 1, options, {
        onDelivery: (delivery) => this.#deliver(name, running, delivery),
        onEvent: () => {},
        onEnd: (error) => this.#tell('ended', name, error === undefined ? {} : { code: error.code, text: error.message }),
      });
      client.attach(consumer);
      running.consumer = consumer;
    });
    done(undefined, null);
  }

  #send(name: string, args: JsonObject, done: CallDone): void {
    const running = this.#clients.get(name);
    if (running?.producer === undefined) return done({ kind: 'invalid', text: `no producer ${name}` }, null);
    const { producer } = running;
    const record = (of: JsonObject) => ({
      body: typeof of.size === 'number' ? new Uint8Array(of.size).fill(0x61) : utf8.encode(textOf(of, 'body')),
      ...(typeof of.key === 'string' ? { key: of.key } : {}),
      ...(typeof of.tag === 'string' ? { tag: of.tag } : {}),
      ...(isObject(of.properties) ? { properties: of.properties as Record<string, string> } : {}),
    });
    const options = {
      timeoutMs: numberOf(args, 'timeoutMs', 30_000),
      ...(isObject(args.queue) ? { queue: args.queue as unknown as { broker: string; queue: number } } : {}),
    };
    const batch = listOf(args, 'batch').filter(isObject);
    this.#within(running, () => {
      if (batch.length === 0)
        return producer.send(textOf(args, 'topic'), record(args), options, (error, receipt) =>
          answer(done, error, [receipt as Receipt]),
        );
      return producer.sendBatch(textOf(args, 'topic'), batch.map(record), options, (error, receipts) =>
        answer(done, error, receipts),
      );
    });
  }

  #deliver(name: string, running: Running, delivery: Delivery): void {
    for (const message of delivery.messages) {
      this.#tell('delivered', name, {
        topic: message.topic,
        broker: message.broker,
        queue: message.queue,
        offset: message.offset,
        body: text.decode(message.body),
        attempt: delivery.attempt,
        ...(message.key === undefined ? {} : { key: message.key }),
        ...(message.tag === undefined ? {} : { tag: message.tag }),
        properties: { ...message.properties },
      });
    }
    const { policy } = running;
    const end = (): void => {
      if (delivery.attempt <= numberOf(policy, 'fail', 0)) return delivery.done(new Error('the script says so'));
      this.#handled(name, delivery);
      delivery.done();
    };
    if (flagOf(policy, 'hang')) running.held.push(delivery);
    else if (typeof policy.slow === 'number') {
      const { clock } = this.#options.ground;
      clock.at(clock.nowMs() + policy.slow, () => this.#within(running, end));
    } else end();
  }

  /** Changes what the handler does; hanging deliveries end. */
  #policy(name: string, args: JsonObject, done: CallDone): void {
    const running = this.#clients.get(name);
    if (running === undefined) return done({ kind: 'invalid', text: `no consumer ${name}` }, null);
    running.policy = isObject(args.policy) ? args.policy : {};
    this.#within(running, () => {
      for (const delivery of running.held.splice(0)) {
        this.#handled(name, delivery);
        delivery.done();
      }
    });
    done(undefined, null);
  }

  /** Told before the subject may act on it. */
  #handled(name: string, { messages, attempt }: Delivery): void {
    for (const { topic, offset, broker, queue } of messages)
      this.#tell('handled', name, { topic, offset, broker, queue, attempt });
  }

  #close(name: string, done: CallDone): void {
    const running = this.#clients.get(name);
    if (running === undefined) return done({ kind: 'invalid', text: `no client ${name}` }, null);
    const end = (): void => {
      this.#within(running, (client) => client.close());
      this.#clients.delete(name);
      done(undefined, null);
      this.#options.ground.changed();
    };
    this.#within(running, () => {
      if (running.consumer !== undefined) running.consumer.close({}, () => this.#soon(end));
      else running.producer?.close(() => this.#soon(end));
    });
  }

  #soon(run: () => void): void {
    const { clock } = this.#options.ground;
    clock.at(clock.nowMs(), run);
  }

  /** The process is gone. */
  #abandon(name: string): void {
    const running = this.#clients.get(name);
    if (running === undefined) return;
    this.#clients.delete(name);
    if (!running.node.ended) running.node.kill(new this.#options.engines.QanatError('CLOSED', 'the kit killed it'));
    const { ground } = this.#options;
    if ('network' in ground) (ground.network as { crash(host: string): void }).crash(`subject-${name}`);
  }

  #event(name: string, event: ClientEvent): void {
    const { kind, ...rest } = event;
    const plain = JSON.parse(
      JSON.stringify(rest, (_, value) => (value instanceof Error ? { code: (value as QanatError).code } : value)),
    );
    this.#tell(kind, name, plain);
  }

  #within(running: Running, run: (client: Client) => void): void {
    if (running.node.ended) return;
    running.node.call((client, nowMs) => {
      client.enter(nowMs);
      run(client);
    });
  }
}

function answer(done: CallDone, error: QanatError | undefined, receipts: readonly Receipt[]): void {
  if (error !== undefined) return done(failure(error), null);
  done(
    undefined,
    receipts.map((receipt) => ({
      broker: receipt.broker,
      queue: receipt.queue,
      offset: receipt.baseOffset ?? null,
      duplicate: receipt.duplicate,
      count: 'count' in receipt ? (receipt.count as number) : 1,
    })) as unknown as Json,
  );
}
