import { joinParts } from '@qanat/core';
import { selects } from '../../families/mqtt/lives.ts';
import { encoded } from '../../families/mqtt/sent-packets.ts';
import { type Filter, type Packet, packetEnd, readPacket } from '../../families/mqtt/wire/packet.ts';
import { numberIn, type Property } from '../../families/mqtt/wire/properties.ts';
import type { Fault } from './faults.ts';
import { checkConnect, checkPacket, Refusal, refusalCode } from './model-rules.ts';
import { type Client, ModelSending } from './model-sending.ts';
import { ModelSession, type Stored, type Subscribed } from './model-session.ts';
import type { ServerEnd, StreamGround } from './stream-ground.ts';

const RECEIVE_MAXIMUM = 20;
const ALIAS_MAXIMUM = 10;
const FOREVER = 0xffff_ffff;
/** What the sockets of a device take that does not read. */
const SOCKET_BYTES = 4_194_304;

/**
 * A server of MQTT 3.1.1 and 5.0 as the standard has it, for devices that wait for virtual time: small, without limits, and in
 * memory. With `faults` it is one that breaks a rule.
 */
export class ModelServer {
  readonly #ground: StreamGround;
  readonly #faults: ReadonlySet<Fault>;
  readonly #sessions = new Map<string, ModelSession>();
  readonly #clients = new Map<number, Client>();
  readonly #retained = new Map<string, Stored>();
  readonly #turns = new Map<string, number>();
  /** Wills that wait, by client id. */
  readonly #wills = new Map<string, () => void>();
  readonly #sending: ModelSending;
  #links = 0;

  constructor(ground: StreamGround, faults: readonly Fault[] = []) {
    this.#ground = ground;
    this.#faults = new Set(faults);
    this.#sending = new ModelSending(
      ground,
      (fault) => this.#has(fault),
      ({ link }) => this.#clients.get(link ?? 0),
    );
    ground.listen((end) => this.#accept(end));
  }

  /** It goes away with all links, and comes back with everything that it had acknowledged. */
  restart(): void {
    for (const client of [...this.#clients.values()]) this.#end(client);
    if (this.#has('forgets all when it restarts')) this.#sessions.clear();
  }

  #has(fault: Fault): boolean {
    return this.#faults.has(fault);
  }

  get #nowMs(): number {
    return this.#ground.clock.nowMs();
  }

  #accept(end: ServerEnd): void {
    const client: Client = {
      number: ++this.#links,
      end,
      version: 5,
      pending: new Uint8Array(0),
      session: undefined,
      will: undefined,
      willDelayMs: 0,
      expiry: 0,
      receiveMaximum: 65_535,
      packetMax: Number.POSITIVE_INFINITY,
      keepAliveMs: Number.POSITIVE_INFINITY,
      heardAtMs: this.#nowMs,
      aliases: new Map(),
      closed: false,
    };
    this.#clients.set(client.number, client);
    end.onBytes = (bytes) => this.#take(client, bytes);
    end.onClose = () => this.#closed(client);
  }

  #take(client: Client, bytes: Uint8Array): void {
    client.heardAtMs = this.#nowMs;
    const all = joinParts([client.pending, bytes]);
    client.pending = all;
    if (this.#isHeldUp()) return;
    let at = 0;
    try {
      for (let end = packetEnd(all, at); end !== undefined && !client.closed; end = packetEnd(all, at)) {
        this.#packet(client, all.slice(at, end));
        at = end;
      }
    } catch (error) {
      this.#refuse(client, error instanceof Refusal ? error.reason : 0x81);
    }
    client.pending = all.slice(at);
  }

  /** Who writes to a device and waits until it reads does nothing else. */
  #isHeldUp(): boolean {
    const isFrozen = ({ end }: Client): boolean => end.unreadBytes > SOCKET_BYTES;
    return this.#has('a frozen device holds up all') && [...this.#clients.values()].some(isFrozen);
  }

  #refuse(client: Client, reason: number): void {
    if (this.#has('takes what is wrong')) return;
    if (client.session === undefined) this.#connack(client, refusalCode(reason, client.version), false);
    else if (client.version === 5) this.#send(client, { cmd: 'disconnect', reasonCode: reason });
    this.#end(client);
  }

  #end(client: Client): void {
    client.end.end();
    this.#closed(client);
  }

  #send(client: Client, packet: object): void {
    client.end.write(encoded(packet, client.version));
  }

  #packet(client: Client, bytes: Uint8Array): void {
    if (client.session === undefined) return this.#connect(client, bytes);
    const packet = readPacket(bytes, client.version);
    checkPacket(packet, bytes);
    const handle = this.#handlers[packet.name];
    handle?.(client, client.session, packet);
  }

  #connect(client: Client, bytes: Uint8Array): void {
    if ((bytes[0] ?? 0) >> 4 !== 1) return this.#end(client);
    const nameEnd = bytes.indexOf(0x4d) + 4;
    client.version = bytes[nameEnd] === 5 ? 5 : 4;
    const level = bytes[nameEnd] ?? 0;
    if (level !== 4 && level !== 5) throw new Refusal(0x84);
    const packet = readPacket(bytes, client.version);
    checkConnect(bytes, packet);
    this.#welcome(client, packet);
  }

  #welcome(client: Client, { clientId = '', cleanStart = true, properties, keepAlive = 0, will }: Packet): void {
    const id = clientId === '' ? `auto${client.number}` : clientId;
    this.#takeOver(id);
    const before = this.#sessions.get(id);
    const isOver = before === undefined || before.expiresAtMs <= this.#nowMs;
    const present = !isOver && (!cleanStart || this.#has('clean start keeps the session'));
    const session = present && !this.#has('forgets sessions') ? before : new ModelSession(id);
    this.#sessions.set(id, session);
    session.link = client.number;
    session.expiresAtMs = Number.POSITIVE_INFINITY;
    client.session = session;
    client.expiry = client.version === 4 ? (cleanStart ? 0 : FOREVER) : (numberIn(properties, 'sessionExpiry') ?? 0);
    client.receiveMaximum = numberIn(properties, 'receiveMaximum') ?? 65_535;
    client.packetMax = numberIn(properties, 'maximumPacketSize') ?? Number.POSITIVE_INFINITY;
    this.#watchKeepAlive(client, keepAlive);
    if (will !== undefined) this.#keepWill(client, id, will);
    if (!this.#has('publishes a will whose device is back')) this.#wills.delete(id);
    this.#connack(client, 0, this.#has('tells no session') ? false : present, clientId === '' ? id : undefined);
    if (this.#has('answers CONNECT twice')) this.#connack(client, 0, present);
    this.#resume(client, session);
  }

  #takeOver(id: string): void {
    const old = [...this.#clients.values()].find(({ session, closed }) => session?.clientId === id && !closed);
    if (old === undefined || this.#has('lets two connections of a client live')) return;
    if (old.version === 5 && !this.#has('takes over without a word')) this.#send(old, { cmd: 'disconnect', reasonCode: 0x8e });
    this.#end(old);
  }

  #keepWill(client: Client, id: string, { topic, payload, qos, retain, properties }: NonNullable<Packet['will']>): void {
    const of = properties.filter(({ name }) => name !== 'willDelay');
    client.will = this.#stored({ topic, payload, qos, retain: retain && !this.#has('retains no will') }, of, id);
    client.willDelayMs = (numberIn(properties, 'willDelay') ?? 0) * 1_000;
  }

  #watchKeepAlive(client: Client, seconds: number): void {
    if (seconds === 0 || this.#has('never gives a silent device up')) return;
    client.keepAliveMs = seconds * 1_500;
    const look = (): void => {
      if (client.closed) return;
      if (this.#nowMs < client.heardAtMs + client.keepAliveMs)
        return void this.#ground.clock.at(client.heardAtMs + client.keepAliveMs, look);
      if (client.version === 5) this.#send(client, { cmd: 'disconnect', reasonCode: 0x8d });
      this.#end(client);
    };
    this.#ground.clock.at(client.heardAtMs + client.keepAliveMs, look);
  }

  #connack(client: Client, reason: number, sessionPresent: boolean, assigned?: string): void {
    const properties = {
      ...(reason === 0 ? { receiveMaximum: RECEIVE_MAXIMUM, topicAliasMaximum: ALIAS_MAXIMUM } : {}),
      ...(assigned === undefined ? {} : { assignedClientIdentifier: this.#has('assigns one client id') ? 'auto' : assigned }),
    };
    const code = client.version === 5 ? { reasonCode: reason, properties } : { returnCode: reason };
    this.#send(client, { cmd: 'connack', sessionPresent, ...code });
  }

  #resume(client: Client, session: ModelSession): void {
    if (this.#has('sends nothing again')) return;
    if (this.#has('resumes a session once') && session.resumed) session.outgoing.length = 0;
    session.resumed = session.outgoing.length > 0;
    for (const one of session.outgoing) {
      if (one.state === 'received') this.#send(client, { cmd: 'pubrel', messageId: one.packetId });
      one.link = one.state === 'received' ? client.number : 0;
    }
    this.#sending.feed(session);
  }

  readonly #handlers: Readonly<Record<string, (client: Client, session: ModelSession, packet: Packet) => void>> = {
    PUBLISH: (client, session, packet) => this.#published(client, session, packet),
    PUBACK: (_, session, { packetId = 0 }) => this.#sending.done(session, packetId),
    PUBREC: (client, session, packet) => this.#recorded(client, session, packet),
    PUBREL: (client, session, { packetId = 0 }) => {
      const known = session.incoming.delete(packetId);
      if (this.#has('answers no PUBREL that it does not know') && !known) return;
      this.#send(client, {
        cmd: 'pubcomp',
        messageId: packetId,
        ...(client.version === 5 && !known ? { reasonCode: 0x92 } : {}),
      });
    },
    PUBCOMP: (_, session, { packetId = 0 }) => this.#sending.done(session, packetId),
    SUBSCRIBE: (client, session, packet) => this.#subscribed(client, session, packet),
    UNSUBSCRIBE: (client, session, { filters = [], packetId = 0 }) => {
      const known = filters.map(({ filter }) =>
        this.#has('unsubscribes nothing') ? true : session.subscriptions.delete(filter),
      );
      const granted = known.map((one) => (one ? 0 : 0x11));
      this.#send(client, { cmd: 'unsuback', messageId: packetId, granted });
    },
    PINGREQ: (client) => {
      const waits =
        this.#has('answers nothing while its window is full') && this.#sending.underWay(client) >= client.receiveMaximum;
      if (!waits) this.#send(client, { cmd: 'pingresp' });
    },
    DISCONNECT: (client, _, { reason, properties }) => {
      if (reason === 0 && !this.#has('publishes wills of all')) client.will = undefined;
      client.expiry = numberIn(properties, 'sessionExpiry') ?? client.expiry;
      this.#end(client);
    },
  };

  #published(client: Client, session: ModelSession, packet: Packet): void {
    const { qos = 0, packetId = 0, properties } = packet;
    const alias = numberIn(properties, 'topicAlias');
    if (alias !== undefined && alias > ALIAS_MAXIMUM) throw new Refusal(0x94);
    const topic = packet.topic === '' ? client.aliases.get(alias ?? 0) : packet.topic;
    if (topic === undefined) throw new Refusal(0x82);
    if (alias !== undefined && packet.topic !== '') client.aliases.set(alias, topic);
    if (qos === 2 && !session.incoming.has(packetId) && session.incoming.size >= RECEIVE_MAXIMUM && client.version === 5)
      throw new Refusal(0x93);
    const isAgain = qos === 2 && session.incoming.has(packetId) && !this.#has('passes QoS 2 on again');
    if (qos === 2) session.incoming.add(packetId);
    if (!isAgain && !this.#has('acknowledges and drops')) this.#route({ ...packet, topic }, session.clientId);
    const cmd = qos === 1 ? 'puback' : 'pubrec';
    if (qos > 0) this.#send(client, { cmd, messageId: this.#has('acknowledges the next packet id') ? packetId + 1 : packetId });
  }

  #route({ topic = '', payload = new Uint8Array(0), qos = 0, retain = false, properties }: Packet, from: string): void {
    const of = properties.filter(({ name }) => name !== 'topicAlias');
    this.#spread(this.#stored({ topic, payload, qos, retain }, this.#has('sorts User Properties') ? sorted(of) : of, from));
  }

  #stored(
    { topic, payload, qos, retain }: { topic: string; payload: Uint8Array; qos: number; retain: boolean },
    properties: readonly Property[],
    from: string,
  ): Stored {
    const expiry = numberIn(properties, 'messageExpiry');
    const atMs = this.#nowMs;
    const expiresAtMs = expiry === undefined ? Number.POSITIVE_INFINITY : atMs + expiry * 1_000;
    return { topic, payload, qos, retain, properties, from, atMs, expiresAtMs };
  }

  #spread(message: Stored): void {
    if (message.retain || this.#has('retains everything')) this.#retain(message);
    const members = new Map<string, [ModelSession, Subscribed][]>();
    for (const session of this.#sessions.values()) {
      if (session.expiresAtMs <= this.#nowMs) continue;
      const all = [...session.subscriptions.values()].filter((one) => this.#reaches(session, one, message));
      const plain = all.filter(({ filter }) => !filter.startsWith('$share/') || this.#has('gives shared messages to all'));
      for (const one of all)
        if (!plain.includes(one)) members.set(one.filter, [...(members.get(one.filter) ?? []), [session, one]]);
      if (plain.length > 0) this.#give(session, message, plain);
    }
    for (const [filter, all] of members) this.#giveToOne(filter, all, message);
  }

  #reaches({ clientId, link }: ModelSession, one: Subscribed, message: Stored): boolean {
    if (one.noLocal && message.from === clientId && !this.#has('knows no No Local')) return false;
    if (this.#has('drops what comes for who is away') && link === undefined) return false;
    const filter = one.filter.replace(/^\$share\/[^/]+\//, '');
    if (this.#has('lets # select $') && message.topic.startsWith('$')) return selects(filter, message.topic.slice(1));
    return (
      selects(filter, message.topic) ||
      (this.#has('selects too much') && filter.endsWith('/+') && selects(`${filter}/#`, message.topic))
    );
  }

  #give(session: ModelSession, message: Stored, all: readonly Subscribed[]): void {
    const best = Math.max(...all.map(({ qos }) => qos));
    const granted = this.#has('takes the first QoS of several') ? (all[0]?.qos ?? 0) : best;
    const ids = all.flatMap(({ subscriptionId }) => subscriptionId ?? []);
    const published = all.some((one) => one.retainAsPublished) || this.#has('always passes RETAIN on');
    this.#sending.queue(session, {
      message,
      qos: this.#has('raises QoS') ? granted : Math.min(granted, message.qos),
      retain: published && message.retain,
      subscriptionIds: this.#has('tells one subscription identifier') ? ids.slice(0, 1) : ids,
    });
  }

  #giveToOne(filter: string, all: readonly [ModelSession, Subscribed][], message: Stored): void {
    const online = all.filter(([{ link }]) => link !== undefined);
    const turn = this.#turns.get(filter) ?? 0;
    this.#turns.set(filter, turn + 1);
    const able = online.length > 0 ? online : this.#has('loses shared messages') ? [] : all;
    const [session, one] = able[turn % able.length] ?? [];
    if (session !== undefined && one !== undefined) this.#give(session, message, [one]);
  }

  #retain(message: Stored): void {
    if (message.payload.length === 0 && !this.#has('retains what is empty')) this.#retained.delete(message.topic);
    else this.#retained.set(message.topic, message);
  }

  #recorded(client: Client, session: ModelSession, { packetId = 0, reason = 0 }: Packet): void {
    if (reason >= 0x80) return this.#sending.done(session, packetId);
    const one = session.outgoing.find((other) => other.packetId === packetId);
    if (one !== undefined && !this.#has('sends PUBLISH behind PUBREL')) one.state = 'received';
    this.#send(client, { cmd: 'pubrel', messageId: packetId });
  }

  #subscribed(client: Client, session: ModelSession, { filters = [], packetId = 0, properties }: Packet): void {
    const subscriptionId = numberIn(properties, 'subscriptionId');
    const granted = filters.map(({ filter, qos }) => (isFilter(filter) ? qos : client.version === 5 ? 0x8f : 0x80));
    const fresh = filters.map(({ filter }) => !session.subscriptions.has(filter));
    for (const one of filters) if (isFilter(one.filter)) session.subscriptions.set(one.filter, { ...one, subscriptionId });
    this.#send(client, {
      cmd: 'suback',
      messageId: packetId,
      granted: this.#has('forgets codes of SUBACK') ? granted.slice(0, 1) : granted,
    });
    for (const [at, one] of filters.entries()) {
      const wanted =
        one.retainHandling === 0 || (one.retainHandling === 1 && fresh[at] === true) || this.#has('knows no Retain Handling');
      if (isFilter(one.filter) && wanted && !one.filter.startsWith('$share/')) this.#sendRetained(session, one, subscriptionId);
    }
  }

  #sendRetained(session: ModelSession, one: Filter, id: number | undefined): void {
    if (this.#has('sends nothing retained')) return;
    for (const message of this.#retained.values()) {
      if (!selects(one.filter, message.topic) || message.expiresAtMs <= this.#nowMs) continue;
      this.#sending.queue(session, {
        message,
        qos: Math.min(one.qos, message.qos),
        retain: true,
        subscriptionIds: id === undefined ? [] : [id],
      });
    }
  }

  #closed(client: Client): void {
    if (client.closed) return;
    client.closed = true;
    this.#clients.delete(client.number);
    const { session, will } = client;
    if (session === undefined) return;
    if (session.link === client.number) {
      session.link = undefined;
      session.expiresAtMs = client.expiry === FOREVER ? Number.POSITIVE_INFINITY : this.#nowMs + client.expiry * 1_000;
      if (this.#has('keeps sessions for ever') && client.expiry > 0) session.expiresAtMs = Number.POSITIVE_INFINITY;
    }
    if (will !== undefined && !this.#has('publishes no wills')) this.#wait(client, session.clientId, will);
  }

  #wait({ willDelayMs, expiry }: Client, id: string, will: Stored): void {
    const waitMs = this.#has('knows no will delay') ? 0 : Math.min(willDelayMs, expiry * 1_000);
    if (waitMs === 0) return this.#spread({ ...will, atMs: this.#nowMs });
    const publish = (): void => {
      if (this.#wills.get(id) !== publish) return;
      this.#wills.delete(id);
      this.#spread(will);
    };
    this.#wills.set(id, publish);
    this.#ground.clock.at(this.#nowMs + waitMs, publish);
  }
}

const sorted = (properties: readonly Property[]): readonly Property[] =>
  properties.toSorted((one, other) => String(one.value).localeCompare(String(other.value)));

const isFilter = (filter: string): boolean => {
  const levels = filter.split('/');
  return levels.every((level, at) => (level === '#' ? at === levels.length - 1 : level === '+' || !/[#+]/.test(level)));
};
