import { setTimeout as sleep } from 'node:timers/promises';
import type { Producer, PushConsumer, QanatClient } from '@qanat/client';
import { type LogFields, type LogLevel, type Message, QanatError, RefusalLog } from '@qanat/core';
import type { IPublishPacket } from 'mqtt';
import type { Rule } from '../mapping/rule.ts';
import { toMessage } from '../mapping/to-message.ts';
import { toPublication } from '../mapping/to-publication.ts';
import { TopicRules } from '../mapping/topic-rules.ts';
import { packetProperties, publicationOf, serverOf } from './packet-of.ts';
import { SubscriptionMemory } from './subscription-memory.ts';
import type { UpstreamLimits } from './upstream-limits.ts';
import { refusalOf, type UpstreamAddress, UpstreamLink } from './upstream-link.ts';
import type { Subscribed } from './upstream-subscriptions.ts';
import { inwards, outwards, type UpstreamTopic } from './upstream-topic.ts';

/** Between two attempts to store what came. */
const STORE_RETRY_MS = 1_000;
const BATCH_RECORDS = 256;

export interface UpstreamOptions extends UpstreamAddress {
  /** Of the other broker, for this cluster: messages from it carry it, and are not sent back to it. Part of a group's name. */
  readonly name: string;
  readonly topics: readonly UpstreamTopic[];
  readonly client: QanatClient;
  /** Those of the bridge. Their directions are about devices: another broker sends and receives everything. */
  readonly rules: readonly Rule[];
  readonly ack: 'committed' | 'leader';
  /** Its keyed state keeps what the session there is subscribed to. */
  readonly stateTopic: string;
  readonly log: (level: LogLevel, event: string, fields: LogFields) => void;
  /** ms since 1970. Default that of the process. */
  readonly wallMs?: () => number;
}

/** Counters since the start. */
export interface UpstreamFigures {
  readonly name: string;
  readonly connected: boolean;
  /** Messages that were stored here. */
  readonly received: number;
  /** Messages that the other broker has. */
  readonly sent: number;
  /**
   * Messages that no rule has a topic for, that one of the sides refused for good or cannot take, that had expired, or QoS 0 that
   * met no connection.
   */
  readonly dropped: number;
}

/**
 * Joins the cluster to another MQTT broker. What comes is acknowledged there only once it is stored here; what goes is read as a
 * consumer group, whose offset moves once the other broker has it: both sides may see a message twice, and neither misses one of
 * QoS 1 or above.
 */
export class Upstream {
  readonly #options: UpstreamOptions;
  readonly #rules: TopicRules;
  readonly #producer: Producer;
  readonly #consumer: PushConsumer | undefined;
  readonly #memory: SubscriptionMemory;
  #link: UpstreamLink | undefined;
  #running: Promise<void> | undefined;
  readonly #closing = new AbortController();
  readonly #wallMs: () => number;
  readonly #drops: RefusalLog;
  #received = 0;
  #sent = 0;
  #dropped = 0;

  private constructor(options: UpstreamOptions) {
    this.#options = options;
    this.#wallMs = options.wallMs ?? Date.now;
    this.#drops = new RefusalLog((event, fields) => options.log('warn', event, fields));
    this.#rules = new TopicRules(options.rules.map((rule) => ({ ...rule, direction: 'both' })));
    this.#producer = options.client.producer({ ack: options.ack });
    this.#consumer = options.topics.some(({ direction }) => direction !== 'in')
      ? options.client.pushConsumer({ group: `mqtt-upstream.${options.name}`, topics: this.#rules.clusterTopics(), from: 'last' })
      : undefined;
    this.#memory = memoryOf(options);
  }

  /** Begins to connect; it goes on until `close`, however long the other broker is away. @throws QanatError BAD_CONFIG. */
  static async start(options: UpstreamOptions): Promise<Upstream> {
    const upstream = new Upstream(options);
    try {
      await upstream.#start();
      return upstream;
    } catch (error) {
      await upstream.close();
      throw error;
    }
  }

  figures(): UpstreamFigures {
    return {
      name: this.#options.name,
      connected: this.#link?.isConnected ?? false,
      received: this.#received,
      sent: this.#sent,
      dropped: this.#dropped,
    };
  }

  get #closed(): boolean {
    return this.#closing.signal.aborted;
  }

  /** What is under way is given up: it is sent, or comes, again. Idempotent. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closing.abort();
    await this.#link?.close();
    await this.#memory.close();
    await this.#consumer?.close();
    await this.#running;
    await this.#producer.close();
  }

  async #start(): Promise<void> {
    const { name, url, topics, log } = this.#options;
    let told = false;
    const subscriptions = { wanted: wantedOf(topics), there: await this.#memory.read() };
    this.#link = await UpstreamLink.open(this.#options, subscriptions, {
      connected: (sessionPresent, limits) => {
        told = false;
        log('info', 'upstream.connected', { upstream: name, url: withoutSecrets(url), sessionPresent });
        this.#tellLimits(limits);
      },
      disconnected: (why) => {
        if (!told) log('warn', 'upstream.disconnected', { upstream: name, url: withoutSecrets(url), why });
        told = true;
      },
      refused: (filter, why) => log('error', 'upstream.refused', { upstream: name, filter, why }),
      subscribed: (there) => this.#memory.keep(there),
      message: (packet) => this.#store(packet),
    });
    this.#running = this.#consumer
      ?.runBatch((messages) => this.#send(messages), { recordsMax: BATCH_RECORDS })
      .catch((error) => {
        if (!this.#closed) log('error', 'upstream.stopped', { upstream: name, why: (error as Error).message });
      });
  }

  /** @returns whether it is to be acknowledged. */
  async #store(packet: IPublishPacket): Promise<boolean> {
    const wallMs = this.#wallMs();
    const topic = inwards(this.#options.topics, packet.topic);
    const mapped = topic === undefined ? undefined : this.#rules.toCluster(topic);
    if (topic === undefined || mapped === undefined) {
      this.#drop(packet.topic, 'no rule maps its topic here');
      return true;
    }
    const message = toMessage(publicationOf(packet, topic, wallMs), mapped, wallMs, this.#options.name);
    while (!this.#closed) {
      try {
        await this.#producer.send(mapped.topic, message);
        this.#received++;
        return true;
      } catch (error) {
        const why = (error as Error).message;
        if (packet.qos === 0 || isFinal(error)) {
          this.#drop(packet.topic, why);
          return true;
        }
        this.#options.log('warn', 'upstream.not-stored', { upstream: this.#options.name, why });
        await sleep(STORE_RETRY_MS, undefined, { signal: this.#closing.signal }).catch(() => undefined);
      }
    }
    return false;
  }

  async #send(messages: readonly Message[]): Promise<void> {
    await Promise.all(messages.map((message) => this.#sendOne(message)));
  }

  async #sendOne(message: Message): Promise<void> {
    const { name, topics } = this.#options;
    if (serverOf(message) === name) return;
    const publication = toPublication(message, this.#rules);
    const to = publication && outwards(topics, publication.topic);
    if (publication === undefined || to === undefined) return;
    const wallMs = this.#wallMs();
    const { expiresAtMs } = publication.properties ?? {};
    if (expiresAtMs !== undefined && expiresAtMs <= wallMs) {
      this.#dropped++;
      return;
    }
    const qos = Math.min(publication.qos, to.qos) as 0 | 1 | 2;
    const properties = packetProperties(publication.properties, wallMs);
    const packet = { topic: to.topic, qos, retain: publication.retain, ...(properties === undefined ? {} : { properties }) };
    try {
      await this.#link?.publish(packet, publication.payload);
      this.#sent++;
    } catch (error) {
      if (qos > 0 && refusalOf(error) === undefined) throw error;
      this.#drop(to.topic, (error as Error).message);
    }
  }

  /** What makes messages less there than they are here. */
  #tellLimits({ qosMax, retains }: UpstreamLimits): void {
    if (this.#consumer === undefined) return;
    const fields = { ...(qosMax < 2 ? { qosMax } : {}), ...(retains ? {} : { retain: false }) };
    if (Object.keys(fields).length > 0)
      this.#options.log('warn', 'upstream.limited', { upstream: this.#options.name, ...fields });
  }

  /** Counts and tells what one side does not get: the same reason once a minute. */
  #drop(topic: string, why: string): void {
    this.#dropped++;
    this.#drops.tell(this.#wallMs(), 'upstream.dropped', why, { upstream: this.#options.name, topic, why });
  }
}

/** Trying again changes nothing. */
const isFinal = (error: unknown): boolean => QanatError.is(error) && !error.retryable;

/** What comes is asked for with QoS 1 at most: see `LinkSubscriptions`. */
function wantedOf(topics: readonly UpstreamTopic[]): Subscribed {
  const incoming = topics.filter(({ direction }) => direction !== 'out');
  return new Map(incoming.map(({ remotePrefix, pattern, qos }) => [remotePrefix + pattern, qos === 0 ? 0 : 1]));
}

function memoryOf({ client, stateTopic, clientId, url, username = '', name, log }: UpstreamOptions): SubscriptionMemory {
  return new SubscriptionMemory(client.keyedState(stateTopic), clientId, `${username}@${withoutSecrets(url)}`, (error) =>
    log('warn', 'upstream.not-remembered', { upstream: name, why: (error as Error).message }),
  );
}

const withoutSecrets = (url: string): string => url.replace(/\/\/[^@/]*@/, '//');
