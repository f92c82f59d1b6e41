import { readFileSync } from 'node:fs';
import { QanatError } from '@qanat/core';
import type { IClientOptions, IPublishPacket, MqttClient } from 'mqtt';
import type { QoS } from '../codec/packet.ts';
import { isFailure } from '../codec/reason-codes.ts';

/** Publishes that are under way to the other broker, where it allows so many. */
export const UPSTREAM_WINDOW_MAX = 100;
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
 * The reason code by which the other broker refused a publish. That ends it: it is not sent again [MQTT-4.4.0-2].
 * @param error of `publish`. @returns undefined: it failed otherwise.
 */
export function refusalOf(error: unknown): number | undefined {
  const { code } = error as { readonly code?: unknown };
  return typeof code === 'number' && isFailure(code) ? code : undefined;
}

/** What the link tells. */
export interface LinkEvents {
  connected(sessionPresent: boolean): void;
  disconnected(why: string): void;
  /** A subscription was refused. */
  refused(filter: string, why: string): void;
  /**
   * @returns true once the message is stored, or can never be: it is acknowledged then; false: never, so that it comes again.
   *   Never rejects.
   */
  message(packet: IPublishPacket): Promise<boolean>;
}

/** The connection to another broker: MQTT.js, with what it leaves to its user. */
export class UpstreamLink {
  readonly #client: MqttClient;
  readonly #events: LinkEvents;
  #closed = false;
  /** Of what the other broker takes at a time, this side's bound included. */
  #windowMax = UPSTREAM_WINDOW_MAX;
  #underWay = 0;
  readonly #waiting: (() => void)[] = [];
  #error = 'it does not answer';

  private constructor(client: MqttClient, events: LinkEvents) {
    this.#client = client;
    this.#events = events;
    client.on('connect', ({ sessionPresent, properties }) => {
      this.#windowMax = Math.min(UPSTREAM_WINDOW_MAX, properties?.receiveMaximum ?? UPSTREAM_WINDOW_MAX);
      this.#admit();
      events.connected(sessionPresent === true);
    });
    // Of 3.1.1: who is a bridge is not sent back what comes from him. MQTT 5.0 has No Local. It is told before it is written.
    client.on('packetsend', (packet) => {
      if (packet.cmd === 'connect' && packet.protocolVersion === 4) Object.assign(packet, { bridgeMode: true });
    });
    client.on('error', (error) => {
      this.#error = error.message;
    });
    client.on('close', () => !this.#closed && events.disconnected(this.#error));
    // Called for QoS 0 and 1 before the acknowledgement, which waits for `done`.
    client.handleMessage = (packet, done) =>
      void events.message(packet).then((stored) => {
        if (stored) done();
      });
  }

  /** Begins to connect, and goes on until `close`. @throws QanatError BAD_CONFIG when a file cannot be read. */
  static async open(address: UpstreamAddress, events: LinkEvents): Promise<UpstreamLink> {
    const { connect } = await import('mqtt');
    const client = connect(address.url, { ...optionsOf(address), manualConnect: true });
    const link = new UpstreamLink(client, events);
    client.connect();
    return link;
  }

  get isConnected(): boolean {
    return this.#client.connected;
  }

  /**
   * Subscribes, at every new connection anew. What this side published does not come back.
   * @param qos 2 is taken as 1: MQTT.js acknowledges QoS 2 before it hands a message over, and a crash would lose it.
   */
  subscribe(filter: string, qos: QoS): void {
    const least = Math.min(qos, 1) as 0 | 1;
    this.#client.subscribe(filter, { qos: least, nl: true, rap: true }, (error) => {
      if (error !== null && !this.#closed) this.#events.refused(filter, error.message);
    });
  }

  /** Resolves when the other broker has it: QoS 0 when it is sent, else with the acknowledgement. Rejects: see `refusalOf`. */
  async publish(packet: Pick<IPublishPacket, 'topic' | 'qos' | 'retain' | 'properties'>, payload: Uint8Array): Promise<void> {
    if (this.#underWay >= this.#windowMax) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    if (this.#closed) throw new QanatError('CLOSED', 'the link to the other broker is closed');
    this.#underWay++;
    try {
      const { topic, qos, retain, properties } = packet;
      await this.#client.publishAsync(topic, Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength), {
        qos,
        retain,
        ...(properties === undefined ? {} : { properties }),
      });
    } finally {
      this.#underWay--;
      this.#admit();
    }
  }

  async close(): Promise<void> {
    this.#closed = true;
    for (const go of this.#waiting.splice(0)) go();
    // With something under way it would wait for an acknowledgement that may never come.
    await this.#client.endAsync(this.#underWay > 0 || !this.#client.connected);
  }

  #admit(): void {
    for (let free = this.#windowMax - this.#underWay; free > 0 && this.#waiting.length > 0; free--) this.#waiting.shift()?.();
  }
}

function optionsOf({ clientId, protocolVersion = 5, username, password, tls = {} }: UpstreamAddress): IClientOptions {
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
