import { readFileSync } from 'node:fs';
import { QanatError } from '@qanat/core';
import type { IClientOptions, IConnackPacket, IPublishPacket, MqttClient, Packet } from 'mqtt';
import { MqttError } from '../codec/mqtt-error.ts';
import type { ProtocolVersion, QoS } from '../codec/packet.ts';
import { isFailure, REASON } from '../codec/reason-codes.ts';
import { FatalPublish, UPSTREAM_TRIES_MAX } from './fatal-publish.ts';
import {
  checkSayable,
  limitsOf,
  lowered,
  mayGoAgain,
  refusalOfFilter,
  type UpstreamLimits,
  type UpstreamPublish,
} from './upstream-limits.ts';
import { type Subscribed, UpstreamSubscriptions } from './upstream-subscriptions.ts';

/** Publishes that are under way to the other broker, where it allows so many. */
export const UPSTREAM_WINDOW_MAX = 100;
const DEFAULT_VERSION = 5;
const RECONNECT_MS = 1_000;
const CONNECT_TIMEOUT_MS = 10_000;
const KEEP_ALIVE_S = 30;
/** How long the other broker keeps the session of a bridge that is away, s. */
const SESSION_EXPIRY_S = 7 * 24 * 3_600;

/** How another broker is reached. */
export interface UpstreamAddress {
  /** `mqtt://host:1883`, `mqtts://`, `ws://`, `wss://`. */
  readonly url: string;
  /** The same at each start: the other broker keeps the session by it. */
  readonly clientId: string;
  /** 5, or 4 for 3.1.1. Default 5. */
  readonly protocolVersion?: 4 | 5;
  readonly username?: string;
  readonly password?: string;
  /** Files of PEM: the CA of the other broker, a certificate and its key for this side. */
  readonly tls?: { readonly ca?: string; readonly cert?: string; readonly key?: string };
}

/**
 * The reason code by which the other broker refused a publish, or this side for it. That ends it: it is not sent again
 * [MQTT-4.4.0-2].
 * @param error of `publish`. @returns undefined: it failed otherwise.
 */
export function refusalOf(error: unknown): number | undefined {
  if (error instanceof MqttError) return error.reasonCode;
  const { code } = error as { readonly code?: unknown };
  return typeof code === 'number' && isFailure(code) ? code : undefined;
}

/** What the link tells. */
export interface LinkEvents {
  connected(sessionPresent: boolean, limits: UpstreamLimits): void;
  disconnected(why: string): void;
  /** A subscription was refused, or cannot be asked for. */
  refused(filter: string, why: string): void;
  /** What the session there has is another: to be given to the next link. */
  subscribed(there: Subscribed): void;
  /**
   * @returns true once the message is stored, or can never be: it is acknowledged then; false: never, so that it comes again.
   *   Never rejects.
   */
  message(packet: IPublishPacket): Promise<boolean>;
}

export interface LinkSubscriptions {
  /**
   * What this side published does not come back by them. There is no QoS 2: MQTT.js acknowledges it before it hands a message
   * over, and a crash would lose it.
   */
  readonly wanted: Subscribed;
  /** What the session there had when it was last known. */
  readonly there: Subscribed;
}

/** The connection to another broker: MQTT.js, with what it leaves to its user. */
export class UpstreamLink {
  readonly #client: MqttClient;
  readonly #version: ProtocolVersion;
  readonly #events: LinkEvents;
  readonly #subscriptions: UpstreamSubscriptions;
  #closed = false;
  /** Connected, and MQTT.js has sent again what it kept. */
  #open = false;
  #limits = limitsOf();
  #underWay = 0;
  /** Told whether there is a place for it. */
  readonly #waiting: ((admitted: boolean) => void)[] = [];
  /** Of those under way. */
  readonly #rejections = new Set<(error: Error) => void>();
  readonly #fatal = new FatalPublish();
  /** What is not sent any more: it ended its connections. */
  #givenUp: number | undefined;
  /** Why a publish is being taken from MQTT.js, which tells it at once, without a reason. */
  #removal: Error | undefined;
  /** Packet identifiers of what was sent again in the session in which it was sent before. */
  readonly #sentAgain = new Set<number | undefined>();
  #error = 'it does not answer';

  private constructor(client: MqttClient, version: ProtocolVersion, { wanted, there }: LinkSubscriptions, events: LinkEvents) {
    this.#client = client;
    this.#version = version;
    this.#events = events;
    this.#subscriptions = new UpstreamSubscriptions(wanted, there, version, (now) => events.subscribed(now));
    client.on('packetreceive', (packet) => this.#received(packet));
    client.on('connect', ({ sessionPresent }) => this.#begin(sessionPresent === true));
    // Of 3.1.1: who is a bridge is not sent back what comes from him. MQTT 5.0 has No Local. It is told before it is written.
    client.on('packetsend', (packet) => {
      if (packet.cmd === 'connect' && packet.protocolVersion === 4) Object.assign(packet, { bridgeMode: true });
      if (packet.cmd === 'publish' && packet.qos > 0) this.#fatal.sent(packet.messageId as number);
    });
    client.on('error', (error) => {
      this.#error = error.message;
      this.#fatal.failed(error);
    });
    client.on('close', () => {
      this.#open = false;
      this.#givenUp = this.#fatal.ended() ?? this.#givenUp;
      if (!this.#closed) events.disconnected(this.#error);
    });
    // Called for QoS 0 and 1 before the acknowledgement, which waits for `done`.
    client.handleMessage = (packet, done) =>
      void events.message(packet).then((stored) => {
        if (stored) done();
      });
  }

  /** Begins to connect, and goes on until `close`. @throws QanatError BAD_CONFIG when a file cannot be read. */
  static async open(address: UpstreamAddress, subscriptions: LinkSubscriptions, events: LinkEvents): Promise<UpstreamLink> {
    const { connect } = await import('mqtt');
    const client = connect(address.url, { ...optionsOf(address), manualConnect: true });
    const link = new UpstreamLink(client, address.protocolVersion ?? DEFAULT_VERSION, subscriptions, events);
    client.connect();
    return link;
  }

  get isConnected(): boolean {
    return this.#client.connected;
  }

  /** Asks for what the session there does not have, then ends what nobody wants: what both select is missed at no time. */
  #subscribe(): void {
    for (const [filter, qos] of this.#subscriptions.missing()) this.#ask(filter, qos);
    for (const filter of this.#subscriptions.superfluous())
      if (refusalOfFilter(filter, this.#version, this.#limits) === undefined)
        this.#client.unsubscribe(filter, (error) => {
          if (error == null) this.#subscriptions.gone(filter);
        });
  }

  #ask(filter: string, qos: 0 | 1): void {
    const refusal = refusalOfFilter(filter, this.#version, this.#limits);
    if (refusal !== undefined) return this.#events.refused(filter, refusal);
    // Retained messages come where the subscription is new to the session, not each time that a bridge starts.
    this.#client.subscribe(filter, { qos, nl: true, rap: true, rh: 1 }, (error) => {
      if (error === null) return this.#subscriptions.granted(filter);
      // Without SUBACK the session may have what it had.
      if ('packet' in error && error.packet !== undefined) this.#subscriptions.gone(filter);
      if (!this.#closed) this.#events.refused(filter, error.message);
    });
  }

  /**
   * Resolves when the other broker has it: QoS 0 when it is sent, else with the acknowledgement. QoS 1 and 2 wait for a
   * connection. It is sent as the other broker takes it: see `lowered`. Rejects: see `refusalOf`.
   */
  async publish(packet: Omit<UpstreamPublish, 'payload'>, payload: Uint8Array): Promise<void> {
    const whole = { ...packet, payload: Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength) };
    for (;;) {
      if (!(await this.#admission(packet.qos))) throw closed();
      try {
        return await this.#send(whole);
      } catch (error) {
        if (error === EXCHANGE_LOST) continue;
        // It was under way when a connection began that does not take it any more.
        checkSayable(lowered(whole, this.#limits), this.#version, this.#limits);
        throw error;
      } finally {
        this.#underWay--;
        this.#admit();
      }
    }
  }

  async #send(publish: UpstreamPublish): Promise<void> {
    const sent = lowered(publish, this.#limits);
    checkSayable(sent, this.#version, this.#limits);
    const { topic, payload, ...options } = sent;
    await new Promise<void>((resolve, reject) => {
      this.#rejections.add(reject);
      this.#client.publish(topic, payload, options, (error, answer) => {
        this.#rejections.delete(reject);
        const again = this.#sentAgain.delete(answer?.messageId);
        if (error == null || (sent.qos === 2 && isThere(error, again))) resolve();
        else reject(this.#removal ?? error);
      });
    });
  }

  async close(): Promise<void> {
    this.#closed = true;
    for (const go of this.#waiting.splice(0)) go(false);
    // With something under way it would wait for an answer that may never come.
    const awaits = this.#underWay > 0 || Object.keys(this.#client.outgoing).length > 0;
    await this.#client.endAsync(awaits || !this.#client.connected);
    for (const reject of this.#rejections) reject(closed());
  }

  #received(packet: Packet): void {
    if (packet.cmd === 'connack' && accepts(packet)) this.#accepted(packet);
    else if (packet.cmd === 'puback' || packet.cmd === 'pubrec') this.#fatal.acknowledged(packet.messageId as number);
    else if (packet.cmd === 'disconnect') this.#fatal.told(packet.reasonCode ?? REASON.NORMAL_DISCONNECTION);
  }

  /** The limits of a connection hold from its CONNACK on, after which MQTT.js sends again what it kept. */
  #accepted({ properties, sessionPresent }: IConnackPacket): void {
    this.#limits = limitsOf(properties);
    this.#fatal.accepted();
    this.#sentAgain.clear();
    // Not only at `connect`, before which the connection can end.
    if (!sessionPresent) this.#subscriptions.lost();
    const { outgoing, outgoingStore } = this.#client;
    for (const messageId of Object.keys(outgoing).map(Number))
      outgoingStore.get({ messageId }, (_error, kept) => {
        if (kept?.cmd === 'publish') this.#again(messageId, kept, sessionPresent);
        // In another session PUBREL releases nothing, and a server of 3.1.1 says nothing of that.
        else if (kept?.cmd === 'pubrel' && !sessionPresent) this.#remove(messageId, EXCHANGE_LOST);
      });
    this.#givenUp = undefined;
  }

  /** What was under way is sent again, or taken from MQTT.js. */
  #again(messageId: number, kept: IPublishPacket, sessionPresent: boolean): void {
    if (messageId === this.#givenUp) return this.#remove(messageId, fatal());
    if (!mayGoAgain(kept, this.#version, this.#limits)) return this.#remove(messageId);
    // MQTT.js sends it without saying so [MQTT-3.3.1-1].
    kept.dup = true;
    if (sessionPresent) this.#sentAgain.add(messageId);
  }

  #remove(messageId: number, why?: Error): void {
    this.#removal = why;
    this.#client.removeOutgoingMessage(messageId);
    this.#removal = undefined;
  }

  #begin(sessionPresent: boolean): void {
    this.#open = true;
    this.#subscribe();
    this.#admit();
    this.#events.connected(sessionPresent, this.#limits);
  }

  /** Resolves once it may be sent, and is counted as under way; false: it was closed before. */
  async #admission(qos: QoS): Promise<boolean> {
    if (this.#closed) return false;
    // QoS 0 that meets no connection fails at once.
    if (this.#isFree() || (qos === 0 && !this.#open)) this.#underWay++;
    else return new Promise<boolean>((resolve) => this.#waiting.push(resolve));
    return true;
  }

  #isFree(): boolean {
    return this.#open && this.#underWay < Math.min(UPSTREAM_WINDOW_MAX, this.#limits.receiveMaximum);
  }

  #admit(): void {
    while (this.#waiting.length > 0 && this.#isFree()) {
      // Here, not when it goes on: until then others may end, and more would be let in than there are places.
      this.#underWay++;
      this.#waiting.shift()?.(true);
    }
  }
}

const closed = (): QanatError => new QanatError('CLOSED', 'the link to the other broker is closed');

const fatal = (): MqttError => {
  const why = `the other broker ended ${UPSTREAM_TRIES_MAX} connections in a row at its sending`;
  return new MqttError(REASON.UNSPECIFIED_ERROR, why);
};

/** The other broker had a message of QoS 2, and lost its session before it was told to release it: it is sent anew. */
const EXCHANGE_LOST = new Error('the other broker has lost the session');

/**
 * Whether the other broker has a message of QoS 2, though its answer is a failure. PUBCOMP to a PUBREL that was sent again: it
 * ended the exchange before, and told so on a connection that is no more. PUBREC to a PUBLISH that was sent again: it knows that.
 */
function isThere(error: Error, again: boolean): boolean {
  const code = 'code' in error ? error.code : undefined;
  return code === REASON.PACKET_IDENTIFIER_NOT_FOUND || (again && code === REASON.PACKET_IDENTIFIER_IN_USE);
}

const accepts = ({ reasonCode, returnCode }: IConnackPacket): boolean => (reasonCode ?? returnCode ?? 0) === 0;

function optionsOf({
  clientId,
  protocolVersion = DEFAULT_VERSION,
  username,
  password,
  tls = {},
}: UpstreamAddress): IClientOptions {
  return {
    clientId,
    protocolVersion,
    clean: false,
    ...(protocolVersion === 4 ? {} : { properties: { sessionExpiryInterval: SESSION_EXPIRY_S } }),
    keepalive: KEEP_ALIVE_S,
    connectTimeout: CONNECT_TIMEOUT_MS,
    reconnectPeriod: RECONNECT_MS,
    reconnectOnConnackError: true,
    queueQoSZero: false,
    // Left to this side, which knows what the other broker takes.
    resubscribe: false,
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
    ...Object.fromEntries(Object.entries(tls).map(([name, file]) => [name, readPem(file)])),
  };
}

function readPem(file: string): Buffer {
  try {
    return readFileSync(file);
  } catch (cause) {
    throw new QanatError('BAD_CONFIG', `cannot read ${file}: ${(cause as NodeJS.ErrnoException).code}`, { cause });
  }
}
